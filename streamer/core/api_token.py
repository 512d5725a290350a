"""What an API token may be made of."""


def is_sendable(token: str) -> bool:
    """Whether every client can send a token (RFC 6750 §2.1 takes even less); it may be empty."""
    return token.isascii() and token.isprintable() and token == token.strip()
