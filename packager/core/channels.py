"""Which loudspeakers the channels of a sound are taken for."""

import re

# How ffmpeg spells a layout that has no name.
_LABELLED = re.compile(r"[0-9]+ channels \((.+)\)")
_FRONT = {"FL", "FC"}
_BASS = {"LFE", "LFE2"}
# Layouts with a name of which swresample makes no stereo.
_UNMIXED = {"binaural", "ambisonic 0"}
_OPPOSITE = str.maketrans("LR", "RL")
_LAYOUTS = {1: "mono", 2: "stereo", 3: "3.0", 4: "quad", 5: "5.0", 6: "5.1", 7: "6.1", 8: "7.1"}
_MOST = max(_LAYOUTS)


def layout_by_order(channels: int, layout: str) -> tuple[int, str] | None:
    """How many channels are taken in their order, and as which layout; None: by their labels.

    swresample mixes what has a loudspeaker in front and both of each pair. Elsewhere labels tell
    little: two channels of a surround mix that was cut into pairs, or some that nobody named.
    """
    if _can_be_mixed(layout):
        return None
    count = min(channels, _MOST)
    return count, _LAYOUTS[count]


def _can_be_mixed(layout: str) -> bool:
    found = _LABELLED.fullmatch(layout)
    if found is None:
        return layout not in _UNMIXED
    labels = found[1].split("+")
    sides = set(labels) - _BASS
    is_paired = all(label.translate(_OPPOSITE) in sides for label in sides)
    return is_paired and not _FRONT.isdisjoint(sides) and len(set(labels)) == len(labels)
