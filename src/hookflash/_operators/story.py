"""The story of a transfer: who was with whom, when, and why it ended.

Who was where is read from the history, out of what the provider was asked to arrange; what happened is the journal of
the status; how it ended is the result. Each can be missing: the journal where no worker answers, the arrangements where
the history cannot be read.
"""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any, cast

from pydantic import AwareDatetime, BaseModel
from temporalio.api.common.v1 import Payload
from temporalio.api.enums.v1 import EventType
from temporalio.client import Client

from hookflash._cli_render import printable, result_line, words
from hookflash.errors import EncryptionError
from hookflash.result import TransferResult
from hookflash.status import TransferStatus
from hookflash.vocabulary import Party

ARRANGE = "arrange"
"""Name of the activity that says where everybody must be."""

CUSTOMER, AGENT = Party.CUSTOMER.value, Party.AGENT.value
ABSENT = ("", "gone")
"""Placements of who is not there."""

RUNG = ("ringing", "screening")
"""Placements of who is called. Who has answered may still be asked to accept."""

_NOW = {
    "on_hold": "on hold",
    "ringing": "is called",
    "screening": "is asked to accept",
    "handed_off": "goes on to the next place",
}


class Note(BaseModel):
    """Something about one or more parties."""

    about: tuple[str, ...]
    """Lanes, from left to right; empty: about all of it."""
    text: str
    called_by: str | None = None
    """Lane of who has this party called. None: nobody is called."""


class Moment(BaseModel):
    """Something changed."""

    at: AwareDatetime
    notes: tuple[Note, ...]
    places: dict[str, str] | None = None
    """Where everybody is from now on: a placement of the status, by lane. None: as before."""


class Story(BaseModel):
    """All of it."""

    id: str
    run_id: str
    mode: str | None
    state: str
    """Stage, or outcome."""
    lanes: tuple[str, ...]
    """The parties by name, the customer first."""
    moments: tuple[Moment, ...]
    """In order of time."""
    result: TransferResult | None = None
    """How it ended. None: it has not, or without a result."""
    ui: str | None = None
    """Where the Temporal UI shows it, if that is known."""

    @property
    def begun(self) -> datetime:
        """When it began."""
        return self.moments[0].at


class Lanes:
    """Gives every leg the lane of its party. Two targets of the same name have two."""

    def __init__(self) -> None:
        self._of_leg: dict[str, str] = {}
        self.names = [CUSTOMER, AGENT]

    def of(self, leg: str, name: str) -> str:
        """Return the lane of a leg, a new one if need be."""
        if leg not in self._of_leg:
            lane = name = printable(name)
            number = 1
            # Only an agent who is called back has a second leg.
            while lane in self.names and lane not in (CUSTOMER, AGENT):
                number += 1
                lane = f"{name} ({number})"
            self._of_leg[leg] = lane
            if lane not in self.names:
                self.names.append(lane)
        return self._of_leg[leg]


async def arrangements(client: Client, id: str, run_id: str, lanes: Lanes) -> list[tuple[datetime, dict[str, str]]]:
    """Return where everybody was put, and when it was done, as far as the history can be read.

    Raises:
        RPCError: The history cannot be had.
        EncryptionError: It is encrypted with a key that is not here.
    """
    asked: dict[int, dict[str, str]] = {}
    found: list[tuple[datetime, dict[str, str]]] = []
    async for event in client.get_workflow_handle(id, run_id=run_id).fetch_history_events():
        if event.event_type == EventType.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED:
            scheduled = event.activity_task_scheduled_event_attributes
            is_arrange = scheduled.activity_type.name == ARRANGE
            if is_arrange and (wanted := await _decoded(client, scheduled.input.payloads)):
                asked[event.event_id] = dict(_placed(wanted, lanes))
        elif event.event_type == EventType.EVENT_TYPE_ACTIVITY_TASK_COMPLETED:
            places = asked.get(event.activity_task_completed_event_attributes.scheduled_event_id)
            if places is not None:
                found.append((event.event_time.ToDatetime(UTC), places))
    return found


async def _decoded(client: Client, payloads: Any) -> Mapping[str, Any]:  # noqa: ANN401 a container of protobuf
    try:
        (value,) = await client.data_converter.decode(cast("list[Payload]", list(payloads)))
    except EncryptionError:
        raise  # it says which key is missing; an empty picture would say that nobody was there
    except Exception:
        return {}
    return cast("Mapping[str, Any]", value) if isinstance(value, dict) else {}


