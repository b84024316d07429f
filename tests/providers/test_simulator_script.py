"""Phone addresses of the simulated exchange."""

import pytest

from activities.telephony.simulator.script import (
    RING_AFTER,
    BadScript,
    Manner,
    Script,
    parse_address,
    parse_script,
)


@pytest.mark.parametrize(
    ("address", "name", "script"),
    [
        ("sim:bob", "bob", Script()),
        ("sim:bob?", "bob", Script()),
        ("sim:+15550100?busy", "+15550100", Script(Manner.BUSY)),
        ("sim:bob?decline", "bob", Script(Manner.DECLINE)),
        ("sim:bob?decline=1s", "bob", Script(Manner.DECLINE, delay=1.0)),
        ("sim:bob?silent", "bob", Script(Manner.SILENT)),
        ("sim:bob?ring", "bob", Script(Manner.RING)),
        ("sim:bob?unreachable", "bob", Script(Manner.UNREACHABLE)),
        ("sim:bob?invalid", "bob", Script(Manner.INVALID)),
        ("sim:bob?answer=2s", "bob", Script(Manner.ANSWER, delay=2.0)),
        ("sim:bob?machine", "bob", Script(Manner.MACHINE)),
        ("sim:bob?machine=2s&hangup=5s", "bob", Script(Manner.MACHINE, delay=2.0, hang_up_after=5.0)),
        ("sim:bob?ring=300ms&answer=1.5s", "bob", Script(Manner.ANSWER, delay=1.5, ring_after=0.3)),
        ("sim:bob?answer=1s&hangup=2m", "bob", Script(Manner.ANSWER, delay=1.0, hang_up_after=120.0)),
        (
            "sim:bob?answer=1s&press=1&after=2s",
            "bob",
            Script(Manner.ANSWER, delay=1.0, press="1", press_after=2.0),
        ),
        ("sim:bob?press=#", "bob", Script(press="#")),
        ("sim:bob?transfer=dave&after=2s", "bob", Script(transfer="dave", press_after=2.0)),
    ],
)
def test_what_an_address_says(address: str, name: str, script: Script) -> None:
    assert parse_address(address) == (name, script)


def test_the_first_ring_comes_at_once_but_not_immediately() -> None:
    assert parse_script("").ring_after == RING_AFTER == 0.05


@pytest.mark.parametrize(
    ("address", "said"),
    [
        ("pjsip:bob", "address: must begin with sim:"),
        ("sim:", "address:"),
        ("sim:b ob", "address:"),
        ("sim:bob?anwser=2s", "anwser: unknown"),
        ("sim:bob?&busy", "an empty parameter: unknown"),
        ("sim:bob?transfer", "transfer: must be the name of a phone"),
        ("sim:bob?transfer=sim:dave", "transfer: must be the name of a phone"),
        ("sim:bob?answer", "answer: needs a duration"),
        ("sim:bob?answer=2", "answer: not a duration"),
        ("sim:bob?answer=-2s", "answer: not a duration"),
        ("sim:bob?answer=2h", "answer: not a duration"),
        ("sim:bob?ring=soon", "ring: not a duration"),
        ("sim:bob?hangup=", "hangup: needs a duration"),
        ("sim:bob?busy=1s", "busy: takes no value"),
        ("sim:bob?busy&busy", "busy: given twice"),
        ("sim:bob?answer=1s&busy", "busy: contradicts answer"),
        ("sim:bob?answer=1s&machine", "machine: contradicts answer"),
        ("sim:bob?machine&press=1", "press: contradicts machine"),
        ("sim:bob?machine=soon", "machine: not a duration"),
        ("sim:bob?press", "press: must be one key"),
        ("sim:bob?press=12", "press: must be one key"),
        ("sim:bob?press=A", "press: must be one key"),
        ("sim:bob?after=1s", "after: only together with press"),
    ],
)
def test_a_bad_script_names_the_parameter(address: str, said: str) -> None:
    with pytest.raises(BadScript) as refused:
        parse_address(address)
    assert str(refused.value).startswith(said)
