"""The words themselves: what a summary becomes when names are long, and what Markdown becomes of a caller's text."""

from datetime import UTC, datetime, timedelta

import pytest

from activities.telephony.model import Placement
from hookflash import CommandName, Deadline, JournalEntry, LegStatus, Mode, Party, Stage, TransferStatus
from workflows.core import Deadline as CoreDeadline
from workflows.core import Timer
from workflows.wording import SUMMARY_LIMIT, arrange_summary, details, in_words, timer_text

ROOM, HOLD, GONE, RINGING = Placement.IN_ROOM, Placement.ON_HOLD, Placement.GONE, Placement.RINGING
NOON = datetime(2026, 7, 1, 12, 0, 0, 250_000, tzinfo=UTC)


@pytest.mark.parametrize(
    ("duration", "words"),
    [(0, "0 s"), (0.3, "300 ms"), (20, "20 s"), (59.96, "1 min"), (90, "1 min 30 s"), (300, "5 min"), (1.234, "1.2 s")],
)
def test_a_duration_is_said_as_people_say_it(duration: float, words: str) -> None:
    assert in_words(timedelta(seconds=duration)) == words


@pytest.mark.parametrize(
    ("customer", "agent", "target", "summary"),
    [
        (HOLD, ROOM, ROOM, "Customer on hold, agent and Claims desk together"),
        (ROOM, ROOM, ROOM, "Customer, agent and Claims desk together"),
        (ROOM, HOLD, ROOM, "Customer and Claims desk together, agent on hold"),
        (ROOM, GONE, ROOM, "Customer and Claims desk together, release agent"),
        (ROOM, ROOM, GONE, "Customer and agent together, release Claims desk"),
        (HOLD, ROOM, RINGING, "Customer on hold, agent in the room, Claims desk ringing"),
    ],
)
def test_a_summary_says_who_is_together(customer: Placement, agent: Placement, target: Placement, summary: str) -> None:
    legs = (("customer", customer, None), ("agent", agent, None), ("Claims desk", target, None))
    assert arrange_summary(legs) == summary


def test_a_long_name_never_pushes_the_limit_out_of_a_timer() -> None:
    text = timer_text(
        CoreDeadline(Timer.RING, 1),
        "Claims desk for parcels and pallets, night shift, north",
        timedelta(0, 20),
        timedelta(0, 20),
    )
    assert len(text) <= SUMMARY_LIMIT
    assert text.endswith("… (20 s)")
    assert len(arrange_summary([("N" * 200, HOLD, None)])) <= SUMMARY_LIMIT


@pytest.mark.parametrize(
    ("length", "left", "words"),
    [
        (300, 300, "(5 min)"),
        (300, 299.6, "(5 min)"),
        (300, 299.4, "(5 min, 4 min 59 s left)"),
        (300, 281, "(5 min, 4 min 41 s left)"),
        (3600, 3581.3, "(1 h, 59 min 41 s left)"),
        (12.5, 12.5, "(12.5 s)"),
        (20, 9.96, "(20 s, 10 s left)"),
        (20, 1.52, "(20 s, 1.5 s left)"),
        (20, 0.3, "(20 s, 300 ms left)"),
        (0.4, 0.4, "(400 ms)"),
    ],
)
def test_a_timer_says_how_long_its_wait_is_and_what_is_left_of_it(length: float, left: float, words: str) -> None:
    text = timer_text(CoreDeadline(Timer.HOLD_BUDGET), "", timedelta(seconds=length), timedelta(seconds=left))
    assert text == f"Customer waits, hold budget {words}"


@pytest.mark.parametrize("timer", Timer)
def test_what_a_timer_is_for_can_be_read_also_when_two_times_are_said(timer: Timer) -> None:
    length, left = timedelta(minutes=10), timedelta(minutes=9, seconds=41)
    whole = timer_text(CoreDeadline(timer, 1), "Claims desk", length, length)
    text = timer_text(CoreDeadline(timer, 1), "Claims desk", length, left)
    assert len(text) <= SUMMARY_LIMIT
    assert text.endswith(" (10 min, 9 min 41 s left)")
    said, rest = text.partition(" (")[0], whole.partition(" (")[0]
    assert said == rest or (said.endswith("…") and rest.startswith(said[:-1]) and len(said) >= 34)


def test_a_callers_text_cannot_break_the_details_page() -> None:
    name = "a|b `c` <img src=x> *d*\n# e"
    status = TransferStatus(
        mode=Mode.WARM,
        stage=Stage.CONSULTING,
        legs=(LegStatus(party=Party.TARGET, leg="hf-1", name=name, placement="in_room"),),
        possible=(CommandName.CANCEL,),
        deadlines=(Deadline(name="Ring <b>", at=NOON),),
        journal=(JournalEntry(at=NOON, text=name),),
    )
    text = details(status)
    assert "<" not in text.replace("&lt;", "")
    assert "a\\|b \\`c\\` &lt;img src=x> \\*d\\* # e (target)" in text
    assert "- 12:00:00.250 a\\|b" in text
    assert len(text) < 4096


def test_the_agent_s_keys_are_shown_as_they_are() -> None:
    status = TransferStatus(
        mode=Mode.WARM,
        stage=Stage.CONSULTING,
        legs=(),
        possible=(CommandName.COMPLETE, CommandName.CANCEL),
        feature_codes={CommandName.COMPLETE: "*2*"},
        deadlines=(),
        journal=(JournalEntry(at=NOON, text="agent pressed *2*: complete"),),
    )
    text = details(status)
    assert "- `complete`: the agent leaves, customer and target stay (agent: `*2*`)\n" in text
    assert "- `cancel`: the customer goes back to the agent\n" in text
    assert "agent pressed \\*2\\*: complete" in text


def test_only_the_latest_of_a_long_journal_is_shown() -> None:
    journal = tuple(JournalEntry(at=NOON, text=f"line {number}") for number in range(50))
    status = TransferStatus(mode=Mode.COLD, stage=Stage.RINGING, legs=(), possible=(), deadlines=(), journal=journal)
    text = details(status)
    assert "line 40" in text
    assert "line 39" not in text
