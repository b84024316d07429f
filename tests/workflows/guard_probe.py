"""A workflow that has every kind of handler the guard has to know, in a module of its own as the sandbox needs it."""

from typing import Annotated, Literal

from pydantic import Field, field_validator
from temporalio import workflow

from hookflash._base import FromCaller, Reported
from hookflash.converter import Unreadable


class Ring(FromCaller):
    kind: Literal["ring"] = "ring"
    seconds: int


class Park(FromCaller):
    kind: Literal["park"] = "park"
    place: str


class Order(FromCaller):
    """Start, updates and signals all take one, so that one table of wrong inputs serves them all."""

    party: Literal["customer", "agent"]
    steps: tuple[Annotated[Ring | Park, Field(discriminator="kind")], ...] = Field(default=(), min_length=1)
    patience: int | Ring = 1

    @field_validator("patience")
    @classmethod
    def _some(cls, patience: int | Ring) -> int | Ring:
        if patience == 0:
            raise ValueError("some patience is needed")
        return patience


class Event(Reported):
    kind: str = ""


class Heard(Reported):
    """What reached the handlers, and what the workflow was told of the rest."""

    orders: tuple[str, ...]
    dropped: tuple[str, ...]


@workflow.defn(name="GuardProbe")
class GuardProbe:
    def __init__(self) -> None:
        self._orders: list[str] = []
        self._dropped: list[str] = []
        self._done = False

    @workflow.run
    async def run(self, order: Order) -> Heard:
        await workflow.wait_condition(lambda: self._done)
        await workflow.wait_condition(workflow.all_handlers_finished)
        return self.heard()

    def note_dropped_signal(self, name: str, problem: str) -> None:
        self._dropped.append(f"{name}: {problem}")

    @workflow.query
    def heard(self) -> Heard:
        return Heard(orders=tuple(self._orders), dropped=tuple(self._dropped))

    @workflow.update
    def finish(self) -> None:
        self._done = True

    @workflow.update
    def checked(self, order: Order) -> None:
        self._orders.append(f"checked {order.party}")

    @checked.validator
    def _check(self, order: Order) -> None:
        if order.party == "agent":
            raise ValueError("not the agent")

    @workflow.update
    async def unchecked(self, order: Order) -> None:
        self._orders.append(f"unchecked {order.party}")

    @workflow.update
    def optional(self, order: Order | None = None) -> None:
        self._orders.append(f"optional {order and order.party}")

    # A signal and an update may share a name, and callers of `hold` and `unhold` depend on it.
    @workflow.signal(name="checked")
    def checked_signal(self, order: Order) -> None:
        self._orders.append(f"signalled {order.party}")

    @workflow.signal
    async def awaited(self, order: Order) -> None:
        self._orders.append(f"awaited {order.party}")

    @workflow.signal
    def kept(self, order: Order | Unreadable) -> None:
        assert not isinstance(order, Unreadable)
        self._orders.append(f"kept {order.party}")

    @workflow.signal
    def maybe(self, order: Order | Unreadable | None = None) -> None:
        assert not isinstance(order, Unreadable)
        self._orders.append(f"maybe {order and order.party}")

    @workflow.signal
    def reported(self, event: Event) -> None:
        self._orders.append(f"reported {event.kind}")

    @workflow.signal
    def bell(self) -> None:
        self._orders.append("bell")
