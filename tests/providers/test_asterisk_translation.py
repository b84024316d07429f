"""ARI events in our words: as they were recorded on Asterisk 22, cut down to what is read."""

from collections.abc import Mapping

import pytest

from activities.telephony.asterisk.translation import AriEvent, Endings, Translator
from activities.telephony.model import LegEvent, LegEventKind
from hookflash import Cause
from hookflash.events import Evidence


def event(kind: str, state: str = "Up", owner: str | None = "transfer:1", **more: object) -> AriEvent:
    variables = {} if owner is None else {"channelvars": {"HOOKFLASH_OWNER": owner}}
    channel = {"id": "leg-1", "state": state, "dialplan": {"app_name": "Stasis"}, **variables}
    return AriEvent.model_validate({"type": kind, "channel": channel, **more})


def run(*events: AriEvent) -> list[LegEvent]:
    translator = Translator(Endings())
    found = [translator.translate(item) for item in events]
    return [item for item in found if isinstance(item, LegEvent)]


def ended(cause: Cause, **evidence: object) -> LegEvent:
    return LegEvent(
        owner="transfer:1",
        leg="leg-1",
        kind=LegEventKind.ENDED,
        cause=cause,
        evidence=Evidence.model_validate(evidence),
    )


def test_a_call_from_ringing_to_its_end() -> None:
    found = run(
        event("ChannelVarset", "Down", owner=None),
        event("ChannelDialplan", "Down"),
        event("Dial", "Down", owner=None, dialstatus=""),
        event("ChannelStateChange", "Ringing"),
        event("Dial", "Ringing", dialstatus="RINGING"),
        event("ChannelStateChange", "Up"),
        event("ChannelDtmfReceived", digit="1", duration_ms=100),
        event("ChannelDtmfReceived", digit="A"),
        event("ChannelDtmfReceived", digit="X"),
        event("ChannelDtmfReceived"),
        event("ChannelHangupRequest"),
        event("StasisEnd"),
        event("ChannelHangupRequest", soft=True, cause=16),
        event("ChannelDestroyed", cause=16, cause_txt="Normal Clearing"),
    )
    assert [item.kind for item in found] == list(map(LegEventKind, ("ringing", "answered", "digit", "digit", "ended")))
    assert [item.digit for item in found] == ["", "", "1", "A", ""]
    assert found[4] == ended(Cause.HUNG_UP, q850=16, text="Normal Clearing")
    assert {(item.owner, item.leg) for item in found} == {("transfer:1", "leg-1")}


@pytest.mark.parametrize("state", ["Up", "Ringing", "Down"])
def test_a_node_that_is_stopped_says_so(state: str) -> None:
    """The same end from the console, ``channel request hangup``, has 32 in its request."""
    stopped = (event("ChannelHangupRequest", state, soft=True, cause=4), event("ChannelDestroyed", state, cause=0))
    assert run(*stopped) == [ended(Cause.NODE_DOWN, text="the node was shut down")]
    console = (event("ChannelHangupRequest", state, soft=True, cause=32), event("ChannelDestroyed", state, cause=0))
    assert run(*console) == [ended(Cause.PROVIDER_ERROR)]


@pytest.mark.parametrize(
    ("state", "requests", "end", "cause"),
    [
        ("Ringing", [{"soft": True, "cause": 32}], {"cause": 19, "tech_cause": 480}, Cause.NO_ANSWER),
        ("Down", [{"soft": True, "cause": 32}], {"cause": 19, "tech_cause": 480}, Cause.UNREACHABLE),
        ("Ringing", [{"cause": 17, "tech_cause": 486}], {"cause": 17, "tech_cause": 486}, Cause.BUSY),
        ("Ringing", [{"soft": True, "cause": 32}], {"cause": 16}, Cause.RELEASED),
        ("Up", [{"soft": True, "cause": 32}], {"cause": 16}, Cause.RELEASED),
        (
            "Down",
            [{"soft": True, "cause": 32}, {"cause": 16, "tech_cause": 603}],
            {"cause": 16, "tech_cause": 603},
            Cause.RELEASED,
        ),
    ],
)
def test_how_it_ended(state: str, requests: list[dict[str, object]], end: dict[str, object], cause: Cause) -> None:
    hangups = [event("ChannelHangupRequest", state, "transfer:1", **request) for request in requests]
    (found,) = run(*hangups, event("ChannelDestroyed", state, "transfer:1", **end))
    assert found.cause == cause


