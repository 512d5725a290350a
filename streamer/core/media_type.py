"""Media types (RFC 9110 §8.3.1)."""


def media_type_of(content_type: str | None) -> str:
    """The type that a Content-Type names, in lower case, without parameters; empty without one."""
    return (content_type or "").partition(";")[0].strip().lower()