def _placed(wanted: Mapping[str, Any], lanes: Lanes) -> Iterator[tuple[str, str]]:
    arrangement = wanted.get("arrangement", {})
    for leg in arrangement.get("legs", ()):
        placement = leg["placement"]
        # Answered while it was rung: the provider has let it in by itself.
        if placement == "ringing" and leg.get("known") == 3:
            placement = "in_room"
        if placement not in ABSENT:
            name = CUSTOMER if leg["leg"] == arrangement.get("customer") else leg["name"]
            yield lanes.of(leg["leg"], name), placement


def told(
    begun: datetime,
    mode: str | None,
    placed: list[tuple[datetime, dict[str, str]]],
    status: TransferStatus | None,
    ending: tuple[datetime, str] | None,
    lanes: Lanes,
) -> tuple[Moment, ...]:
    """Return the moments of a transfer.

    Args:
        begun: When it began.
        mode: Its mode.
        placed: Where everybody was put, see `arrangements`.
        status: Its status, for the journal. None: nobody answered.
        ending: When and how it ended. None: it has not.
        lanes: The lanes, all of them by now.
    """
    moments: list[Moment] = []
    before: dict[str, str] = {}
    for at, places in placed:
        if places != before:
            # A provider that is asked again and again, about a leg that is leaving, changes nothing for anybody.
            moments.append(Moment(at=at, notes=tuple(_changes(before, places, lanes.names)), places=places))
        before = places
    for entry in status.journal if status is not None else ():
        moments.append(Moment(at=entry.at, notes=(Note(about=_named(entry.text, lanes), text=printable(entry.text)),)))
    moments.sort(key=lambda it: it.at)
    first = Moment(at=begun, notes=(Note(about=(), text=f"{words(mode or 'a')} transfer begins"),))
    last = [Moment(at=ending[0], notes=(Note(about=(), text=ending[1]),))] if ending is not None else []
    return (first, *moments, *last)


def ended(result: TransferResult) -> tuple[datetime, str]:
    """Return when and how a transfer ended."""
    return result.ended_at, result_line(result)


def together(places: Mapping[str, str], names: list[str] | tuple[str, ...]) -> tuple[str, ...]:
    """Return who shares the room."""
    return tuple(lane for lane in names if places.get(lane) == "in_room")


def _changes(before: Mapping[str, str], now: Mapping[str, str], names: list[str]) -> Iterator[Note]:
    room, was = together(now, names), together(before, names)
    if room != was and len(room) > 1:
        yield Note(about=room, text=f"{listed(room)} talk")
    for lane in names:
        place = now.get(lane, "")
        if place == before.get(lane, "") and not (place == "in_room" and len(room) == 1 != len(was)):
            continue
        if place in _NOW:
            called = place in RUNG and before.get(lane, "") not in RUNG
            yield Note(about=(lane,), text=f"{lane} {_NOW[place]}", called_by=_caller(lane, now) if called else None)
        elif place == "in_room" and len(room) == 1:
            rung = any(it in RUNG for it in now.values())
            yield Note(about=(lane,), text=f"{lane} {'hears it ring' if rung else 'is alone'}")
        elif not place and before.get(lane, ""):
            yield Note(about=(lane,), text=f"{lane} {'stops ringing' if before[lane] in RUNG else 'leaves'}")


def _caller(lane: str, now: Mapping[str, str]) -> str | None:
    """Return for whom somebody is called: the agent, or the customer where the agent is not there any more."""
    there = (it for it in (AGENT, CUSTOMER) if it != lane and now.get(it, "") not in (*ABSENT, *RUNG))
    return next(there, None)


def listed(names: tuple[str, ...]) -> str:
    """Return ``A and B``, or ``A, B and C``."""
    *most, last = names
    return f"{', '.join(most)} and {last}" if most else last


def _named(text: str, lanes: Lanes) -> tuple[str, ...]:
    """Return whom a line of the journal is about: it begins with the name."""
    longest = max((lane for lane in lanes.names if text.startswith(lane)), key=len, default=None)
    return (longest,) if longest else ()
