"""Addresses and headers: what may become part of a dial string or of a SIP message.

Everything else is refused here, because in Asterisk a dial string is a little language of its own: ``&`` rings
several endpoints, ``Local/`` runs dialplan and thereby reaches anything that is allowed there.
"""

import json
import logging
import re
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import accumulate

from activities.telephony.model import Reason

TECHNOLOGY = "PJSIP"
MAX_HEADERS = 40
MAX_VALUE = 500
MOST_BYTES = 32 * 1024
"""All headers together, as JSON has them: ARI takes bodies of 40 KB, and nobody is rung with more (413)."""

_ENDPOINT = re.compile(r"[A-Za-z0-9_.-]{1,64}", re.ASCII)
# E.164 numbers have up to 15 digits, the first is never 0 (ITU-T E.164, 6.2); shorter than 7 are local services.
_NUMBER = re.compile(r"\+[1-9][0-9]{6,14}", re.ASCII)
_PLACE = re.compile(r"([A-Za-z0-9_-]{1,80})(?:,([A-Za-z0-9_+*#-]{1,80})(?:,([0-9]{1,4}))?)?", re.ASCII)
_HEADER = re.compile(r"X-[A-Za-z0-9-]{1,60}|User-to-User", re.ASCII)
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]+")
_CALLER = re.compile(r"[A-Za-z0-9_.+-]{1,64}", re.ASCII)
# A recording is an extension too: what the pattern in docs/providers.md matches, and Asterisk keeps 79 characters of.
_RECORDING = re.compile(r"[A-Za-z0-9]{2}[A-Za-z0-9_.-]*(?:/[A-Za-z0-9_-][A-Za-z0-9_.-]*)*", re.ASCII)
_UNTOLD = re.compile(r"[^A-Za-z0-9_.:@-]", re.ASCII)
_LONGEST_TOLD = 250
_LONGEST_EXTENSION = 79
_LONGEST_NAME = 80
# What stands for a number where there is none (RFC 3323, 4.1, and the habits of exchanges).
_NO_NUMBER = frozenset({"anonymous", "unknown", "unavailable", "restricted", "private", "s"})


logger = logging.getLogger(__name__)


class InvalidAddressError(ValueError):
    """The address cannot be dialled. The message says why without repeating the address."""


@dataclass(frozen=True, slots=True)
class Destination:
    """Where a leg is dialled to."""

    endpoint: str
    """Name of the PJSIP endpoint that carries the call."""
    number: str = ""
    """Number to ask that endpoint for. Default: the endpoint itself is called."""

    @property
    def dial_string(self) -> str:
        """``PJSIP/endpoint`` or ``PJSIP/number@endpoint`` (docs.asterisk.org, "Dialing PJSIP Channels")."""
        return f"{TECHNOLOGY}/{self.number}@{self.endpoint}" if self.number else f"{TECHNOLOGY}/{self.endpoint}"


def destination(address: str, trunk: str | None) -> Destination:
    """Read an address.

    Args:
        address: ``pjsip:<endpoint>`` or ``tel:+<digits>``.
        trunk: Endpoint that carries numbers, if there is one.

    Raises:
        InvalidAddressError: If it is neither, or a number without a trunk.
    """
    scheme, _, rest = address.partition(":")
    if scheme == "pjsip":
        if not _ENDPOINT.fullmatch(rest):
            raise InvalidAddressError("not the name of a PJSIP endpoint")
        if rest == trunk:
            # It is no phone of the company's: what its phones are told of the customer would go to the carrier.
            raise InvalidAddressError("the trunk is nobody's phone, and takes numbers only: tel:+<digits>")
        return Destination(rest)
    if scheme == "tel":
        if not _NUMBER.fullmatch(rest):
            raise InvalidAddressError("not an E.164 number: + and 7 to 15 digits")
        if trunk is None:
            raise InvalidAddressError("this node has no trunk for numbers")
        return Destination(trunk, rest)
    raise InvalidAddressError("neither pjsip:<endpoint> nor tel:+<digits>")


