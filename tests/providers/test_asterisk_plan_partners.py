"""Whom phones are made to show as their partner: pure, without an Asterisk."""

from dataclasses import replace

import pytest

from activities.telephony.asterisk.state import SHOWN, Caller, Channel, Picture
from activities.telephony.asterisk.steps import HangUp, Move, Note
from activities.telephony.model import WantedLeg
from tests.providers.plans import (
    GONE,
    IN_ROOM,
    ON_HOLD,
    OURS,
    ROOM,
    A,
    C,
    T,
    channel,
    leg,
    picture,
    plan,
    wanted,
)

CAROL = Caller(number="+4930123456", name="Carol")
TOLD = (
    ("CONNECTEDLINE(name,i)", "Carol"),
    ("CONNECTEDLINE(pres,i)", "allowed"),
    ("CONNECTEDLINE(num)", "+4930123456"),
)
NOTED = ((SHOWN, C),)


def target(name: str = "PJSIP/claims-00000002", shows: str = "company", **variables: str) -> Channel:
    """A target's channel, whose phone shows somebody."""
    return channel(T, **variables).model_copy(update={"name": name, "connected": Caller(number=shows)})


def together(there: Channel, partner: Caller = CAROL) -> Picture:
    """Customer and target in the room, and nobody else."""
    return replace(picture(channel(C), there, room=(C, T), dialled=(T,)), partners={C: partner})


def introduced() -> tuple[WantedLeg, WantedLeg]:
    """The target is to show the customer."""
    return leg(C, IN_ROOM), leg(T, IN_ROOM, shows=C)


def test_the_phone_is_told_once_and_last() -> None:
    want = wanted(*introduced(), leg(A, GONE))
    with_agent = picture(channel(C), channel(A), target(), room=(A, T, C), dialled=(T,), company=(A, C, T))
    assert plan(want, with_agent).steps == (HangUp(A, 16, OURS),)
    assert plan(want, together(target())).steps == (Note(T, NOTED, TOLD),)
    assert plan(want, together(target(shows=CAROL.number, **dict(NOTED)))).steps == ()
    # Whatever the phone shows now, and whoever has made it do so.
    assert plan(want, together(target(**dict(NOTED)))).steps == ()


@pytest.mark.parametrize(
    ("partner", "shows"),
    [(Caller(), "company"), (Caller(), ""), (CAROL, CAROL.number)],
)
def test_a_phone_that_has_nothing_to_learn_is_only_noted(partner: Caller, shows: str) -> None:
    assert plan(wanted(*introduced()), together(target(shows=shows), partner)).steps == (Note(T, NOTED),)


@pytest.mark.parametrize("name", ["PJSIP/carrier-00000002", "Local/claims@phones-00000002;1", ""])
def test_who_is_no_phone_of_the_company_is_told_nothing(name: str) -> None:
    assert plan(wanted(*introduced()), together(target(name))).steps == ()


def test_an_endpoint_whose_name_begins_like_the_trunk_is_a_phone_of_the_company() -> None:
    assert plan(wanted(*introduced()), together(target("PJSIP/carrier-claims-00000002"))).steps


def test_nobody_is_shown_who_is_not_asked_for_or_not_there() -> None:
    assert plan(wanted(leg(C, IN_ROOM), leg(T, IN_ROOM)), together(target())).steps == ()
    on_hold = leg(T, ON_HOLD, shows=C)
    assert not [step for step in plan(wanted(leg(C, IN_ROOM), on_hold), together(target())).steps if _tells(step)]
    outside = picture(channel(C), target(), room=(C,), dialled=(T,))
    steps = plan(wanted(*introduced()), outside).steps
    assert Move(T, ROOM) in steps
    assert not [step for step in steps if _tells(step)]


def test_asterisk_is_to_show_nobody_by_itself() -> None:
    (request,) = Move(C, ROOM).requests()
    assert request.query == {"channel": C, "inhibitConnectedLineUpdates": "true"}


def _tells(step: object) -> bool:
    return isinstance(step, Note) and any(name == SHOWN for name, _ in step.reported)


def test_nobody_who_is_to_be_moved_waits_until_it_is_known_whom_a_phone_is_to_show() -> None:
    want = wanted(*introduced(), leg(A, GONE))
    on_hold = picture(channel(C), channel(A), target(), room=(A, T), hold=(C,), dialled=(T,))
    with_agent = picture(channel(C), channel(A), target(), room=(A, T, C), dialled=(T,), company=(A, C, T))
    assert [plan(want, seen).settled for seen in (on_hold, with_agent, together(target()))] == [False, False, True]
