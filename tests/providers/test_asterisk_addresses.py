"""What may become a dial string or a header, and what may not."""

import json

import pytest

from activities.telephony.asterisk.addresses import (
    MAX_HEADERS,
    MAX_VALUE,
    MOST_BYTES,
    InvalidAddressError,
    caller_number,
    caller_variables,
    destination,
    dialplan_place,
    header_variables,
    is_recording,
    told_variables,
)
from activities.telephony.model import Reason


@pytest.mark.parametrize(
    ("address", "trunk", "dial_string", "endpoint"),
    [
        ("pjsip:claims", None, "PJSIP/claims", "claims"),
        ("pjsip:Desk_1.a-b", "out", "PJSIP/Desk_1.a-b", "Desk_1.a-b"),
        ("tel:+14155550100", "out", "PJSIP/+14155550100@out", "out"),
    ],
)
def test_destination(address: str, trunk: str | None, dial_string: str, endpoint: str) -> None:
    to = destination(address, trunk)
    assert (to.dial_string, to.endpoint) == (dial_string, endpoint)


@pytest.mark.parametrize(
    "address",
    [
        "",
        "claims",
        "pjsip:",
        "pjsip:a&b",
        "pjsip:a/sip:b@evil.example",
        "pjsip:1000@trunk",
        "pjsip:out",
        "pjsip:a\n",
        "pjsip:" + "a" * 65,
        "pjsip:b\u00fcro",
        "Local/1000@default",
        "local:1000",
        "sip:a@b",
        "PJSIP:claims",
        "tel:14155550100",
        "tel:+04155550100",
        "tel:+123456",
        "tel:+1234567890123456",
        "tel:+1415555\u0660100",
        "tel:+14155550100;ext=1",
        "tel:+14155550100\n",
        "tel:+1415555,,123",
    ],
)
def test_everything_else_is_refused_without_being_repeated(address: str) -> None:
    with pytest.raises(InvalidAddressError) as refused:
        destination(address, "out")
    assert len(address) < 12 or address not in str(refused.value)


def test_a_number_needs_a_trunk() -> None:
    with pytest.raises(InvalidAddressError, match="no trunk"):
        destination("tel:+14155550100", None)


def test_places() -> None:
    assert dialplan_place("voicemail") == ("voicemail", "s", 1)
    assert dialplan_place("voicemail,*98") == ("voicemail", "*98", 1)
    assert dialplan_place("voicemail,4711,20") == ("voicemail", "4711", 20)
    for wrong in ("", "a,,1", "a,b,c", "a,b,1,2", "a)", "a b"):
        with pytest.raises(InvalidAddressError):
            dialplan_place(wrong)


def test_headers() -> None:
    assert header_variables(
        {"X-Reason": "Grüße, 100 %", "X-Empty": "", "Subject": "no", "X-A)": "no", "x-b": "no"}
    ) == {"PJSIP_HEADER(add,X-Reason)": "Grüße, 100 %"}


def test_a_value_is_one_line_of_limited_length() -> None:
    variables = header_variables({"X-A": "a\r\nVia: evil\x00b\u2028c\x85d", "X-B": "b" * 2 * MAX_VALUE})
    assert variables["PJSIP_HEADER(add,X-A)"] == "a Via: evil b c d"
    assert len(variables["PJSIP_HEADER(add,X-B)"]) == MAX_VALUE


def test_what_does_not_fit_is_left_out_and_said(caplog: pytest.LogCaptureFixture) -> None:
    headers = {f"X-{number}": "\u5c71" * MAX_VALUE for number in range(MAX_HEADERS)}
    told = header_variables(headers)
    assert list(told) == [f"PJSIP_HEADER(add,{name})" for name in headers][: len(told)]
    assert MOST_BYTES * 0.9 < len(json.dumps(told)) <= MOST_BYTES + 2
    assert f"told {len(told)} of {MAX_HEADERS} headers" in caplog.text
    caplog.clear()
    header_variables({"X-A": "a", "X-Empty": "", "Subject": "not ours"})
    # Others may log meanwhile, as asyncio does of an earlier test's leavings.
    assert [it.getMessage() for it in caplog.records if it.name.startswith("activities.")] == []


def test_caller() -> None:
    assert caller_variables("+14155550100") == {
        "CONNECTEDLINE(num,i)": "+14155550100",
        "CONNECTEDLINE(num-pres,i)": "allowed",
    }
    assert caller_variables("") == {}
    assert caller_variables("4711>\r\nX: y") == {}


@pytest.mark.parametrize(
    ("number", "presentation", "shown"),
    [
        ("+4930123456", "allowed_not_screened", "+4930123456"),
        ("4711", "allowed", "4711"),
        ("+4930123456", "prohib_not_screened", ""),
        ("+4930123456", "unavailable", ""),
        ("+4930123456", "", ""),
        ("Anonymous", "allowed", ""),
        ("unknown", "allowed", ""),
        ("", "allowed", ""),
        ("1> X: y", "allowed", ""),
        ("Jürgen", "allowed", ""),
    ],
)
def test_whose_number_may_be_shown(number: str, presentation: str, shown: str) -> None:
    assert caller_number(number, presentation) == shown


@pytest.mark.parametrize("name", ["hookflash-notice", "ab", "hookflash/notice", "en_US/v1.2/sorry"])
def test_recordings(name: str) -> None:
    assert is_recording(name)


@pytest.mark.parametrize("name", ["", "a", "-ab", "a-b", "ab,cd", "ab&cd", "ab/../cd", "/ab", "ab/", "äb", "ab" * 40])
def test_what_is_no_recording(name: str) -> None:
    assert not is_recording(name)


def test_what_a_place_is_told() -> None:
    reason = Reason(transfer="transfer:pbx-1:1795.2", outcome="sent_to_queue", cause="busy", agent="a-17")
    assert dict(told_variables(reason)) == {
        "HOOKFLASH_TRANSFER": "transfer:pbx-1:1795.2",
        "HOOKFLASH_OUTCOME": "sent_to_queue",
        "HOOKFLASH_CAUSE": "busy",
        "HOOKFLASH_AGENT": "a-17",
    }


def test_what_a_place_is_told_means_nothing_in_an_expression() -> None:
    """Every variable is set: what an earlier transfer left would be a lie."""
    leg = '1"]?evil,s,1)\r\n${SHELL(id)}&PJSIP/a|b,c;d\\ü '
    told = dict(told_variables(Reason(transfer=leg, outcome="connected", agent="x" * 999)))
    assert told["HOOKFLASH_TRANSFER"] == "1___evil_s_1_____SHELL_id___PJSIP_a_b_c_d___"
    assert told["HOOKFLASH_CAUSE"] == ""
    assert len(told["HOOKFLASH_AGENT"]) == 250
