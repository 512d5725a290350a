"""What PostgreSQL's error codes mean to this program."""

DISK_FULL = "53100"
# Rights, a schema or a table that is not there: taken away, or not restored yet. It is for a person
# to give them back, like a server that is down.
MISSING = frozenset({"42501", "3F000", "42P01"})
# A statement that this session prepared is unknown, or one that it did not prepare is there: a
# pooler gave it another server's session.
OTHER_SESSION = frozenset({"26000", "42P05"})
