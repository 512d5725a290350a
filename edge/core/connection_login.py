"""Credentials that hold for a connection, not for the request that carries them (RFC 4559 §6)."""

_SCHEMES = frozenset({"negotiate", "ntlm"})


def logs_in(authorization: str) -> bool:
    """Whether what follows on the same connection is answered as to whom `Authorization` names."""
    return authorization.partition(" ")[0].lower() in _SCHEMES