def test_legs_without_an_owner_are_nobodys_business() -> None:
    assert run(event("StasisStart", owner=None), event("ChannelStateChange", owner=None)) == []
    assert run(event("ChannelDestroyed", owner=None, cause=16)) == []
    # Handed off: it had an owner.
    assert run(event("ChannelStateChange", "Ring"), event("ChannelDestroyed", owner="", cause=16)) == []


SOFT: dict[str, object] = {"soft": True, "cause": 32}
FOR_US = {"HOOKFLASH_RELEASED_FOR": "transfer:1"}


def noted(state: str, variables: dict[str, str], end: Mapping[str, object]) -> AriEvent:
    """Return the end of a leg with further variables."""
    last = event("ChannelDestroyed", state, "transfer:1", **end).model_dump()
    there = last["channel"] | {"channelvars": {"HOOKFLASH_OWNER": "transfer:1", **variables}}
    return AriEvent.model_validate(last | {"channel": there})


def released(
    state: str, requests: list[dict[str, object]], end: Mapping[str, object], variables: dict[str, str] = FOR_US
) -> list[LegEvent]:
    hangups = [event("ChannelHangupRequest", state, "transfer:1", **request) for request in requests]
    return run(*hangups, noted(state, variables, end))


@pytest.mark.parametrize("state", ["Up", "Ringing", "Down"])
def test_whose_release_is_noted_is_told_of_by_the_answer_alone(state: str) -> None:
    assert released(state, [SOFT], {"cause": 16}) == []
    assert released("Ringing", [SOFT], {"cause": 26}) == []
    # A note for the leg's former owner says nothing to the present one, nor does one that was taken back.
    for others in ("transfer:2", ""):
        (told,) = released(state, [SOFT], {"cause": 16}, {"HOOKFLASH_RELEASED_FOR": others})
        assert told.cause is Cause.RELEASED


@pytest.mark.parametrize(
    ("state", "requests", "end", "cause"),
    [
        ("Up", [{"cause": 16}], {"cause": 16}, Cause.HUNG_UP),
        ("Up", [{"cause": 16}, SOFT], {"cause": 16}, Cause.HUNG_UP),
        ("Up", [], {"cause": 16}, Cause.HUNG_UP),
        ("Up", [SOFT], {"cause": 19}, Cause.NO_ANSWER),
        ("Up", [{"soft": True, "cause": 4}], {"cause": 0}, Cause.NODE_DOWN),
        ("Up", [SOFT], {"cause": 0}, Cause.PROVIDER_ERROR),
        ("Ringing", [{"cause": 17}], {"cause": 17, "tech_cause": 486}, Cause.BUSY),
        ("Ringing", [SOFT], {"cause": 19, "tech_cause": 480}, Cause.NO_ANSWER),
    ],
)
def test_what_ends_in_other_words_is_told_whatever_is_noted(
    state: str, requests: list[dict[str, object]], end: dict[str, object], cause: Cause
) -> None:
    """By the far end, by its ringing time, by the console, with the node: in the moment in which it was released."""
    assert [it.cause for it in released(state, requests, end)] == [cause]


def test_how_a_released_leg_has_ended_is_remembered_all_the_same() -> None:
    endings = Endings()
    end = noted("Ringing", FOR_US, {"cause": 26, "cause_txt": "Answered elsewhere"})
    assert Translator(endings).translate(end) is None
    assert endings["leg-1"].evidence == Evidence(q850=26, text="Answered elsewhere")


def test_an_owner_is_remembered_for_events_without_variables() -> None:
    found = run(event("ChannelDialplan", "Down"), event("ChannelDestroyed", "Down", owner=None, cause=20))
    assert found == [ended(Cause.UNREACHABLE, q850=20)]


def test_endings_are_remembered_and_the_oldest_forgotten() -> None:
    endings = Endings(limit=1)
    translator = Translator(endings)
    translator.translate(event("ChannelDestroyed", "Ringing", cause=17, tech_cause=486))
    assert endings["leg-1"].cause == Cause.BUSY
    endings.remember("leg-2", endings["leg-1"])
    assert list(endings) == ["leg-2"]


