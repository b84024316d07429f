"""A telephone exchange in memory, behind the same interface as a real one."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable, Mapping

from activities.telephony.errors import OutcomeUnknown, ProviderUnavailable
from activities.telephony.model import (
    Arrangement,
    LegEvent,
    Observation,
    OwnedLegs,
    Phase,
    Placement,
    Report,
    TransferAsked,
)
from activities.telephony.simulator.arranger import Arranger
from activities.telephony.simulator.clock import AsyncioClock, Clock
from activities.telephony.simulator.faults import FaultKind, Faults
from activities.telephony.simulator.hearing import Snapshot, parties_of
from activities.telephony.simulator.legs import Leg, Room
from activities.telephony.simulator.marking import owned_legs
from activities.telephony.simulator.script import SCHEME, Script, parse_address, parse_script
from activities.telephony.simulator.switchboard import Switchboard
from activities.telephony.simulator.watch import Watch


class SimulatedExchange:
    """Implements ``Telephony``; tests and the demo move its phones.

    Args:
        clock: Where time comes from. Default: the event loop.
        answer_for_strangers: Take a leg id ``sim:...`` that was never seen for a live leg when an arrangement first
            names it, so that the command line can transfer calls that nobody has placed.
        strict: Raise ``Violation`` out of ``arrange`` as soon as a step breaks privacy or silences the customer.
        grace: Seconds in which the engine must end a silence of the customer that it has not caused.
        on_change: Called with every change of who hears whom.
    """

    replaces_listeners = False

    def __init__(
        self,
        clock: Clock | None = None,
        *,
        answer_for_strangers: bool = False,
        strict: bool = False,
        grace: float = 1.0,
        on_change: Callable[[Snapshot], None] | None = None,
    ) -> None:
        self.clock: Clock = clock or AsyncioClock()
        self.faults = Faults()
        """What will go wrong."""
        self.requests: Counter[str] = Counter()
        """How often each method of the interface was called."""
        self._answer_for_strangers = answer_for_strangers
        self._watch = Watch(self.clock, grace, strict, on_change)
        self._board = Switchboard(self.clock, self._changed, self._told)
        self._arranger = Arranger(self._board)
        self._began: dict[str, float] = {}
        self._touched: dict[str, None] = {}
        self._listener: asyncio.Queue[LegEvent | TransferAsked | ProviderUnavailable] | None = None
        self._waiting: list[tuple[Callable[[], bool], asyncio.Future[None]]] = []

    # The interface of every provider.

    async def arrange(self, wanted: Arrangement) -> Observation:
        """Make ``wanted`` true; see ``Telephony``."""
        self.requests["arrange"] += 1
        fault = self.faults.take()
        if fault is None:
            return self._arrange(wanted)
        match fault.kind:
            case FaultKind.UNAVAILABLE:
                raise ProviderUnavailable("arrange: the exchange is out of reach")
            case FaultKind.SLOW:
                await self.clock.sleep(fault.seconds)
                return self._arrange(wanted)
            case FaultKind.ANSWER_LOST:
                self._arrange(wanted)
            case FaultKind.HALF:
                self._arrange(wanted, fault.steps)
        raise OutcomeUnknown("arrange: the answer was lost")

    async def events(self) -> AsyncIterator[LegEvent | TransferAsked | None]:
        """Yield what happens; see ``Telephony``. Only one listens: a new one takes the place of the old."""
        self.requests["events"] += 1
        self._refuse_in_outage("events")
        self.lose_listener("somebody else listens now")
        queue: asyncio.Queue[LegEvent | TransferAsked | ProviderUnavailable] = asyncio.Queue()
        self._listener = queue
        try:
            yield None
            while True:
                item = await queue.get()
                if isinstance(item, ProviderUnavailable):
                    raise item
                yield item
        finally:
            if self._listener is queue:
                self._listener = None

    async def owners(self) -> Mapping[str, OwnedLegs]:
        """Return the workflows that own live legs; see ``Telephony``."""
        self.requests["owners"] += 1
        self._refuse_in_outage("owners")
        return owned_legs(self._board.present, self.rooms)

    async def decline(self, leg: str) -> None:
        """Tell a phone that nothing comes of the transfer it has asked for; see ``Telephony``."""
        self.requests["decline"] += 1
        self._refuse_in_outage("decline")
        if leg in self.legs:
            self.legs[leg].told(Report.DECLINED)

    async def close(self) -> None:
        """Stop the listener. The calls go on."""
        self.lose_listener("closed")

    # What tests and the demo do to it.

    def place_call(self, customer: str, agent: str, *, customer_script: str = "", agent_script: str = "") -> None:
        """Begin a call between two legs that are up, in a room of the exchange's own.

        Args:
            customer: Leg id, for example ``sim:carol``. An earlier leg of that id must be gone.
            agent: Leg id.
            customer_script: What the customer's phone will do, for example ``hangup=5s``; see ``script``.
            agent_script: What the agent's phone will do.

        Raises:
            ValueError: One of the legs is in a call already, or a script makes no sense.
        """
        for leg in (customer, agent):
            if leg in self._board.present:
                raise ValueError(f"{leg} is in a call already")
        scripts = {customer: parse_script(customer_script), agent: parse_script(agent_script)}
        self._put_up(customer, {customer: "customer", agent: "agent"}, scripts)

    def record(self, leg: str, name: str) -> None:
        """Begin a recording on a leg that is up; it goes with the leg until its end."""
        self.legs[leg].recording = name

    def let_recordings_fail(self, *, fail: bool = True) -> None:
        """Pause and resume none of the recordings that run now, or do so again."""
        for leg in self.legs.values():
            leg.recording_stuck = fail

    def answer(self, leg: str) -> None:
        """Answer a leg that rings."""
        self._board.answer(self.legs[leg])

    def hang_up(self, leg: str) -> None:
        """Let a party hang up, or decline while it rings. Nothing happens if the leg has ended."""
        self._board.hang_up(self.legs[leg])

    def press(self, leg: str, digit: str) -> None:
        """Let a party press a key: one of ``0-9*#A-D``."""
        self._board.press(self.legs[leg], digit)

    def ask_transfer(self, leg: str, destination: str, *, consulting: str | None = None) -> None:
        """Let a party press its phone's transfer key.

        Args:
            leg: Whose phone; it must be up.
            destination: Name of the phone that its partner is to be connected to.
            consulting: The same phone's leg in another call, whose other party is to be the one. Default: the
                destination is rung.
        """
        self._board.ask_transfer(self.legs[leg], destination, self.legs[consulting] if consulting else None)

    def lose_listener(self, why: str = "the connection was lost") -> None:
        """Cut off whoever listens to the events; what happens meanwhile is lost to them."""
        if self._listener is not None:
            self._listener.put_nowait(ProviderUnavailable(f"events: {why}"))
            self._listener = None

    async def until(self, condition: Callable[[], bool]) -> None:
        """Wait until something is true of the calls; it is looked at after every change."""
        if condition():
            return
        over = asyncio.get_running_loop().create_future()
        self._waiting.append((condition, over))
        await over

    # What can be read from it.

    @property
    def legs(self) -> Mapping[str, Leg]:
        """Every leg there ever was, by id."""
        return self._board.legs

    @property
    def rooms(self) -> frozenset[str]:
        """Ids of the rooms that exist."""
        return frozenset(self._board.rooms)

    @property
    def timeline(self) -> tuple[Snapshot, ...]:
        """The last changes of who hears whom, oldest first."""
        return tuple(self._watch.timeline)

    @property
    def violations(self) -> tuple[str, ...]:
        """What happened that must never happen: broken privacy, a customer in silence."""
        return tuple(self._watch.violations)

    @property
    def changes(self) -> int:
        """How many steps arrangements have made it carry out."""
        return self._arranger.changes

    def rings(self, leg: str) -> int:
        """Return how often the phone of a leg was dialled."""
        return self._board.dials[leg]

    def leg_of(self, address: str) -> str | None:
        """Return the newest leg that rings at an address, with or without its script; None if none does."""
        phone, _ = parse_address(address.partition("?")[0])
        ringing = [leg.id for leg in self._board.present.values() if leg.phone == phone and leg.ringing]
        return ringing[-1] if ringing else None

    def snapshot(self, call: str) -> Snapshot:
        """Return who hears whom in a call now.

        Args:
            call: The customer's leg.
        """
        return self._take_snapshot(call, "now")

    # How it works.

    def _arrange(self, wanted: Arrangement, limit: int | None = None) -> Observation:
        if self._answer_for_strangers:
            self._greet_strangers(wanted)
        self._touched.clear()
        try:
            return self._arranger.arrange(wanted, limit)
        finally:
            for call in tuple(self._touched):
                self._changed(call, "arranged")

    def _greet_strangers(self, wanted: Arrangement) -> None:
        strangers = {
            leg.leg: leg.name or leg.leg
            for leg in wanted.legs
            if leg.leg.startswith(SCHEME) and leg.leg not in self.legs and leg.dial is None
        }
        if strangers:
            self._put_up(wanted.protected, strangers, {})

    def _put_up(self, call: str, names: dict[str, str], scripts: dict[str, Script]) -> None:
        self._began[call] = self.clock.now()
        room = Room(f"exchange:{call}", own=True)
        legs = [
            Leg(
                id=leg,
                name=name,
                call=call,
                phase=Phase.ANSWERED,
                placement=Placement.IN_ROOM,
                room=room.id,
                script=scripts.get(leg, Script()),
            )
            for leg, name in names.items()
        ]
        self._board.put_up(legs, room)

    def _take_snapshot(self, call: str, because: str) -> Snapshot:
        at = self.clock.now() - self._began.setdefault(call, self.clock.now())
        return Snapshot(
            call=call,
            at=at,
            because=because,
            settled=self._arranger.progress is None,
            parties=parties_of(call, self._board.present, self._board.rooms),
        )

    def _changed(self, call: str, because: str) -> None:
        progress = self._arranger.progress
        snapshot = self._take_snapshot(call, because)
        if progress is None:
            self._watch.look(snapshot)
        else:
            self._touched[call] = None
            self._watch.look(snapshot, progress.wanted, may_fall_silent=progress.may_fall_silent)
        for waiting in tuple(self._waiting):
            condition, over = waiting
            if over.done() or condition():
                self._waiting.remove(waiting)
                if not over.done():
                    over.set_result(None)

    def _told(self, event: LegEvent | TransferAsked) -> None:
        if self.faults.outage:
            self.lose_listener()
        if self._listener is not None:
            self._listener.put_nowait(event)

    def _refuse_in_outage(self, method: str) -> None:
        if self.faults.outage:
            raise ProviderUnavailable(f"{method}: the exchange is out of reach")
