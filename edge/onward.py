"""What goes on with a request, by where it came from: a viewer, or another worker of this node."""

from dataclasses import dataclass
from typing import Protocol

from edge.core.fields import Fields
from edge.core.forward import fill_fields, has_looped, inner_fill_fields, pass_fields
from edge.core.inner import told_behaviours, untold
from edge.request import Request
from edge.rules import Rules


class Onward(Protocol):
    """Makes the header sections of the requests that a request leads to."""

    def has_looped(self, request: Request) -> bool:
        """Whether it came through this very node before."""
        ...

    def is_at_odds(self, request: Request) -> bool:
        """Whether who sent it goes by other behaviours and would take the answer for its own."""
        ...

    def fill_fields(self, request: Request, *, validates: bool) -> Fields:
        """The fields of a fetch whose answer many may get."""
        ...

    def pass_fields(self, request: Request) -> Fields:
        """The fields of the request, forwarded for this viewer alone."""
        ...


@dataclass(frozen=True, slots=True)
class FromViewers:
    """Requests from outside.

    Attributes:
        via: This node in `Via`.
        rules: What tells answers apart for which path.
        tells_demands: Whether the next hop, when asked to validate, is told what the viewer demands
            of caches: another worker has to heed it as this one does.
    """

    via: str
    rules: Rules
    tells_demands: bool = False

    def has_looped(self, request: Request) -> bool:
        """Whether it came through this very node before."""
        return has_looped(request.head.fields, self.via)

    def is_at_odds(self, _: Request) -> bool:
        """Whether who sent it goes by other behaviours: viewers and edges go by their own."""
        return False

    def fill_fields(self, request: Request, *, validates: bool) -> Fields:
        """The fields of a fetch whose answer many may get."""
        fields = request.head.fields
        sent = fill_fields(
            fields, self.via, request.viewer, request.scheme, keyed=self._keyed(request)
        )
        if not (validates and self.tells_demands):
            return sent
        demands = [item for item in fields.items if item[0] in ("cache-control", "pragma")]
        return sent.plus(*demands)

    def pass_fields(self, request: Request) -> Fields:
        """The fields of the request, forwarded for this viewer alone."""
        fields, keyed = request.head.fields, self._keyed(request)
        return pass_fields(fields, self.via, request.viewer, request.scheme, keyed=keyed)

    def _keyed(self, request: Request) -> frozenset[str]:
        return self.rules.of_key(request.key).varies_by


@dataclass(frozen=True, slots=True)
class FromWorkers:
    """Requests from other workers of this node, which have left its traces in them already.

    Attributes:
        rules: What this worker goes by.
    """

    rules: Rules

    def has_looped(self, _: Request) -> bool:
        """Whether it came through this very node before: the worker that sent it has looked."""
        return False

    def is_at_odds(self, request: Request) -> bool:
        """Whether who sent it goes by other behaviours: one of us has yet to read them."""
        return not self.rules.agree(told_behaviours(request.head.fields))

    def fill_fields(self, request: Request, *, validates: bool) -> Fields:
        """The fields of a fetch whose answer many may get."""
        return inner_fill_fields(untold(request.head.fields))

    def pass_fields(self, request: Request) -> Fields:
        """The fields of the request, forwarded for this viewer alone."""
        fields = untold(request.head.fields)
        return fields.end_to_end().without({"host", "cache-control"})
