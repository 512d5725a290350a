"""Which IP addresses are the public Internet: what may be reached on behalf of a stranger.

Everything that is not globally reachable unicast is refused (RFC 6890), and so is an IPv6 address
that carries such an IPv4 address: mapped, NAT64, 6to4 or Teredo.
"""

from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

_PROTOCOLS = (IPv4Network("192.0.0.0/24"), IPv4Network("192.88.99.0/24"))
_NAT64 = (IPv6Network("64:ff9b::/96"), IPv6Network("64:ff9b:1::/48"))


def is_public_address(text: str) -> bool:
    """Whether `text` is an address that is reachable, as itself, on the public Internet."""
    try:
        address = ip_address(text)
    except ValueError:
        return False
    if isinstance(address, IPv6Address):
        return _is_public_ipv6(address)
    return _is_public_ipv4(address)


def _is_public_ipv4(address: IPv4Address) -> bool:
    """Python's own table of IPv4 protocol assignments differs between its versions."""
    return _is_public_unicast(address) and not any(address in network for network in _PROTOCOLS)


def _is_public_ipv6(address: IPv6Address) -> bool:
    if address.ipv4_mapped is not None:
        return _is_public_ipv4(address.ipv4_mapped)
    carries_ipv4 = address.sixtofour is not None or address.teredo is not None
    if carries_ipv4 or any(address in network for network in _NAT64):
        return False
    return not address.is_site_local and _is_public_unicast(address)


def _is_public_unicast(address: IPv4Address | IPv6Address) -> bool:
    return address.is_global and not (address.is_multicast or address.is_reserved)
