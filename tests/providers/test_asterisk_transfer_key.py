"""The transfer key in Asterisk's words: what a REFER asks for, whose key is ours, and what phones are told. Pure."""

from typing import Any

import pytest

from activities.telephony.asterisk.state import PLACE, REPORTED, SHOWN, TENANT, Channel
from activities.telephony.asterisk.steps import Create, HangUp, Note, Tell
from activities.telephony.asterisk.transfer_key import HANDLING
from activities.telephony.asterisk.translation import AriEvent, Endings, Translator
from activities.telephony.model import Report, TransferAsked
from tests.providers.plans import (
    GONE,
    IN_ROOM,
    OURS,
    RINGING,
    A,
    C,
    T,
    channel,
    leg,
    picture,
    plan,
    wanted,
)

WATCH = "connected:asterisk:customer:run-1/run-2"


def shown(leg: str, name: str, **variables: str) -> dict[str, Any]:
    """A channel as Asterisk 22 shows it in an event, cut down to what is read."""
    return {"id": leg, "name": f"PJSIP/{name}-00000001", "state": "Up", "channelvars": variables}


def talk(kind: str, *legs: str) -> dict[str, Any]:
    return {"id": "bridge", "bridge_type": kind, "channels": list(legs)}


REFERRED_BY: dict[str, Any] = {
    "source_channel": shown(A, "agent", HOOKFLASH_OWNER=WATCH, HOOKFLASH_TENANT="acme"),
    "connected_channel": shown(C, "customer"),
    "bridge": talk("mixing", C, A),
}
ASKED = TransferAsked(
    leg=A, owner=WATCH, tenant="acme", callable_at="pjsip:agent", customer=C, destination="7001", address="pjsip:7001"
)


def transfer(destination: str = "7001", *, state: str | None = None, **more: object) -> AriEvent:
    refer_to = {"requested_destination": {"destination": destination}}
    event = {"type": "ChannelTransfer", "refer_to": refer_to, "referred_by": REFERRED_BY, **more}
    return AriEvent.model_validate(event | ({"state": state} if state else {}))


def asked(event: AriEvent, trunk: str | None = "carrier") -> TransferAsked:
    found = Translator(Endings(), trunk=trunk).translate(event)
    assert isinstance(found, TransferAsked)
    return found


def test_a_phone_asks_for_somebody_to_be_rung() -> None:
    assert asked(transfer()) == ASKED


def test_what_a_phone_has_just_been_told_is_no_request() -> None:
    assert Translator(Endings()).translate(transfer(state="channel_progress")) is None


@pytest.mark.parametrize(
    ("destination", "address"),
    [
        ("claims", "pjsip:claims"),
        ("+4930123456", "tel:+4930123456"),
        ("+0", ""),
        ("", ""),
        ("claims@elsewhere", ""),
        ("claims\r\nX-Evil: 1", ""),
        ("claims&PJSIP/other", ""),
        ("4930;ext=1", ""),
        ("claims/..", ""),
    ],
)
def test_a_destination_is_an_endpoint_or_a_number_or_nothing(destination: str, address: str) -> None:
    found = asked(transfer(destination))
    assert (found.destination, found.address) == (destination, address)


@pytest.mark.parametrize("bridge", [None, talk("holding", C, A), talk("mixing", C, A, T), talk("mixing", A)])
def test_who_is_on_hold_or_talks_with_several_has_no_partner(bridge: dict[str, Any] | None) -> None:
    """Strangers wait in one holding bridge: the first of them is nobody's customer."""
    assert asked(transfer(referred_by=REFERRED_BY | {"bridge": bridge})).customer == ""


def test_a_trunk_is_no_phone_to_be_called_back() -> None:
    assert asked(transfer(), trunk="agent").callable_at == ""


def test_a_phone_that_is_told_of_a_transfer_asks_again() -> None:
    owner = "transfer:asterisk:customer/run-1"
    for said, again in ((f"progress {owner}", True), (f"declined {owner}", False), ("progress transfer:x/1", False)):
        source = shown(A, "agent", HOOKFLASH_OWNER=owner, HOOKFLASH_REPORTED=said)
        assert asked(transfer(referred_by=REFERRED_BY | {"source_channel": source})).again is again


def test_a_phone_asks_to_be_replaced_in_its_other_call() -> None:
    requested = {"destination": "target", "protocol_id": "call-id"}
    consultation = {
        "destination_channel": shown("other", "agent"),
        "connected_channel": shown(T, "target"),
        "bridge": talk("mixing", "other", T),
    }
    found = asked(transfer(refer_to={"requested_destination": requested, **consultation}))
    assert (found.consults, found.consulting, found.consulted) == (True, "other", T)
    # A call that Asterisk does not know.
    found = asked(transfer(refer_to={"requested_destination": requested}))
    assert (found.consults, found.consulting, found.consulted) == (True, "", "")


def phone(name: str, endpoint: str, **variables: str) -> Channel:
    return channel(name, **{PLACE: "room"} | variables).model_copy(update={"name": f"PJSIP/{endpoint}-00000001"})


def test_the_keys_of_company_phones_become_ours_once() -> None:
    want = wanted(leg(C, IN_ROOM), leg(A, IN_ROOM, transfers_for="acme"))
    ours = Note(A, ((TENANT, "acme"),), (HANDLING,))
    assert plan(want, picture(phone(C, "c"), phone(A, "agent"), room=(C, A))).steps == (ours,)
    assert plan(want, picture(phone(C, "c"), phone(A, "agent", **{TENANT: "acme"}), room=(C, A))).steps == ()
    assert plan(want, picture(phone(C, "c"), phone(A, "carrier"), room=(C, A))).steps == ()
    assert plan(want, picture(phone(C, "c"), channel(A, **{PLACE: "room"}), room=(C, A))).steps == ()


@pytest.mark.parametrize(("address", "tenant"), [("pjsip:claims", "acme"), ("tel:+4930123456", "")])
def test_a_target_of_the_company_may_transfer_again(address: str, tenant: str) -> None:
    dial = {"address": address, "ring_timeout": 20}
    want = wanted(leg(C, IN_ROOM), leg(T, RINGING, dial=dial, transfers_for="acme"))
    (create,) = [it for it in plan(want, picture(channel(C), room=(C,))).steps if isinstance(it, Create)]
    assert create.transfers_for == tenant
    (request,) = create.requests()
    assert request.body
    assert (HANDLING[0] in request.body["variables"]) is bool(tenant)


def test_a_phone_is_told_before_it_is_released_and_once() -> None:
    target = channel(T, **{SHOWN: C, PLACE: "room"})
    want = wanted(leg(C, IN_ROOM), leg(A, GONE, report="answered"), leg(T, IN_ROOM))
    seen = picture(phone(C, "c"), phone(A, "agent"), target, room=(C, T), dialled=(T,))
    assert plan(want, seen).steps == (Tell(A, Report.ANSWERED, OURS),)
    seen = picture(
        phone(C, "c"), phone(A, "agent", **{REPORTED: f"answered {OURS}"}), target, room=(C, T), dialled=(T,)
    )
    assert plan(want, seen).steps == (HangUp(A, 16, OURS),)


def test_what_another_transfer_has_said_is_said_anew() -> None:
    want = wanted(leg(C, IN_ROOM), leg(A, IN_ROOM, report="progress"))
    seen = picture(phone(C, "c"), phone(A, "agent", **{REPORTED: "progress transfer:other"}), room=(C, A))
    assert plan(want, seen).steps == (Tell(A, Report.PROGRESS, OURS),)
