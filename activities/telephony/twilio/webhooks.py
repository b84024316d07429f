"""What Twilio's webhooks tell of legs. Pure: forms in, leg events out.

What is not understood means nothing: Twilio adds parameters and statuses. What is malformed is refused, naming the
parameter.
"""

import re
from collections.abc import Mapping
from urllib.parse import parse_qsl

from activities.telephony.model import LegEvent, LegEventKind
from activities.telephony.twilio.callbacks import CallbackPath
from activities.telephony.twilio.signatures import Parameters
from activities.telephony.webhook import Refused
from hookflash import Cause
from hookflash.events import Evidence

MOST_PARAMETERS = 200

_CALL_SID = re.compile(r"CA[0-9a-fA-F]{32}")
_SIP_STATUS = re.compile(r"[1-6][0-9][0-9]")
_DIGITS = re.compile(r"[0-9*#A-D]{1,32}")

_UP = {"ringing": LegEventKind.RINGING, "in-progress": LegEventKind.ANSWERED}
_OVER = {
    "completed": Cause.HUNG_UP,
    "busy": Cause.BUSY,
    "no-answer": Cause.NO_ANSWER,
    "failed": Cause.UNREACHABLE,
}
"""Values of ``CallStatus`` after which a call is over, and what they mean where nothing else is said. ``canceled`` is
none of them: only the engine cancels, it knows that it did, and why, as this does not say."""

_BY_SIP = {
    402: Cause.DESTINATION_DENIED,
    403: Cause.DESTINATION_DENIED,
    404: Cause.INVALID_DESTINATION,
    410: Cause.INVALID_DESTINATION,
    414: Cause.INVALID_DESTINATION,
    416: Cause.INVALID_DESTINATION,
    484: Cause.INVALID_DESTINATION,
    486: Cause.BUSY,
    488: Cause.PROVIDER_ERROR,
    600: Cause.BUSY,
    603: Cause.DECLINED,
    604: Cause.INVALID_DESTINATION,
    606: Cause.PROVIDER_ERROR,
    607: Cause.DECLINED,
    608: Cause.DECLINED,
}
"""Final SIP statuses (RFC 3261, 21; RFC 8197; RFC 8688) of calls that were never answered."""

_MACHINES = ("machine", "fax")
"""Beginnings of ``AnsweredBy``."""
_LEFT_FOR_GOOD = frozenset({"participant_hung_up", "participant_add_failed"})
"""Values of ``ReasonParticipantLeft`` after which the leg is over. After others it may only be elsewhere."""


def parameters_of(body: bytes) -> Parameters:
    """Return the form of a body. Parameters without a value are there too: they are signed.

    Raises:
        Refused: It is none.
    """
    try:
        return parse_qsl(body.decode("ascii"), keep_blank_values=True, max_num_fields=MOST_PARAMETERS, errors="strict")
    except ValueError as error:
        raise Refused(400, "malformed", "body: has to be a form of a few dozen parameters in UTF-8") from error


def of_leg(path: CallbackPath, form: Mapping[str, str]) -> tuple[LegEvent, ...]:
    """Return what a status callback of a leg tells, or one about who has answered it.

    Raises:
        Refused: A parameter is missing, or makes no sense.
    """
    _call_sid(form)
    if "AnsweredBy" in form and "CallStatus" not in form:
        return answered_by(path, form)
    status = _needed(form, "CallStatus")
    kind = LegEventKind.ENDED if status in _OVER else _UP.get(status)
    if kind is None:
        return ()
    return (_event(path.owner, path.leg, kind, form),)


def of_room(path: CallbackPath, form: Mapping[str, str]) -> tuple[LegEvent, ...]:
    """Return what a status callback of a conference tells. A leg has its own id as its label, or is known by its call.

    Raises:
        Refused: A parameter is missing, or makes no sense.
    """
    match _needed(form, "StatusCallbackEvent"):
        case "participant-join":
            kind = LegEventKind.ANSWERED
        case "participant-leave" if _is_over(form):
            kind = LegEventKind.ENDED
        case _:
            return ()
    leg = form.get("ParticipantLabel") or _call_sid(form)
    return (_event(path.owner, leg, kind, {**form, "CallStatus": form.get("ParticipantCallStatus", "completed")}),)


def answered_by(path: CallbackPath, form: Mapping[str, str]) -> tuple[LegEvent, ...]:
    """Return what is known of who has answered."""
    if not form.get("AnsweredBy", "").startswith(_MACHINES):
        return ()
    return (LegEvent(owner=path.owner, leg=path.leg, kind=LegEventKind.MACHINE),)


def pressed(path: CallbackPath, form: Mapping[str, str]) -> tuple[LegEvent, ...]:
    """Return the keys that were pressed, each by itself.

    Raises:
        Refused: ``Digits`` are no keys.
    """
    digits = form.get("Digits", "")
    if not digits:
        return ()
    if not _DIGITS.fullmatch(digits):
        raise Refused(400, "malformed", "Digits: has to be keys of a phone")
    return tuple(LegEvent(owner=path.owner, leg=path.leg, kind=LegEventKind.DIGIT, digit=it) for it in digits)


def cause_of(status: str, sip_status: int | None) -> Cause:
    """Return why a call is over.

    Args:
        status: Twilio's ``CallStatus``: completed, busy, no-answer or failed.
        sip_status: The final SIP status, if there was one. It says more where the call was never answered.
    """
    cause = _OVER[status]
    if status == "completed" or sip_status is None or sip_status < 400:
        return cause
    return _BY_SIP.get(sip_status, cause)


def _event(owner: str, leg: str, kind: LegEventKind, form: Mapping[str, str]) -> LegEvent:
    if kind is not LegEventKind.ENDED:
        return LegEvent(owner=owner, leg=leg, kind=kind)
    status = form["CallStatus"]
    sip_status = _sip_status(form)
    if status not in _OVER:  # a participant who has left, and whose call is not said to be over yet
        status = "completed"
    evidence = Evidence(sip_status=sip_status, text=status)
    return LegEvent(owner=owner, leg=leg, kind=kind, cause=cause_of(status, sip_status), evidence=evidence)


def _is_over(form: Mapping[str, str]) -> bool:
    return form.get("ReasonParticipantLeft") in _LEFT_FOR_GOOD or form.get("ParticipantCallStatus") in _OVER


def _sip_status(form: Mapping[str, str]) -> int | None:
    told = form.get("SipResponseCode", "")
    if told and not _SIP_STATUS.fullmatch(told):
        raise Refused(400, "malformed", "SipResponseCode: has to be a SIP status")
    return int(told) if told else None


def _call_sid(form: Mapping[str, str]) -> str:
    sid = _needed(form, "CallSid")
    if not _CALL_SID.fullmatch(sid):
        raise Refused(400, "malformed", "CallSid: has to be CA and 32 hexadecimal digits")
    return sid


def _needed(form: Mapping[str, str], name: str) -> str:
    if not form.get(name):
        raise Refused(400, "malformed", f"{name}: missing")
    return form[name]
