"""Whose connection it is: for the bound on connections per address, and whom to believe."""

from collections.abc import Collection
from ipaddress import IPv4Network, IPv6Network, ip_address

Networks = Collection[IPv4Network | IPv6Network]


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


def is_within(address: str, networks: Networks) -> bool:
    """Whether an address, as sockets give it, lies in one of some networks; an empty one does not.

    IPv4 addresses as IPv6 sockets give them are IPv4 addresses here too.
    """
    if not address or not networks:
        return False
    found = ip_address(address.removeprefix("::ffff:") if "." in address else address)
    return any(found in network for network in networks)
