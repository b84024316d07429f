"""An aim in the provider's terms: what the ``arrange`` activity is given."""

from collections.abc import Mapping, Sequence
from datetime import timedelta

from activities.arrange import ArrangeInput
from activities.telephony.model import (
    Announcement,
    Arrangement,
    Dial,
    Phase,
    Placement,
    Reason,
    Report,
    WantedLeg,
)
from hookflash import CallBack, Cause, Context, HandOff, HangUp, Outcome, Party
from hookflash.names import WATCH, owning_run
from workflows.aim import Aim
from workflows.call import Call
from workflows.core import CUSTOMER, Farewell, LegRef, Standing
from workflows.limits import PROVIDER_STANDS_BEHIND
from workflows.recordings import wanted_recording
from workflows.wording import arrange_summary

NOTICE = "hookflash-notice"
"""Recording for a target that has answered when it was not needed any more."""


def arrange_input(call: Call, aim: Aim) -> tuple[ArrangeInput, str]:
    """Return the activity's input for an aim, and its summary for operators."""
    legs = tuple(
        _leg(call, aim, ref, placement, standing)
        for ref, placement, standing in aim.legs
        if placement is not Placement.GONE or _is_to_end(call, ref)
    )
    other = call.other_line
    if other and _report(aim) is Report.ANSWERED:
        legs = (*legs, WantedLeg(leg=other, name="agent's other call", placement=Placement.GONE))
    arrangement = Arrangement(
        take_from=(WATCH,),  # and what an earlier transfer of this call left
        room=call.legs.room,
        customer=named_customer(call, legs),
        legs=legs,
        hold_limit=call.hold_limit,
        hold_music=call.hold_music,
        since=call.since,
        keep_room=any(leg.placement not in (Placement.GONE, Placement.HANDED_OFF) for leg in legs),
    )
    summary = arrange_summary((leg.name, leg.placement, _rings_for(leg)) for leg in legs)
    return ArrangeInput(provider=call.request.provider, arrangement=arrangement, queue=call.queue), summary


def named_customer(call: Call, legs: Sequence[WantedLeg]) -> str:
    """Return what `Arrangement.customer` says for these legs: nothing where the first of them is the customer."""
    customer = call.request.customer.leg
    return "" if legs and legs[0].leg == customer else customer


def _rings_for(leg: WantedLeg) -> timedelta | None:
    if leg.dial is None or leg.known is not Phase.NEW:
        return None
    return leg.dial.ring_timeout - PROVIDER_STANDS_BEHIND


def _leg(call: Call, aim: Aim, ref: LegRef, placement: Placement, standing: Standing | None) -> WantedLeg:
    leg = call.legs[ref]
    called = placement in (Placement.RINGING, Placement.SCREENING)
    entry = call.fallbacks[aim.fallback - 1].entry if aim.fallback else None
    return WantedLeg(
        leg=leg.id,
        name=call.name(ref),
        placement=placement,
        known=leg.phase,
        dial=_dial(call, ref) if called and not _is_there(call, ref) else None,
        expired=standing is Standing.EXPIRED,
        place=entry.place if placement is Placement.HANDED_OFF and isinstance(entry, HandOff) else "",
        reason=reason(call, *aim.handed_off) if placement is Placement.HANDED_OFF and aim.handed_off else None,
        announcement=_announcement(call, aim, ref, placement),
        recording=wanted_recording(call, aim, ref, placement),
        shows=_shows(call, aim, ref, placement),
        report=_report(aim) if call.request.agent.asked_by_phone and ref == LegRef(Party.AGENT) else None,
        transfers_for="" if ref.party is Party.CUSTOMER or placement is Placement.GONE else call.request.tenant,
        farewell=_farewell(call, aim, ref),
    )


def reason(call: Call, outcome: Outcome, cause: Cause | None) -> Reason:
    """Return what a place is told to which the customer of a call goes on."""
    transfer, _ = owning_run(call.owner)
    return Reason(transfer=transfer, outcome=outcome, cause=cause or "", agent=call.request.agent.id or "")


