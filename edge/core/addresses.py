"""Whose connection it is, for the bound on connections per address."""


def network_of(address: str) -> str:
    """What counts as one viewer: an IPv4 address, or the /64 network of an IPv6 address.

    Whoever has an IPv6 address usually has 2**64 of them. IPv4 addresses as IPv6 sockets give them
    (`::ffff:192.0.2.1`) stay what they are.
    """
    if ":" not in address or "." in address:
        return address.removeprefix("::ffff:")
    head, _, tail = address.partition("%")[0].partition("::")
    before = head.split(":") if head else []
    after = tail.split(":") if tail else []
    zeros = ["0"] * (8 - len(before) - len(after)) if "::" in address else []
    return ":".join((*before, *zeros, *after)[:4]) + "::/64"
