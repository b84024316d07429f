"""Phone addresses that say how the phone behaves: ``sim:bob?answer=2s&hangup=5s``.

=============  ====================================================================================
parameter      the phone
=============  ====================================================================================
``ring``       rings for ever. With a duration: begins to ring that long after it is dialled
``answer=D``   answers after ringing for D
``machine``    is answered by a machine; with a duration: after ringing that long
``busy``       is busy
``decline``    rings, and declines; with a duration: after ringing that long
``silent``     neither rings nor answers
``unreachable``  cannot be reached
``invalid``    does not exist
``hangup=D``   hangs up D after it has answered
``press=KEY``  presses a key once it has answered
``transfer=NAME``  presses its transfer key, and asks for the phone of that name
``after=D``    with ``press`` or ``transfer``: that long after the answer
=============  ====================================================================================

Durations are ``300ms``, ``2s``, ``1.5s``, ``2m``. A phone without a script rings until a test or the demo lets it
answer.
"""

import re
from dataclasses import dataclass
from enum import StrEnum

SCHEME = "sim:"
RING_AFTER = 0.05
"""Seconds from dialling a phone until it rings, unless its script says otherwise."""

_NAME = re.compile(r"[A-Za-z0-9+][A-Za-z0-9._+-]{0,63}")
_DURATION = re.compile(r"([0-9]+(?:\.[0-9]+)?)(ms|s|m)")
_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0}
_KEYS = frozenset("0123456789*#")
_TAKES_A_WORD = frozenset({"press", "transfer"})


class BadScript(ValueError):
    """A script that makes no sense. The message names the parameter."""


class Manner(StrEnum):
    """What a phone does when it is rung."""

    RING = "ring"
    ANSWER = "answer"
    BUSY = "busy"
    DECLINE = "decline"
    SILENT = "silent"
    UNREACHABLE = "unreachable"
    INVALID = "invalid"
    MACHINE = "machine"


_MANNERS = frozenset(str(manner) for manner in Manner)
_TAKES_A_DURATION = frozenset({"ring", "answer", "decline", "machine", "hangup", "after"})
_NEEDS_A_DURATION = frozenset({"answer", "hangup", "after"})


@dataclass(frozen=True)
class Script:
    """How a phone behaves. All times are seconds."""

    manner: Manner = Manner.RING
    delay: float = 0.0
    """From the first ring until it answers or declines."""
    ring_after: float = RING_AFTER
    """From the dialling until it rings."""
    hang_up_after: float | None = None
    """From the answer. None: it stays until the other side ends the call."""
    press: str = ""
    """Key it presses. Empty: none."""
    transfer: str = ""
    """Whom it asks for with its transfer key. Empty: nobody."""
    press_after: float = 0.0
    """From the answer, until it presses its key, or its transfer key."""


def parse_address(address: str) -> tuple[str, Script]:
    """Return the name and the script of a phone.

    Raises:
        BadScript: The address is not one of a simulated phone.
    """
    if not address.startswith(SCHEME):
        raise BadScript(f"address: must begin with {SCHEME}")
    name, _, script = address.removeprefix(SCHEME).partition("?")
    if not _NAME.fullmatch(name):
        raise BadScript("address: the name of a phone is letters, digits, dots, underscores, plus and hyphens")
    return name, parse_script(script)


def parse_script(script: str) -> Script:
    """Return what a script says, for example ``answer=1s&hangup=5s``; an empty one says nothing special.

    Raises:
        BadScript: A parameter is unknown, given twice, contradicts another or has a wrong value.
    """
    given = _parameters(script)
    manners = [name for name in given if name in _MANNERS and not (name == Manner.RING and given[name])]
    if len(manners) > 1:
        raise BadScript(f"{manners[1]}: contradicts {manners[0]}")
    if "after" in given and not given.keys() & {"press", "transfer"}:
        raise BadScript("after: only together with press or transfer")
    manner = Manner(manners[0]) if manners else Manner.RING
    if manner == Manner.MACHINE and "press" in given:
        raise BadScript("press: contradicts machine")
    return Script(
        manner=manner,
        delay=_seconds(manner, given[manner]) if given.get(manner) and manner != Manner.RING else 0.0,
        ring_after=_seconds("ring", given["ring"]) if given.get("ring") else RING_AFTER,
        hang_up_after=_seconds("hangup", given["hangup"]) if "hangup" in given else None,
        press=_key(given["press"]) if "press" in given else "",
        transfer=_phone(given["transfer"]) if "transfer" in given else "",
        press_after=_seconds("after", given["after"]) if "after" in given else 0.0,
    )


def _parameters(script: str) -> dict[str, str]:
    given: dict[str, str] = {}
    for part in script.split("&") if script else ():
        name, _, value = part.partition("=")
        if name not in _TAKES_A_DURATION and name not in _TAKES_A_WORD and name not in _MANNERS:
            raise BadScript(f"{name[:32] or 'an empty parameter'}: unknown")
        if name in given:
            raise BadScript(f"{name}: given twice")
        if value and name not in _TAKES_A_WORD and name not in _TAKES_A_DURATION:
            raise BadScript(f"{name}: takes no value")
        if not value and name in _NEEDS_A_DURATION:
            raise BadScript(f"{name}: needs a duration, for example {name}=2s")
        given[name] = value
    return given


def _seconds(name: str, text: str) -> float:
    found = _DURATION.fullmatch(text)
    if found is None:
        raise BadScript(f"{name}: not a duration; write 300ms, 2s, 1.5s or 2m")
    return float(found[1]) * _SECONDS[found[2]]


def _key(text: str) -> str:
    if text not in _KEYS:
        raise BadScript("press: must be one key, 0-9, * or #")
    return text


def _phone(text: str) -> str:
    if not _NAME.fullmatch(text):
        raise BadScript("transfer: must be the name of a phone")
    return text
