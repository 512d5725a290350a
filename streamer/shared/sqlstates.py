"""What PostgreSQL's error codes mean to this program."""

DISK_FULL = "53100"
# Rights, a schema or a table that is not there: taken away, or not restored yet. It is for a person
# to give them back, like a server that is down.
MISSING = frozenset({"42501", "3F000", "42P01"})
