"""What is noted on a leg that ends for its owner, so that its end is no news."""

import pytest

from activities.telephony.asterisk.state import ANNOUNCED, ANNOUNCING, PROMPTED, RELEASED_FOR, Channel
from activities.telephony.asterisk.steps import HangUp, Note
from tests.providers.plans import GONE, HELD, IN_ROOM, ON_HOLD, OURS, A, C, channel, leg, picture, plan, wanted


def test_what_ends_a_leg_for_its_owner_is_noted_before() -> None:
    note, end = HangUp(A, 16, OURS).requests()
    assert (note.method, note.where) == ("POST", "/channels/agent/variable")
    assert note.query == {"variable": RELEASED_FOR, "value": OURS, "report_events": "true"}
    assert (end.method, end.where, end.query) == ("DELETE", "/channels/agent", {"reason_code": "16"})
    assert HangUp(A, 16).requests() == (end,)


@pytest.mark.parametrize(
    "agent",
    [
        channel(A, owner=""),
        channel(A, app="VoiceMail"),
        channel(A, **{PROMPTED: "1"}),
        channel(A, **{ANNOUNCED: "1", ANNOUNCING: "playing"}),
    ],
)
def test_nobody_waits_to_note_an_end(agent: Channel) -> None:
    """Nobody owns the leg, it is in the dialplan, or is played to, and nothing can be noted on it before that ends."""
    seen = picture(channel(C, **HELD), agent, hold=(C,))
    assert plan(wanted(leg(C, ON_HOLD), leg(A, GONE)), seen).steps[-1] == HangUp(A, 16)


def test_who_stays_after_all_is_noted_to_stay_before_anything_else() -> None:
    seen = picture(channel(C, **HELD), channel(A, **HELD, **{RELEASED_FOR: OURS}), hold=(C, A))
    steps = plan(wanted(leg(C, IN_ROOM), leg(A, IN_ROOM)), seen).steps
    assert steps[0] == Note(A, ((RELEASED_FOR, ""),))
    assert plan(wanted(leg(C, ON_HOLD), leg(A, ON_HOLD)), seen).steps == (Note(A, ((RELEASED_FOR, ""),)),)
    assert plan(wanted(leg(C, ON_HOLD), leg(A, GONE)), seen).steps == (HangUp(A, 16, OURS),)
