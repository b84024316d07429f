"""The words operators read: summaries, timers, journal and the details page. Plain text and Markdown, no numbers."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime, timedelta

from activities.telephony.model import Placement, RecordingTrouble
from hookflash import CommandName, LegStatus, Party, Stage, TransferResult, TransferStatus
from hookflash._summary import in_words
from workflows.core import (
    Arranged,
    ArrangeFailed,
    Command,
    Deadline,
    DigitPressed,
    Event,
    LegAnswered,
    LegEnded,
    LegRang,
    LegRef,
    MachineAnswered,
    Timer,
    TimerFired,
)

SUMMARY_LIMIT = 60
"""Characters of a summary that the Temporal UI shows without cutting it."""

_TO_THE_TENTH = timedelta(seconds=10)
"""Up to here what is left of a wait is said to the tenth of a second, beyond in whole ones."""

JOURNAL_SHOWN = 10
"""Lines of the journal on the details page; the ``status`` query has more."""

_PLACES = {
    Placement.IN_ROOM: "in the room",
    Placement.ON_HOLD: "on hold",
    Placement.RINGING: "ringing",
    Placement.SCREENING: "asked to accept",
    Placement.HANDED_OFF: "handed off",
    Placement.GONE: "gone",
}


def clock(at: datetime) -> str:
    """Return a time of day in UTC, to the millisecond."""
    # Not strftime: it imports a module with every call, and in the sandbox an import is no trifle.
    return at.time().isoformat("milliseconds")


def shorten(text: str, limit: int = SUMMARY_LIMIT) -> str:
    """Cut a text to a length, with an ellipsis where something was cut."""
    return text if len(text) <= limit else text[: limit - 1].rstrip() + "…"


def place(placement: Placement) -> str:
    """Return where a leg is, in words."""
    return _PLACES[placement]


def enumerated(names: Sequence[str]) -> str:
    """Return ``customer``, ``customer and agent`` or ``customer, agent and Claims desk``."""
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)


def arrange_summary(parties: Iterable[tuple[str, Placement, timedelta | None]]) -> str:
    """Return what an arrangement is about: ``Customer on hold, agent and Claims desk together``.

    Who shares the room is named in one go: party by party, an arrangement of three is longer than what can be seen.

    Args:
        parties: Name, placement and, for who is rung, the limit of each leg that is worth naming.
    """
    everybody = tuple(parties)
    together = [name for name, placement, limit in everybody if placement is Placement.IN_ROOM and limit is None]
    words: list[str] = []
    for name, placement, limit in everybody:
        if limit is not None:
            words.append(f"ring {name} ({in_words(limit)})")
        elif placement is Placement.GONE:
            words.append(f"release {name}")
        elif placement is not Placement.IN_ROOM or len(together) == 1:
            words.append(f"{name} {place(placement)}")
        elif together:
            words.append(f"{enumerated(together)} together")
            together = []
    text = ", ".join(words) or "Look at the call again"
    return shorten(text[0].upper() + text[1:])


def timer_text(deadline: Deadline, name: str, length: timedelta, left: timedelta) -> str:
    """Return what a timer waits for, with its limit: ``Customer waits, hold budget (5 min, 4 min 41 s left)``.

    Args:
        deadline: What ends.
        name: How operators call the target that it is about; empty: it is about none.
        length: How long the wait is.
        left: What is left of it; not said where that is the same, in whole seconds if it is long.
    """
    limit = _limit(length, left)
    match deadline.timer:
        case Timer.RING:
            text = f"Ring {name}"
        case Timer.ACCEPT:
            text = f"{name} accepts"
        case Timer.RECALL:
            text = "Recall agent"
        case Timer.RECALL_PAUSE:
            text = "Pause before the agent is rung again"
        case Timer.HOLD_BUDGET:
            text = "Customer waits, hold budget"
        case Timer.REMINDER:
            text = f"Customer waits, reminder {deadline.number}"
        case Timer.CONSULT_WARNING:
            text = f"Agent and {name} talk, warning"
        case Timer.CONSULT_LIMIT:
            text = f"Agent and {name} talk, consult limit"
        case Timer.LINGER:
            text = "Agent leaves the three-way call"
        case Timer.OVERALL_LIMIT:
            text = "Whole transfer, overall limit"
        case Timer.RETRY:
            text = f"Try the provider again, failure {deadline.number}"
    return f"{shorten(text, SUMMARY_LIMIT - len(limit) - 3)} ({limit})"


def _limit(length: timedelta, left: timedelta) -> str:
    limit, rest = in_words(length), in_words(_roughly(left))
    return limit if rest == in_words(_roughly(length)) else f"{limit}, {rest} left"


def _roughly(duration: timedelta) -> timedelta:
    return duration if duration < _TO_THE_TENTH else timedelta(seconds=round(duration.total_seconds()))


def unheard(name: str, recording: str) -> str:
    """Return a journal line for a recording that could not be played to somebody."""
    return f"{name} could not hear the recording {recording}: is there such a file?"


def recording_trouble(trouble: RecordingTrouble, party: Party, recording: str) -> str:
    """Return a journal line for a recording of the request with which something could not be done."""
    field = f"{party.value}.recording: {recording}"
    match trouble:
        case RecordingTrouble.MISSING:
            whose = f"the {party.value}'s leg"
            return f"{field} was not found, or is over; whatever else records {whose} is not paused on hold"
        case RecordingTrouble.NOT_PAUSED:
            return f"{field} could not be paused; what is heard on hold or said in private may be in it"
        case RecordingTrouble.NOT_RESUMED:
            return f"{field} could not be resumed; what is said from now on may be missing from it"


def happened(event: Event, name_of: Callable[[LegRef], str], code: str = "") -> str:
    """Return a journal line for an event; empty for what is not worth one.

    Args:
        event: What happened.
        name_of: How operators call a leg.
        code: Feature code by which a command was given; empty: it was not.
    """
    match event:
        case LegRang(leg):
            return f"{name_of(leg)} rings"
        case LegAnswered(leg):
            # Customer and agent had answered long before; only an agent who is called back has a second leg.
            there = leg.party is not Party.TARGET and leg.number == 1
            return f"{name_of(leg)} {'is on the line' if there else 'answered'}"
        case LegEnded(leg, cause):
            return f"{name_of(leg)}: call ended ({_plain(cause)})"
        case DigitPressed(leg, _):
            return f"{name_of(leg)} pressed a key"
        case MachineAnswered(leg):
            return f"{name_of(leg)}: a machine answered"
        case TimerFired(deadline):
            return f"time is up: {_plain(deadline.timer)}"
        case Command(name, party, _, by, _, timer):
            whom = f" {party.value}" if name in (CommandName.HOLD, CommandName.UNHOLD) else ""
            whom += f" {_plain(timer)}" if timer else ""
            who = f"{by.value} pressed {code}" if code else by.value
            return f"{who}: {name.value}{whom}"
        case ArrangeFailed():
            return "the provider did not do it"
        case Arranged():
            return ""


def outcome_text(result: TransferResult, names: Mapping[str, str] | None = None) -> str:
    """Return a result in one line: ``returned to agent (busy), customer with agent``.

    Args:
        result: The result.
        names: How operators call a party, by the party. Default: as the party.
    """
    cause = f" ({_plain(result.cause)})" if result.cause else ""
    where = enumerated([(names or {}).get(it, it) for it in result.customer_with])
    return f"{_plain(result.outcome)}{cause}" + (f", customer with {where}" if where else ", customer gone")


def _plain(word: str) -> str:
    return word.replace("_", " ")


_MEANING = {
    Stage.STARTING: "being set up",
    Stage.RINGING: "the target's phone rings",
    Stage.SCREENING: "the target is asked to accept",
    Stage.CONSULTING: "agent and target talk in private, the customer hears music",
    Stage.SWAPPED: "the agent is back with the customer, the target waits",
    Stage.THREE_WAY: "all three talk",
    Stage.INTRODUCED: "customer and target talk, the agent waits aside",
    Stage.PARKED: "a party waits on hold by command",
    Stage.DECIDING: "no target took over; the agent decides",
    Stage.RECALLING: "the agent who left is called back",
    Stage.ENDING: "the last arrangement is being made",
    Stage.ENDED: "over",
}

_HOW = {
    CommandName.HOLD: "put a party on hold",
    CommandName.UNHOLD: "bring a party, else the customer, into the room",
    CommandName.SWAP: "customer and target change places",
    CommandName.CONFERENCE: "all three talk",
    CommandName.COMPLETE: "the agent leaves, customer and target stay",
    CommandName.CANCEL: "the customer goes back to the agent",
    CommandName.RETARGET: "ring somebody else",
    CommandName.ACCEPT: "the target takes the call",
    CommandName.DECLINE: "the target refuses the call",
    CommandName.EXTEND: "let a wait run longer",
}

_GAP = "\u00a0" * 3
"""Between the columns of a table: the Temporal UI draws them without any space, and swallows ordinary spaces."""


def details(status: TransferStatus) -> str:
    """Return the details page of the Temporal UI: stage, who is where, waits, journal, what can be done now."""
    blocks = [_heading(status), _who_is_where(status.legs)]
    if status.deadlines:
        waits = sorted(status.deadlines, key=lambda it: it.at)
        blocks.append(
            _listed(
                "Ends by itself at (UTC)", (f"{it.at.time().isoformat('seconds')} {_escape(it.name)}" for it in waits)
            )
        )
    if status.possible:
        how = (f"`{name.value}`: {_HOW[name]}{_keys(status, name)}" for name in status.possible)
        blocks.append(_listed("Possible now (More Actions, Send an Update)", how))
    entries = status.journal[-JOURNAL_SHOWN:]
    blocks.append(_listed("Journal (UTC)", (f"{clock(it.at)} {_escape(it.text)}" for it in entries)))
    return "\n\n".join(blocks)


def _keys(status: TransferStatus, name: CommandName) -> str:
    code = status.feature_codes.get(name)
    return f" (agent: `{code}`)" if code else ""


def _heading(status: TransferStatus) -> str:
    if (result := status.result) is None:
        return f"### {_plain(status.stage)}\n{_MEANING[status.stage]} · {status.mode.value} transfer"
    times = {
        "customer waited": result.held,
        "rang": result.ringing,
        "consulted": result.consulting,
        "with agent": result.with_agent,
    }
    spent = "".join(f" · {what} {in_words(time)}" for what, time in times.items() if time)
    names = {leg.party.value: leg.name for leg in status.legs}
    text = f"{status.mode.value} transfer · ended by {result.ended_by.value}{spent}"
    return f"### {_escape(outcome_text(result, names))}\n{text}"


def _listed(title: str, lines: Iterable[str]) -> str:
    return "\n".join([f"**{title}**", *(f"- {line}" for line in lines)])


def _who_is_where(legs: tuple[LegStatus, ...]) -> str:
    rows = [f"| {_who(leg)}{_GAP} | {place(Placement(leg.placement))} |" for leg in legs]
    return "\n".join([f"| who{_GAP} | where |", "|:---|:---|", *rows])


def _who(leg: LegStatus) -> str:
    return _escape(leg.name) + (f" ({leg.party.value})" if leg.name != leg.party.value else "")


def _escape(text: str) -> str:
    for character in "\\`|<*_[":
        text = text.replace(character, f"\\{character}" if character != "<" else "&lt;")
    return text.replace("\n", " ")


def party_name(ref: LegRef, target_name: str) -> str:
    """Return how operators call a leg."""
    return target_name if ref.party is Party.TARGET else ref.party.value
