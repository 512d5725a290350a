"""Which release this is, to those that share its work."""

# Workers go on with what a worker of this release recorded, and with nothing else: raise it when
# workflow steps change, what their results are, or how chunks are numbered.
RELEASE = 13
