"""What is in the segments that are published."""

from packager.core.fmp4 import Fragment, FragmentReader


def read_segment(data: bytes) -> Fragment:
    """The samples of a segment made by `write_segment`."""
    (fragment,) = FragmentReader().feed(data)
    return fragment
