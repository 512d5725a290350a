"""Lets those in who have a signature, where a behaviour asks for one."""

from functools import lru_cache

from edge.core.behaviours import Behaviour, cookies
from edge.core.cross_origin import allowed_origin, is_preflight
from edge.core.key import without_cmcd
from edge.request import Request
from edge.rules import Rules
from streamer.core.signing import COOKIES, Forbidden, check, verified

_REMEMBERED = 2048


class Gate:
    """Checks signatures; what came of the latest ones is remembered.

    Args:
        rules: Which paths need one.
    """

    def __init__(self, rules: Rules) -> None:
        self._rules = rules
        self._verified = lru_cache(maxsize=_REMEMBERED)(verified)

    def refusal(self, request: Request, behaviour: Behaviour, now: float) -> Forbidden | None:
        """Why a viewer may not have what it asks for; None: it may."""
        keys, head = behaviour.signed_by, request.head
        if not keys:
            hides = self._rules.current.hides(head.block.host, head.target)
            return Forbidden.RESOURCE if hides else None
        if is_preflight(head) and allowed_origin(head.fields, behaviour.allow_origins):
            return None
        # Players add it to the URLs that they were given.
        target, host = without_cmcd(head.target), head.block.host or ""
        said = {
            COOKIES[name]: value for name, value in cookies(head.fields).items() if name in COOKIES
        }
        return check(target, said, host, request.viewer, keys, now, self._verified)
