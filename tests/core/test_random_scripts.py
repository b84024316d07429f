"""Whatever people, phones and the provider do: the customer ends with somebody, once, and no leg is left over."""

from datetime import timedelta
from typing import NamedTuple

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hookflash import (
    AcceptGate,
    Actor,
    AnotherTarget,
    CallBack,
    CommandName,
    CustomerAudio,
    Fallback,
    FeatureCodes,
    HandOff,
    HangUp,
    Mode,
    Party,
    Policy,
    Recall,
    Target,
    WhenUnanswered,
)
from hookflash.policy import ConsultWarning, Reminder
from tests.core.one_call import ANNA, CAROL, OneCall
from tests.workflows.soundness import what_is_wrong
from workflows.core import EXTENSIBLE, Command, Timer

LONG = 3600.0
"""Seconds by which every wait of a transfer has ended."""

EVERY = timedelta(seconds=5)
"""How often a customer is reminded: as often as a policy may say."""

CODES = FeatureCodes(cancel="1", complete="2", conference="*1", swap="*2", hold="##", unhold="#0")

_PHONES = [
    "busy",
    "decline",
    "unreachable",
    "invalid",
    "ring",
    "silent",
    "answer=1s",
    "answer=0ms",
    "answer=1s&hangup=2s",
    "machine=1s",
]
_GATE_PHONES = [
    "answer=1s&press=1&after=1s",
    "answer=1s&press=2&after=1s",
    "answer=1s&press=7",
    "answer=1s&hangup=1s",
    "machine=1s",
    "machine=0ms&hangup=2s",
    "ring",
]

phones = st.sampled_from(_PHONES)
gates = st.one_of(st.none(), st.builds(AcceptGate, timeout=st.just(timedelta(seconds=3)), detect_machine=st.booleans()))
recordings = st.sampled_from([None, "one-moment", "missing"])


@st.composite
def _targets(draw: st.DrawFn) -> Target:
    gate = draw(gates)
    phone = draw(st.sampled_from(_GATE_PHONES)) if gate else draw(phones)
    return Target(
        address=f"sim:bob?{phone}",
        name="Claims desk",
        ring_timeout=timedelta(seconds=4),
        accept=gate,
        on_join=draw(recordings),
    )


@st.composite
def _groups(draw: st.DrawFn) -> tuple[Target, ...]:
    """Return targets that ring one after another, or some of them together."""
    first, *others = draw(st.lists(_targets(), min_size=1, max_size=4))
    return (first, *(it.model_copy(update={"with_previous": draw(st.booleans())}) for it in others))


_ends: st.SearchStrategy[Fallback] = st.one_of(
    st.sampled_from([HandOff(kind="flow", place="reception"), HandOff(kind="voicemail", place="missing"), CallBack()]),
    st.builds(HangUp, apology=recordings),
)
_recalls: st.SearchStrategy[Fallback] = st.one_of(
    st.builds(
        Recall,
        ring_timeout=st.just(timedelta(seconds=3)),
        attempts=st.integers(1, 3),
        pause=st.sampled_from([timedelta(milliseconds=10), timedelta(seconds=5)]),
    ),
    st.just(HandOff(kind="queue", place="missing")),
    st.builds(AnotherTarget, target=_targets()),
)
_reminders = st.one_of(st.none(), st.builds(Reminder, announcement=st.just("still-here"), every=st.just(EVERY)))


@st.composite
def _policies(draw: st.DrawFn) -> Policy:
    consult_limit = timedelta(seconds=draw(st.sampled_from([5, 60])))
    warning = ConsultWarning(announcement="beep", before=consult_limit / 2)
    return Policy(
        hold_budget=timedelta(seconds=draw(st.sampled_from([5, 60]))),
        hold_reminder=draw(_reminders),
        consult_limit=consult_limit,
        consult_warning=draw(st.sampled_from([None, warning])),
        linger=draw(st.sampled_from([None, timedelta(seconds=1), timedelta(seconds=30)])),
        overall_limit=timedelta(seconds=draw(st.sampled_from([4, 30, 3600]))),
        when_unanswered=draw(st.sampled_from(WhenUnanswered)),
        fallbacks=(*draw(st.lists(_recalls, max_size=3)), draw(_ends)),
        customer_audio=draw(st.sampled_from(CustomerAudio)),
        hold_announcement=draw(recordings),
        feature_codes=draw(st.sampled_from([None, CODES])),
    )


class Act(NamedTuple):
    """Something that happens."""

    what: str
    detail: str = ""


_WITH_A_DETAIL = (CommandName.HOLD, CommandName.UNHOLD, CommandName.EXTEND)

