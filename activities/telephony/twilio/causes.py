"""Why a leg ended, from Twilio's call status or error code.

Codes: twilio.com/docs/api/errors. None of it was seen on a live account. Twilio does not tell a phone that declines
from one that is busy, nor one that was never reached from one that nobody answered; whether it rang is all there is.
"""

from dataclasses import dataclass

from activities.telephony.model import Phase
from activities.telephony.twilio.resources import Call
from hookflash import Cause
from hookflash.events import Evidence


@dataclass(frozen=True, slots=True)
class Ending:
    """How a leg ended, in our words and in Twilio's."""

    cause: Cause | None
    """None: it has ended, and only an event could say why."""
    evidence: Evidence


_DESTINATION_INVALID = {21201, 21211, 21214, 21217, 13223, 13224, 21226}
_DESTINATION_DENIED = {21202, 21203, 21215, 21216, 21219, 21228, 21229, 13225, 13226, 13227, 13243, 32203}
_CALLER_ID = {21210, 21212, 21213, 13214, 13247, 32017}
_UNREACHABLE = {32009}

DIALLING_REFUSED: dict[int, Cause] = (
    dict.fromkeys(_DESTINATION_INVALID, Cause.INVALID_DESTINATION)
    | dict.fromkeys(_DESTINATION_DENIED, Cause.DESTINATION_DENIED)
    | dict.fromkeys(_CALLER_ID, Cause.CALLER_ID_REFUSED)
    | dict.fromkeys(_UNREACHABLE, Cause.UNREACHABLE)
)
"""Error codes of a dialling that end the leg, and nothing else. Any other is a fault of ours or of the account."""

CALL_OVER = frozenset({21220, 20404})
"""Codes that say that the call, or the participant, is not there any more."""
CONFERENCE_OVER = frozenset({16022, 20404})
"""Codes that say that the conference is not there any more."""
LABEL_TAKEN = frozenset({16025, 16026})
"""Codes that say that a participant of this label is there already: another attempt has won."""


def ending_of(call: Call, known: Phase) -> Ending:
    """Say why a call ended.

    Args:
        call: One that has ended.
        known: How far it is known to have come before.
    """
    evidence = Evidence(text=f"call status {call.status}")
    match call.status:
        case "busy":
            return Ending(Cause.BUSY, evidence)
        case "no-answer":
            return Ending(unanswered(known), evidence)
        case "canceled":
            return Ending(Cause.RELEASED, evidence)
        case "failed":
            return Ending(Cause.UNREACHABLE, evidence)
        case _:
            return Ending(Cause.HUNG_UP, evidence)


def unanswered(known: Phase) -> Cause:
    """Return what a ringing that came to its end is called."""
    return Cause.NO_ANSWER if known >= Phase.RINGING else Cause.UNREACHABLE