def dialplan_place(place: str) -> tuple[str, str, int]:
    """Read ``context[,extension[,priority]]``; the extension is ``s`` and the priority 1 by default.

    Raises:
        InvalidAddressError: If it is none.
    """
    found = _PLACE.fullmatch(place)
    if found is None:
        raise InvalidAddressError("not a place of the dialplan: context[,extension[,priority]]")
    return found[1], found[2] or "s", int(found[3] or 1)


def header_variables(headers: Mapping[str, str]) -> dict[str, str]:
    """Return the channel variables that add headers to an INVITE.

    A name that is neither an ``X-`` token nor ``User-to-User`` (RFC 7433) is left out: it would be part of a function
    call. Values may be any text
    (RFC 3261, 25.1 TEXT-UTF8char) but for control characters, which would begin another header; they become a space.
    What is too much for one request is left out, from the first that does not fit.

    Args:
        headers: Header name to value.
    """
    fit = [(name, clean(value)) for name, value in headers.items() if _HEADER.fullmatch(name)]
    wanted = [(f"PJSIP_HEADER(add,{name})", value) for name, value in fit if value]
    sizes = accumulate(len(json.dumps(it)) for it in wanted)
    told = dict([it for it, size in zip(wanted, sizes, strict=True) if size <= MOST_BYTES][:MAX_HEADERS])
    if len(told) < len(wanted):
        logger.warning("a target is told %d of %d headers: that is all that fits", len(told), len(wanted))
    return told


def caller_variables(caller_id: str) -> dict[str, str]:
    """Return the channel variables that make a created leg call from a number.

    The From of an outgoing call is who its channel is connected to, not its own caller id; ``i`` sends no update.
    """
    if not _CALLER.fullmatch(caller_id):
        return {}
    return {"CONNECTEDLINE(num,i)": caller_id, "CONNECTEDLINE(num-pres,i)": "allowed"}


def caller_number(number: str, presentation: str) -> str:
    """Return a caller's number as it may be shown to others, empty if it may not, or is none.

    Args:
        number: Whatever the caller's exchange said.
        presentation: ``CALLERID(num-pres)``.
    """
    shown = presentation.startswith("allowed") and number.lower() not in _NO_NUMBER
    return number if shown and _CALLER.fullmatch(number) else ""


def caller_name(name: str, presentation: str) -> str:
    """Return a caller's name as it may be shown to others, empty if it may not.

    Args:
        name: Whatever the caller's exchange said.
        presentation: ``CALLERID(name-pres)``.
    """
    return clean(name)[:_LONGEST_NAME] if presentation.startswith("allowed") else ""


def partner_functions(number: str, name: str) -> tuple[tuple[str, str], ...]:
    """Return what makes a leg that is up show somebody else as its partner.

    The last one tells the phone, once for all: ``i`` sends no update.
    """
    return (("CONNECTEDLINE(name,i)", name), ("CONNECTEDLINE(pres,i)", "allowed"), ("CONNECTEDLINE(num)", number))


def is_recording(name: str) -> bool:
    """Return whether a text can be the name of a recording, and nothing else, in a URI and in the dialplan."""
    return len(name) <= _LONGEST_EXTENSION and _RECORDING.fullmatch(name) is not None


def told_variables(reason: Reason) -> tuple[tuple[str, str], ...]:
    """Return the channel variables that tell a place of the dialplan why it gets a call.

    All of them, so that nothing of an earlier transfer stays. Whatever has a meaning in an expression or a list of
    arguments becomes ``_``: the place may well use them there.
    """
    said = {"TRANSFER": reason.transfer, "OUTCOME": reason.outcome, "CAUSE": reason.cause, "AGENT": reason.agent}
    return tuple((f"HOOKFLASH_{name}", _UNTOLD.sub("_", value)[:_LONGEST_TOLD]) for name, value in said.items())


def clean(value: str) -> str:
    """Return a text as one line of limited length."""
    return _CONTROL.sub(" ", value).strip()[:MAX_VALUE].strip()