def _dial(call: Call, ref: LegRef) -> Dial:
    policy = call.request.policy
    ring_timeout = call.ring_limit(ref) + PROVIDER_STANDS_BEHIND
    if ref.party is Party.AGENT:
        address = call.request.agent.address
        assert address is not None
        return Dial(address=address, ring_timeout=ring_timeout, caller_id=policy.caller_id or "")
    rung = call.rung(ref)
    gate = rung.target.accept
    return Dial(
        address=rung.address,
        ring_timeout=ring_timeout,
        accept_timeout=max(gate.timeout, call.accept_extended) if gate else timedelta(0),
        caller_id=rung.caller_id,
        caller_id_of=rung.caller_id_of,
        headers=context_headers(call.request.context, rung.target.data),
        prompt=gate.prompt if gate else "",
        detect_machine=gate.detect_machine if gate else False,
    )


def _announcement(call: Call, aim: Aim, ref: LegRef, placement: Placement) -> Announcement | None:
    policy = call.request.policy
    in_room = [leg for leg, where, _ in aim.legs if where is Placement.IN_ROOM]
    match ref.party:
        case Party.CUSTOMER if placement is Placement.ON_HOLD or in_room == [CUSTOMER]:
            media = policy.hold_reminder.announcement if policy.hold_reminder and aim.reminders else None
            media = media or policy.hold_announcement
            # The first is the announcement at the beginning, whether there is one or not.
            return Announcement(media=media, number=aim.reminders + 1) if media else None
        case Party.AGENT if policy.consult_warning and aim.warnings and placement is Placement.IN_ROOM:
            return Announcement(media=policy.consult_warning.announcement, number=aim.warnings)
        case Party.TARGET if placement is Placement.IN_ROOM:
            media = call.rung(ref).target.on_join
            return Announcement(media=media) if media else None
        case _:
            return None


def _shows(call: Call, aim: Aim, ref: LegRef, placement: Placement) -> str:
    """Return the leg whose number a phone shows from now on.

    The agent's shows whom the agent talks to, the customer before anybody else; a target's the customer, once it has
    taken over. The customer's own phone is told nothing: whom it shows is the number that was called.
    """
    if placement is not Placement.IN_ROOM:
        return ""
    in_room = [leg for leg, where, _ in aim.legs if where is Placement.IN_ROOM and leg != ref]
    match ref.party:
        case Party.AGENT if in_room:
            return call.legs[CUSTOMER if CUSTOMER in in_room else in_room[0]].id
        case Party.TARGET if aim.final and call.request.policy.show_customer:
            return call.legs[CUSTOMER].id
        case _:
            return ""


def _is_to_end(call: Call, ref: LegRef) -> bool:
    """Whether there may be a leg to end. One that was there before, and was never touched, is not ours to end."""
    untouched = _is_there(call, ref) and call.legs[ref].phase is Phase.NEW
    return ref in call.legs and call.legs[ref].phase is not Phase.ENDED and not untouched


def _is_there(call: Call, ref: LegRef) -> bool:
    return ref.party is Party.TARGET and call.rung(ref).target.leg is not None


def _report(aim: Aim) -> Report:
    """Return what has come of the transfer, for the phone that has asked for it: that of the agent's first leg."""
    if not aim.final:
        return Report.PROGRESS
    together = {leg.party for leg, where, _ in aim.legs if where is Placement.IN_ROOM}
    return Report.ANSWERED if together >= {Party.CUSTOMER, Party.TARGET} else Report.DECLINED


def _farewell(call: Call, aim: Aim, ref: LegRef) -> str:
    entry = call.fallbacks[aim.fallback - 1].entry if aim.fallback else None
    match dict(aim.farewells).get(ref):
        case Farewell.NOTICE:
            return NOTICE
        case Farewell.APOLOGY if isinstance(entry, HangUp):
            return entry.apology or ""
        case Farewell.CALL_BACK if isinstance(entry, CallBack):
            return entry.announcement
        case _:
            return ""


def context_headers(context: Context, data: Mapping[str, str]) -> dict[str, str]:
    """Return what a target is told, as header name to value. Empty fields are left out.

    Args:
        context: What every target of the transfer should know.
        data: What only this one should; overrules the context's data.
    """
    consent = {None: "", True: "yes", False: "no"}[context.customer_consent]
    steps = {f"X-Transfer-Step-{number}": step for number, step in enumerate(context.steps_tried, start=1)}
    all_data = sorted({**context.data, **data}.items())
    headers = {
        "User-to-User": context.user_to_user or "",
        "X-Transfer-Customer": context.customer_name,
        "X-Transfer-Reason": context.reason,
        "X-Transfer-Issue": context.issue,
        "X-Transfer-Consent": consent,
        **steps,
        **{f"X-Transfer-Data-{name}": value for name, value in all_data},
    }
    return {name: value for name, value in headers.items() if value}
