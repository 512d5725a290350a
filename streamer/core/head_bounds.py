"""Bounds of a request's head, of viewers at an edge and of clients at the origin."""

MAX_TARGET_BYTES = 8192
MAX_HEAD_BYTES = 32768
MAX_FIELDS = 100
