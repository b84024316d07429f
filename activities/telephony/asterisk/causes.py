"""Why a leg ended, from Asterisk's cause and technical cause.

``dialstatus`` is of no use: a declined call is ``NOANSWER`` there, and a leg that was created and dialled over ARI has
no final Dial event at all. The technical cause is the SIP status (RFC 3261, 21); Asterisk derives the cause (Q.850)
from it in ``ast_sip_hangup_sip2cause``. Measured rows: Asterisk 22.10.
"""

from dataclasses import dataclass
from enum import Enum

from activities.telephony.model import Phase
from hookflash import Cause
from hookflash.events import Evidence


class _Unanswered(Enum):
    """The end of the ringing: which word for it depends on whether it ever rang."""

    UNANSWERED = 0


UNANSWERED = _Unanswered.UNANSWERED
Verdict = Cause | _Unanswered

NORMAL_CLEARING = 16
NO_ANSWER = 19
ANSWERED_ELSEWHERE = 26

RELEASE_TEXTS = {NORMAL_CLEARING: "Normal Clearing", ANSWERED_ELSEWHERE: "Answered elsewhere"}
"""How Asterisk calls the two causes with which we end a leg that nobody needs."""

BY_PAIR: dict[tuple[int, int | None], Verdict] = {
    # We deleted a leg that was never dialled; no phone has declined anything.
    (NORMAL_CLEARING, 603): Cause.RELEASED,
    (ANSWERED_ELSEWHERE, None): Cause.RELEASED,
}
"""Cause and technical cause that mean something else together."""

BY_SIP: dict[int, Verdict] = {
    302: Cause.UNREACHABLE,  # forwarding, refused by the dialplan: it would be a destination nobody allowed
    401: Cause.PROVIDER_ERROR,  # the trunk does not accept our credentials
    402: Cause.DESTINATION_DENIED,
    403: Cause.DESTINATION_DENIED,
    404: Cause.INVALID_DESTINATION,
    407: Cause.PROVIDER_ERROR,
    408: UNANSWERED,
    410: Cause.INVALID_DESTINATION,
    414: Cause.INVALID_DESTINATION,
    416: Cause.INVALID_DESTINATION,
    480: UNANSWERED,
    484: Cause.INVALID_DESTINATION,
    486: Cause.BUSY,
    488: Cause.PROVIDER_ERROR,  # no codec in common
    500: Cause.UNREACHABLE,
    501: Cause.PROVIDER_ERROR,
    502: Cause.UNREACHABLE,
    503: Cause.UNREACHABLE,
    504: Cause.UNREACHABLE,
    600: Cause.BUSY,
    603: Cause.DECLINED,
    604: Cause.INVALID_DESTINATION,
    606: Cause.PROVIDER_ERROR,
    607: Cause.DECLINED,  # Unwanted (RFC 8197)
    608: Cause.DECLINED,  # Rejected (RFC 8688)
}
"""By SIP status, where there is one."""

BY_Q850: dict[int, Verdict] = {
    1: Cause.INVALID_DESTINATION,
    2: Cause.UNREACHABLE,
    3: Cause.UNREACHABLE,
    17: Cause.BUSY,
    18: UNANSWERED,
    NO_ANSWER: UNANSWERED,
    20: Cause.UNREACHABLE,
    21: Cause.DECLINED,
    22: Cause.INVALID_DESTINATION,
    23: Cause.UNREACHABLE,
    27: Cause.UNREACHABLE,
    28: Cause.INVALID_DESTINATION,
    34: Cause.UNREACHABLE,
    38: Cause.UNREACHABLE,
    41: Cause.UNREACHABLE,
    42: Cause.UNREACHABLE,
}
"""By Q.850 cause, where SIP said nothing."""


@dataclass(frozen=True, slots=True)
class Ending:
    """How a leg ended, in our words and in the provider's."""

    cause: Cause | None
    """None: it has ended, and only the event that says why could tell."""
    evidence: Evidence
    assumed: bool = False
    """Whether the cause is only the likeliest, as nobody here saw it end."""


SHUTDOWN = 4
"""What a ChannelHangupRequest says as its cause when Asterisk is being stopped: ``AST_SOFTHANGUP_SHUTDOWN``, no cause
of Q.850. One from the console says 32, and both end with cause 0."""

SHUT_DOWN = Ending(Cause.NODE_DOWN, Evidence(text="the node was shut down"))


def ending(q850: int, sip: int | None, *, soft: bool, phase: Phase, text: str = "") -> Ending:
    """Say why a leg ended.

    Args:
        q850: ``cause`` of ChannelDestroyed; 0 when it was hung up from the console.
        sip: ``tech_cause`` of it, if there was one.
        soft: Whether a ChannelHangupRequest before it was ``soft``: we or our ring timer ended it, not the far end.
        phase: How far the leg had come.
        text: ``cause_txt`` of it.
    """
    evidence = Evidence(sip_status=sip, q850=q850 or None, text=text)
    if q850 == 0:
        return Ending(Cause.PROVIDER_ERROR, evidence)
    if phase >= Phase.ANSWERED and soft and q850 == NO_ANSWER:
        # The answer was noted while the leg was being ended, because its time was up. It was out of the room by then.
        return Ending(Cause.NO_ANSWER, evidence)
    if phase >= Phase.ANSWERED:
        return Ending(Cause.RELEASED if soft else Cause.HUNG_UP, evidence)
    verdict = BY_PAIR.get((q850, sip)) or _by_tables(q850, sip, soft=soft)
    if verdict is UNANSWERED:
        verdict = unanswered(phase)
    return Ending(verdict, evidence)


def _by_tables(q850: int, sip: int | None, *, soft: bool) -> Verdict:
    if sip is not None:
        return BY_SIP.get(sip, Cause.UNREACHABLE if sip >= 500 else Cause.PROVIDER_ERROR)
    if q850 == NORMAL_CLEARING:
        # Without us, only a caller who gives up while it still rings here clears normally.
        return Cause.RELEASED if soft else Cause.HUNG_UP
    return BY_Q850.get(q850, Cause.PROVIDER_ERROR)


def unanswered(phase: Phase) -> Cause:
    """Return what a ringing that came to its end is called."""
    return Cause.NO_ANSWER if phase >= Phase.RINGING else Cause.UNREACHABLE
