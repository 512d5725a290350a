"""The certificates of the listener: chosen by the name a viewer asks for, replaced while it runs.

Viewers meet one TLS context for as long as the node lives, so that their session tickets stay good
when certificates are replaced; in the handshake it hands over to the context of the right
certificate.
"""

import os
import ssl
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from cryptography import x509

from edge.behaviour_file import Read
from edge.core.names import by_name
from edge.errors import BadCertificate

# What TLS 1.2 may use; the suites of TLS 1.3 are all of this kind.
_CIPHERS = "ECDHE+AESGCM:ECDHE+CHACHA20"

_UNREADABLE = (ValueError, x509.DuplicateExtension, x509.UnsupportedGeneralNameType)

Pair = tuple[Path, Path]


class Certificates:
    """The certificates of one node, each with its private key.

    Of those for one name, the first of each type of key is given to viewers, as they prefer.

    Args:
        pairs: The PEM files of each: its chain, then its key. The first is for viewers that ask
            for no name or an unknown one.
        read: Reads them.

    Attributes:
        context: What viewers meet, for as long as the node lives.
        doubts: What is odd about certificates that can be used.

    Raises:
        BadCertificate: A file cannot be used.
    """

    def __init__(self, pairs: Sequence[Pair], read: Read) -> None:
        self._pairs = pairs
        self.reload(read)
        self.context = _context(pairs[:1], read)
        self.context.sni_callback = self._choose

    def reload(self, read: Read) -> None:
        """Read the files again, for handshakes to come.

        Raises:
            BadCertificate: A file cannot be used; everything stays as it was.
        """
        leaves = {pair: _leaf(pair[0], read) for pair in self._pairs}
        chosen: dict[str, dict[str, Pair]] = {}
        for pair, leaf in leaves.items():
            for name in leaf.names:
                chosen.setdefault(name, {}).setdefault(leaf.key_type, pair)
        first = self._pairs[0]
        groups = {name: tuple(by_key.values()) for name, by_key in chosen.items()}
        with_first = (group for group in groups.values() if group[0] == first)
        default = max(with_first, key=len, default=(first,))
        contexts = {group: _context(group, read) for group in {default, *groups.values()}}
        unused = [pair for pair in self._pairs if not any(pair in group for group in contexts)]
        for pair in unused:
            _context([pair], read)  # it has to be right all the same
        self._default = contexts[default]
        self._by_name = {name: contexts[group] for name, group in groups.items()}
        self.doubts = [f"{pair[0]} is never used: {_why_unused(leaves[pair])}" for pair in unused]
        now = datetime.now(UTC)
        self.doubts += [
            f"{chain} has expired" for (chain, _), leaf in leaves.items() if leaf.ends_at < now
        ]

    def covers(self, host: str) -> bool:
        """Whether a certificate is for this host name or address."""
        return by_name(self._by_name, host) is not None

    def _choose(self, tls: ssl.SSLObject, name: str | None, _: ssl.SSLContext) -> None:
        tls.context = by_name(self._by_name, name or "") or self._default


def _context(pairs: Sequence[Pair], read: Read) -> ssl.SSLContext:
    """A context with certificates of different types of keys."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers(_CIPHERS)
    context.set_alpn_protocols(["http/1.1"])
    context.options |= ssl.OP_NO_RENEGOTIATION
    # The viewer knows which cipher is fast for it; all that are left are good, and browsers on
    # processors with AES prefer AES-128-GCM, which is also the cheapest here.
    context.options &= ~ssl.OP_CIPHER_SERVER_PREFERENCE
    for chain, key in pairs:
        try:
            with _as_file(read(chain)) as chain_file, _as_file(read(key)) as key_file:
                context.load_cert_chain(chain_file, key_file, password=b"")
        except (OSError, ValueError) as error:
            raise BadCertificate(f"{chain} with {key}: {_reason(error)}") from error
    return context


@dataclass(frozen=True, slots=True)
class _Leaf:
    """What the first certificate of a chain says."""

    names: Sequence[str]
    key_type: str
    ends_at: datetime


def _leaf(chain: Path, read: Read) -> _Leaf:
    try:
        leaf = x509.load_pem_x509_certificates(read(chain))[0]
        key_type = leaf.public_key_algorithm_oid.dotted_string
        return _Leaf(_names(leaf), key_type, leaf.not_valid_after_utc)
    except (OSError, *_UNREADABLE) as error:
        raise BadCertificate(f"{chain}: {_reason(error)}") from error


def _why_unused(leaf: _Leaf) -> str:
    return "others come first" if leaf.names else "it names nobody"


def _names(certificate: x509.Certificate) -> list[str]:
    """The names a certificate is for, in lower case."""
    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return []
    addresses = names.get_values_for_type(x509.IPAddress)
    return [
        *(name.lower() for name in names.get_values_for_type(x509.DNSName)),
        *(str(address) for address in addresses),
    ]


@contextmanager
def _as_file(data: bytes) -> Iterator[str]:
    """A name under which OpenSSL, which takes nothing but files, reads what is in memory."""
    with os.fdopen(os.memfd_create("pem"), "wb") as file:
        file.write(data)
        file.flush()
        yield f"/proc/self/fd/{file.fileno()}"


def _reason(error: Exception) -> str:
    if isinstance(error, ssl.SSLError):
        return (error.reason or "unusable").replace("_", " ").lower()
    return getattr(error, "strerror", None) or "not a certificate in PEM"