_ACTS = [
    *(Act("command", name) for name in CommandName if name not in _WITH_A_DETAIL),
    *(Act(name, party) for name in (CommandName.HOLD, CommandName.UNHOLD) for party in Party),
    *(Act("wait", seconds) for seconds in ("0", "0.05", "0.1", "1", "3", "10")),
    *(Act(CommandName.EXTEND, timer) for timer in EXTENSIBLE),
    *(Act(name, number) for name in (CommandName.ACCEPT, CommandName.DECLINE) for number in "123"),
    *(Act("answer", which) for which in ("first", "last", "all")),
    *(Act("hang up", who) for who in Party),
    *(Act("press", key) for key in "12"),
    *(Act("agent presses", key) for key in "012*#"),
    *(Act("customer presses", key) for key in "12"),
    Act("reconcile"),
]
_FAULTS = [
    Act("fault", "unavailable"),
    Act("fault", "answer lost"),
    Act("fault", "half"),
    Act("outage", "on"),
    Act("outage", ""),
    Act("events", "lost"),
    Act("events", "doubled"),
    Act("events", ""),
]


def scripts(acts: list[Act]) -> st.SearchStrategy[list[Act]]:
    return st.lists(st.sampled_from(acts), max_size=12)


def _play(call: OneCall, act: Act) -> None:
    exchange, rung = call.exchange, call.last_rung
    match act:
        case Act("command", name):
            retarget = Target(address="sim:dora?answer=1s", name="Dora", ring_timeout=timedelta(seconds=4))
            target = call.plan(retarget) if name == CommandName.RETARGET else None
            call.command(Command(CommandName(name), target=target))
        case Act("hold" | "unhold" as name, party):
            call.command(Command(CommandName(name), Party(party)))
        case Act("accept" | "decline" as name, number):
            call.command(Command(CommandName(name), by=Actor.TARGET, number=int(number)))
        case Act("extend", timer):
            call.extend(Timer(timer), timedelta(seconds=20))
        case Act("wait", seconds):
            call.wait(float(seconds))
        case Act("answer", which):
            ringing = call.ringing
            for leg in {"first": ringing[:1], "last": ringing[-1:]}.get(which, ringing):
                exchange.answer(leg.id)
        case Act("hang up", who):
            leg = {"customer": CAROL, "agent": ANNA}.get(who) or (rung.id if rung else CAROL)
            exchange.hang_up(leg)
        case Act("press", key) if rung is not None and rung.up:
            exchange.press(rung.id, key)
        case Act("agent presses" | "customer presses" as who, key):
            call.press(ANNA if who == "agent presses" else CAROL, key)
        case Act("reconcile"):
            call.reconcile()
        case _:
            _spoil(call, act)


def _spoil(call: OneCall, act: Act) -> None:
    match act:
        case Act("fault", "unavailable"):
            call.exchange.faults.unavailable()
        case Act("fault", "answer lost"):
            call.exchange.faults.answer_lost()
        case Act("fault", "half"):
            call.exchange.faults.half(2)
        case Act("outage", on):
            call.exchange.faults.outage = bool(on)
        case Act("events", how):
            call.echo = {"lost": 0, "doubled": 2}.get(how, 1)
        case _:
            pass


def _end(call: OneCall) -> None:
    """Let everything work again, give up, and wait for the end."""
    call.exchange.faults.outage = False
    call.echo = 1
    call.reconcile()
    call.wait(30)
    if not call.state.ended:
        call.command(Command(CommandName.CANCEL, by=Actor.OPERATOR))
    call.wait(LONG)


def _check(call: OneCall) -> None:
    assert len(call.results) == 1, f"{len(call.results)} outcomes, {call.state}"
    assert what_is_wrong(call.results[0], CAROL, call.left) == "", call.results[0]
    assert all(call.exchange.rings(leg) <= 1 for leg in call.exchange.legs)


modes = st.sampled_from(Mode)
recalled = st.sampled_from(["answer=1s", "busy", "ring", "answer=1s&hangup=1s"])
targets = _groups()
QUICK = settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@given(modes, targets, _policies(), recalled, scripts(_ACTS))
@QUICK
def test_any_script_ends_well(
    mode: Mode, targets: tuple[Target, ...], policy: Policy, recalled: str, script: list[Act]
) -> None:
    call = OneCall(mode, targets, policy, recalled, ("", ""))
    for act in script:
        _play(call, act)
    _end(call)
    _check(call)
    assert call.exchange.violations == ()


@given(modes, targets, _policies(), recalled, scripts([*_ACTS, *_FAULTS, *_FAULTS]))
@QUICK
def test_any_script_ends_well_in_spite_of_faults(
    mode: Mode, targets: tuple[Target, ...], policy: Policy, recalled: str, script: list[Act]
) -> None:
    call = OneCall(mode, targets, policy, recalled, ("", ""))
    for act in script:
        _play(call, act)
    _end(call)
    _check(call)
    # Whoever is left by somebody of whom the engine cannot hear, or while it cannot reach the provider, has to wait.
    assert [it for it in call.exchange.violations if "for more than" not in it] == []