def test_events_without_a_leg_mean_nothing() -> None:
    assert run(AriEvent(type="ApplicationReplaced"), AriEvent.model_validate({"type": "PlaybackFinished"})) == []


def heard(variable: str, value: str, owner: str | None = None) -> AriEvent:
    """Return what the channel says that listens to leg-1."""
    said = event("ChannelVarset", owner=owner, variable=variable, value=value).model_dump()
    return AriEvent.model_validate(said | {"channel": said["channel"] | {"id": "listening-leg-1"}})


@pytest.mark.parametrize("cause", ["LONGGREETING-1500-1500", "MAXWORDS-4-3", "MAXWORDLENGTH-5020"])
def test_a_machine_talks_on(cause: str) -> None:
    machine = LegEvent(owner="transfer:1", leg="leg-1", kind=LegEventKind.MACHINE)
    assert run(event("ChannelStateChange"), heard("AMDSTATUS", "MACHINE"), heard("AMDCAUSE", cause))[1:] == [machine]
    # A listener that was started meanwhile knows the owner from the channel that listens; its end means nothing.
    assert run(heard("AMDCAUSE", cause, owner="transfer:1")) == [machine]
    assert run(heard("AMDCAUSE", cause)) == []


@pytest.mark.parametrize("cause", ["INITIALSILENCE-2500-2500", "HUMAN-800-800", "TOOLONG-5000", ""])
def test_who_waits_for_the_prompt_is_a_person(cause: str) -> None:
    assert run(event("ChannelStateChange"), heard("AMDSTATUS", "MACHINE"), heard("AMDCAUSE", cause))[1:] == []


def test_the_end_of_who_listens_is_not_the_end_of_the_leg() -> None:
    over = event("ChannelDestroyed", cause=16).model_dump()
    assert run(AriEvent.model_validate(over | {"channel": over["channel"] | {"id": "listening-leg-1"}})) == []


def played(name: str, state: str) -> AriEvent:
    playback = {"id": name, "media_uri": "sound:hold-on", "target_uri": "channel:leg-1", "state": state}
    return AriEvent.model_validate({"type": "PlaybackFinished", "playback": playback})


def whispered(status: str, channel: str = "whisper-leg-1-12", **variables: str) -> AriEvent:
    there = {"id": channel, "state": "Up", "dialplan": {"app_name": "Playback", "exten": "hold-on"}}
    varset = {"type": "ChannelVarset", "variable": "PLAYBACKSTATUS", "value": status}
    return AriEvent.model_validate({**varset, "channel": {**there, "channelvars": variables}})


@pytest.mark.parametrize("failed", [played("prompt-leg-1", "failed"), played("announcement-leg-1", "failed")])
def test_what_could_not_be_played(failed: AriEvent) -> None:
    (unheard,) = run(event("ChannelStateChange", "Down"), failed)
    assert (unheard.kind, unheard.leg, unheard.owner) == (LegEventKind.UNHEARD, "leg-1", "transfer:1")
    assert unheard.evidence.text == "hold-on"


def test_what_could_not_be_whispered() -> None:
    (unheard,) = run(event("ChannelStateChange", "Down"), whispered("FAILED"))
    assert (unheard.leg, unheard.owner, unheard.evidence.text) == ("leg-1", "transfer:1", "hold-on")


def test_a_farewell_that_is_missing_is_heard_of_though_nobody_owns_the_leg() -> None:
    gone = {"HOOKFLASH_OWNER": "", "HOOKFLASH_PLACE": "farewell"}
    (unheard,) = run(
        event("ChannelStateChange", "Down"), event("ChannelVarset", owner=""), whispered("FAILED", "leg-1", **gone)
    )
    assert (unheard.leg, unheard.owner, unheard.evidence.text) == ("leg-1", "", "hold-on")


@pytest.mark.parametrize(
    "fine",
    [
        played("prompt-leg-1", "done"),
        played("asking-leg-1", "failed"),
        played("somebody-elses", "failed"),
        whispered("SUCCESS"),
        whispered("FAILED", "leg-1"),  # the dialplan of whoever has the leg now
    ],
)
def test_what_was_played_or_is_none_of_ours(fine: AriEvent) -> None:
    assert run(event("ChannelStateChange", "Down"), fine) == []
