"""A network in which there is nothing but this worker's server of sources.

Linux keeps a network namespace (network_namespaces(7)) for it, with a loopback interface of its
own: ffmpeg, started in there, reaches what listens there and nothing else. Making one takes
CAP_SYS_ADMIN.
"""

import ctypes
import fcntl
import os
import socket
import struct
import threading
from contextlib import suppress
from dataclasses import dataclass

_CLONE_NEWNET = 0x4000_0000
_CLONE_NEWUSER = 0x1000_0000
_SIOCSIFFLAGS = 0x8914
_IFF_UP = 0x1
_BACKLOG = 64
_libc = ctypes.CDLL(None, use_errno=True)


@dataclass(frozen=True, slots=True)
class Cell:
    """A namespace, as an open file, and a socket that listens on its loopback interface."""

    namespace: int
    listener: socket.socket

    def close(self) -> None:
        """Give it up; it is gone with the last process in it."""
        os.close(self.namespace)
        self.listener.close()

    def enter(self) -> None:
        """Move the calling thread into it; OSError when the kernel forbids that."""
        _check(_libc.setns(self.namespace, _CLONE_NEWNET))


def open_cell() -> Cell | None:
    """A new cell; None where the kernel allows none."""
    made: list[Cell] = []

    def make() -> None:
        # Namespaces belong to threads: this one takes its own with it.
        with suppress(OSError):
            _check(_libc.unshare(_CLONE_NEWNET))
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
                raise_loopback = struct.pack("16sh14x", b"lo", _IFF_UP)
                fcntl.ioctl(control, _SIOCSIFFLAGS, raise_loopback)
            listener = socket.create_server(("127.0.0.1", 0), backlog=_BACKLOG)
            namespace = os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
            made.append(Cell(namespace, listener))

    thread = threading.Thread(target=make)
    thread.start()
    thread.join()
    return made[0] if made else None


def leave_network() -> None:
    """Move the calling process, of one thread, to where there is no network, if it may."""
    with suppress(OSError):
        _check(_libc.unshare(_CLONE_NEWUSER | _CLONE_NEWNET))


def _check(result: int) -> None:
    if result != 0:
        error = ctypes.get_errno()
        raise OSError(error, os.strerror(error))
