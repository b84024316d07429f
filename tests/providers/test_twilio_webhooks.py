"""What Twilio tells, what is made of it, and what it is answered."""

import io
import wave
from collections.abc import Mapping
from urllib.parse import urlsplit
from xml.etree import ElementTree

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import SecretStr

from activities.telephony.model import LegEvent, LegEventKind
from activities.telephony.twilio.callbacks import CallbackUrls
from activities.telephony.twilio.endpoint import TwilioEndpoint
from activities.telephony.twilio.signatures import SETTINGS, SIGNATURE, SigningSecrets
from activities.telephony.webhook import LARGEST_BODY, Received, Refused, WebhookRequest
from hookflash import Cause
from hookflash.events import Evidence
from tests.support.twilio_signing import CALL_SID, signed_form, validator

TOKEN = "token-of-the-account"
URLS = CallbackUrls("https://hooks.example", "main", b"k" * 32)
ENDPOINT = TwilioEndpoint(URLS, SigningSecrets(SecretStr(TOKEN)), "https://media.example/sounds/")
NO_MEDIA = TwilioEndpoint(URLS, SigningSecrets(SecretStr(TOKEN)))
OWNER, LEG = "transfer:main:CA12/0190-run", "target-1.0190"


def target_of(url: str) -> str:
    split = urlsplit(url)
    return split.path + (f"?{split.query}" if split.query else "")


def post(url: str, endpoint: TwilioEndpoint = ENDPOINT, /, **form: str) -> Received:
    """Have Twilio call a URL."""
    body, headers = signed_form(url, form, TOKEN)
    return endpoint.receive(WebhookRequest("POST", target_of(url), headers, body))


def get(url: str, endpoint: TwilioEndpoint = ENDPOINT) -> Received:
    headers = {SIGNATURE: validator(TOKEN).compute_signature(url.partition("#")[0], {})}
    return endpoint.receive(WebhookRequest("GET", target_of(url), headers))


def refusal(url: str, **form: str) -> str:
    with pytest.raises(Refused) as refused:
        post(url, **form)
    assert (refused.value.answer.status, refused.value.reason) == (400, "malformed")
    return str(refused.value)


def status(call_status: str, **more: str) -> tuple[LegEvent, ...]:
    """Return what is made of a status callback of a leg, with what else Twilio tells of people in it."""
    about = {"From": "+15005550006", "To": "+15005550007", "CallerName": "", "AccountSid": "AC1"}
    received = post(URLS.leg(OWNER, LEG), CallSid=CALL_SID, CallStatus=call_status, **about, **more)
    assert (received.kind, received.answer.status, received.answer.body) == ("leg", 204, b"")
    return received.events


@pytest.mark.parametrize("told", ["queued", "initiated", "something-new"])
def test_what_says_nothing_of_a_leg_means_nothing(told: str) -> None:
    assert status(told) == ()


def test_a_leg_rings_and_is_answered() -> None:
    assert status("ringing") == (LegEvent(owner=OWNER, leg=LEG, kind=LegEventKind.RINGING),)
    assert status("in-progress") == (LegEvent(owner=OWNER, leg=LEG, kind=LegEventKind.ANSWERED),)


@pytest.mark.parametrize(
    ("told", "sip", "cause"),
    [
        ("completed", "200", Cause.HUNG_UP),
        ("completed", "", Cause.HUNG_UP),
        ("busy", "486", Cause.BUSY),
        ("busy", "", Cause.BUSY),
        ("busy", "603", Cause.DECLINED),
        ("no-answer", "487", Cause.NO_ANSWER),
        ("no-answer", "480", Cause.NO_ANSWER),
        ("no-answer", "603", Cause.DECLINED),
        ("failed", "404", Cause.INVALID_DESTINATION),
        ("failed", "403", Cause.DESTINATION_DENIED),
        ("failed", "503", Cause.UNREACHABLE),
        ("failed", "", Cause.UNREACHABLE),
    ],
)
def test_a_leg_ends_for_a_reason(told: str, sip: str, cause: Cause) -> None:
    (event,) = status(told, SipResponseCode=sip, SequenceNumber="3")
    evidence = Evidence(sip_status=int(sip) if sip else None, text=told)
    assert event == LegEvent(owner=OWNER, leg=LEG, kind=LegEventKind.ENDED, cause=cause, evidence=evidence)


@pytest.mark.parametrize(
    ("told", "machine"),
    [
        ("human", False),
        ("unknown", False),
        ("machine_start", True),
        ("machine_end_beep", True),
        ("machine_end_silence", True),
        ("machine_end_other", True),
        ("fax", True),
    ],
)
def test_a_machine_that_answers_is_told_apart(told: str, machine: bool) -> None:
    found = (LegEvent(owner=OWNER, leg=LEG, kind=LegEventKind.MACHINE),) if machine else ()
    apart = post(URLS.leg(OWNER, LEG), CallSid=CALL_SID, AnsweredBy=told, MachineDetectionDuration="2400")
    assert apart.events == found
    # Where it was waited for, it is told with the question.
    asked = post(URLS.screen(OWNER, LEG), CallSid=CALL_SID, CallStatus="in-progress", AnsweredBy=told)
    assert asked.events == found


def test_who_comes_to_a_conference_and_leaves_it() -> None:
    url = URLS.room(OWNER, "room-1")
    about = {"CallSid": CALL_SID, "ConferenceSid": "CF1", "ParticipantLabel": LEG}
    joined = post(url, StatusCallbackEvent="participant-join", **about)
    assert joined.events == (LegEvent(owner=OWNER, leg=LEG, kind=LegEventKind.ANSWERED),)
    left = post(url, StatusCallbackEvent="participant-leave", ReasonParticipantLeft="participant_hung_up", **about)
    ended = LegEvent(
        owner=OWNER, leg=LEG, kind=LegEventKind.ENDED, cause=Cause.HUNG_UP, evidence=Evidence(text="completed")
    )
    assert left.events == (ended,)
    busy = post(
        url,
        StatusCallbackEvent="participant-leave",
        ReasonParticipantLeft="participant_add_failed",
        ParticipantCallStatus="busy",
        **about,
    )
    assert [it.cause for it in busy.events] == [Cause.BUSY]


def test_who_is_moved_out_of_a_conference_has_not_ended() -> None:
    url = URLS.room(OWNER, "room-1")
    for reason in ("participant_updated_via_api", "conference_ended_via_api", "moderator_ended_conference"):
        about = {"CallSid": CALL_SID, "ParticipantLabel": LEG, "ParticipantCallStatus": "in-progress"}
        assert not post(url, StatusCallbackEvent="participant-leave", ReasonParticipantLeft=reason, **about).events
    for event in ("conference-start", "conference-end", "participant-hold", "participant-mute"):
        assert post(url, StatusCallbackEvent=event).events == ()


def test_who_has_no_label_is_known_by_its_call() -> None:
    joined = post(URLS.room(OWNER, "room-1"), StatusCallbackEvent="participant-join", CallSid=CALL_SID)
    assert [it.leg for it in joined.events] == [CALL_SID]


def verbs(received: Received) -> ElementTree.Element:
    assert received.answer.status == 200
    assert received.answer.content_type == "application/xml"
    return ElementTree.fromstring(received.answer.body)


def test_who_is_asked_hears_the_prompt_and_tones_until_a_key_is_pressed() -> None:
    url = URLS.screen(OWNER, LEG, "room-1", "hookflash-accept")
    asked = post(url, CallSid=CALL_SID, CallStatus="in-progress")
    assert asked.events == ()
    (gather,) = verbs(asked)
    assert gather.tag == "Gather"
    assert {name: gather.get(name) for name in ("numDigits", "finishOnKey", "actionOnEmptyResult", "method")} == {
        "numDigits": "1",
        "finishOnKey": "",
        "actionOnEmptyResult": "true",
        "method": "POST",
    }
    assert [(it.tag, it.text) for it in gather] == [
        ("Play", "https://media.example/sounds/hookflash-accept.mp3"),
        ("Play", "https://hooks.example/twilio/main/tone.wav"),
    ]

    action = gather.get("action", "")
    nothing = post(action, CallSid=CALL_SID, Digits="")
    assert nothing.events == ()
    pressed = post(action, CallSid=CALL_SID, Digits="#")
    assert pressed.events == (LegEvent(owner=OWNER, leg=LEG, kind=LegEventKind.DIGIT, digit="#"),)
    # It waits to be let in, and only the tone goes on; asked anew it is where the key has got lost.
    (again,) = verbs(pressed)
    assert [it.text for it in again] == ["https://hooks.example/twilio/main/tone.wav"]
    assert again.get("action") != action
    assert pressed.if_undelivered is not None
    assert b"hookflash-accept.mp3" in pressed.if_undelivered.body


def test_the_same_key_pressed_twice_is_two_keys_and_told_twice_is_one() -> None:
    (gather,) = verbs(post(URLS.screen(OWNER, LEG), CallSid=CALL_SID, CallStatus="in-progress"))
    first = post(gather.get("action", ""), CallSid=CALL_SID, Digits="1")
    told_again = post(gather.get("action", ""), CallSid=CALL_SID, Digits="1")
    assert first.digest == told_again.digest
    (again,) = verbs(first)
    second = post(again.get("action", ""), CallSid=CALL_SID, Digits="1")
    assert second.digest != first.digest


def test_keys_of_one_request_are_told_one_by_one() -> None:
    assert [it.digit for it in post(URLS.screen(OWNER, LEG), CallSid=CALL_SID, Digits="12*").events] == ["1", "2", "*"]


def test_a_leg_that_nobody_lets_in_is_ended_by_twilio() -> None:
    url = URLS.screen(OWNER, LEG)
    for _ in range(20):
        (verb,) = verbs(post(url, CallSid=CALL_SID, Digits=""))
        assert verb.tag == "Gather"
        url = verb.get("action", "")
    (verb,) = verbs(post(url, CallSid=CALL_SID, Digits=""))
    assert verb.tag == "Hangup"


def test_music_and_announcements_are_played_from_where_they_are() -> None:
    for call in (get, post):
        (music,) = verbs(call(URLS.hold("opus & one/2")))
        assert (music.tag, music.get("loop")) == ("Play", "0")
        assert music.text == "https://media.example/sounds/opus%20%26%20one%2F2.mp3"
        (said,) = verbs(call(URLS.say("hookflash-call-back")))
        assert (said.tag, said.get("loop")) == ("Play", None)
        assert said.text == "https://media.example/sounds/hookflash-call-back.mp3"


def test_without_recordings_there_is_twilios_own_music_and_no_announcement() -> None:
    for endpoint, name in ((NO_MEDIA, "opus"), (NO_MEDIA, "default"), (ENDPOINT, "default")):
        (music,) = verbs(get(URLS.hold(name), endpoint))
        assert (music.tag, music.text) == (
            "Redirect",
            "http://twimlets.com/holdmusic?Bucket=com.twilio.music.classical",
        )
    assert list(verbs(get(URLS.say("hookflash-call-back"), NO_MEDIA))) == []
    (gather,) = verbs(post(URLS.screen(OWNER, LEG, "", "prompt"), NO_MEDIA, CallSid=CALL_SID))
    assert [it.text for it in gather] == ["https://hooks.example/twilio/main/tone.wav"]


def test_the_tone_is_anybodys() -> None:
    tone = ENDPOINT.receive(WebhookRequest("GET", "/twilio/main/tone.wav", {}))
    assert tone.answer.content_type == "audio/wav"
    with wave.open(io.BytesIO(tone.answer.body)) as heard:
        assert heard.getnframes() / heard.getframerate() == 3.0
        assert (heard.getnchannels(), heard.getsampwidth()) == (1, 2)


@pytest.mark.parametrize(
    ("url", "form", "said"),
    [
        (URLS.leg(OWNER, LEG), {"CallStatus": "ringing"}, "CallSid: missing"),
        (URLS.leg(OWNER, LEG), {"CallSid": ""}, "CallSid: missing"),
        (URLS.leg(OWNER, LEG), {"CallSid": "CA12", "CallStatus": "ringing"}, "CallSid: has to be CA and 32"),
        (URLS.leg(OWNER, LEG), {"CallSid": CALL_SID}, "CallStatus: missing"),
        (
            URLS.leg(OWNER, LEG),
            {"CallSid": CALL_SID, "CallStatus": "busy", "SipResponseCode": "486x"},
            "SipResponseCode: has to be",
        ),
        (URLS.room(OWNER, "room-1"), {"CallSid": CALL_SID}, "StatusCallbackEvent: missing"),
        (URLS.room(OWNER, "room-1"), {"StatusCallbackEvent": "participant-join"}, "CallSid: missing"),
        (URLS.screen(OWNER, LEG), {"Digits": "1w"}, "Digits: has to be"),
        (URLS.screen(OWNER, LEG), {"Digits": "1" * 33}, "Digits: has to be"),
    ],
)
def test_what_is_malformed_is_refused_by_its_name(url: str, form: Mapping[str, str], said: str) -> None:
    assert refusal(url, **form).startswith(said)


@pytest.mark.parametrize("query", ["turn=", "turn=0", "turn=100", "turn=-1", "turn=x", "turn=1&turn=2"])
def test_a_turn_that_we_did_not_give_is_refused(query: str) -> None:
    url = f"{URLS.screen(OWNER, LEG).partition('#')[0]}?{query}"
    assert refusal(url, CallSid=CALL_SID).startswith("turn: has to be")


def refused(request: WebhookRequest) -> tuple[int, str]:
    with pytest.raises(Refused) as error:
        ENDPOINT.receive(request)
    return error.value.answer.status, error.value.reason


def test_what_is_no_form_is_refused() -> None:
    target = target_of(URLS.leg(OWNER, LEG))
    body, headers = signed_form(URLS.leg(OWNER, LEG), {"CallSid": CALL_SID}, TOKEN)
    assert refused(WebhookRequest("PUT", target, headers, body)) == (405, "method")
    assert refused(WebhookRequest("GET", target, {SIGNATURE: "x"})) == (403, "wrong_signature")
    assert refused(WebhookRequest("POST", target, {**headers, "Content-Type": "text/plain"}, body)) == (
        415,
        "content_type",
    )
    assert refused(WebhookRequest("POST", target, headers, b"x" * (LARGEST_BODY + 1))) == (413, "too_large")
    assert refused(WebhookRequest("POST", target, headers, b"a=%ff")) == (400, "malformed")
    assert refused(WebhookRequest("POST", target, headers, b"\xff=1")) == (400, "malformed")
    assert refused(WebhookRequest("POST", target, headers, b"&".join([b"a=1"] * 201))) == (400, "malformed")


def test_a_leg_is_not_told_of_by_get() -> None:
    with pytest.raises(Refused) as error:
        get(URLS.leg(OWNER, LEG))
    assert (error.value.answer.status, error.value.answer.headers) == (405, {"Allow": "POST"})


def test_a_signed_request_for_a_path_that_somebody_made_up_is_refused() -> None:
    url = URLS.leg(OWNER, LEG).partition("#")[0]
    for wrong in (f"{url}x", "https://hooks.example/twilio/main/leg/a/b", "https://hooks.example/"):
        body, headers = signed_form(wrong, {"CallSid": CALL_SID, "CallStatus": "ringing"}, TOKEN)
        assert refused(WebhookRequest("POST", target_of(wrong), headers, body)) == (403, "forged_path")


def test_no_refusal_repeats_what_was_sent() -> None:
    said = refusal(URLS.leg(OWNER, LEG), CallSid="+15005550006", CallStatus="+15005550007")
    assert "5005550" not in said


# How long an example takes says nothing on a busy machine.
unhurried = settings(deadline=None)
# As HTTP brings what is no text.
anything = st.one_of(st.text(), st.text(st.sampled_from(["\udcff", "a", "/", "%", "?"])))
NAMES = [
    *("CallSid", "CallStatus", "AnsweredBy", "SipResponseCode", "Digits", "StatusCallbackEvent"),
    *("ParticipantLabel", "ParticipantCallStatus", "ReasonParticipantLeft"),
]
VALUES = [CALL_SID, "busy", "in-progress", "participant-leave", "participant_hung_up", "486", "1"]


@unhurried
@given(
    st.sampled_from(["GET", "POST", "HEAD", "PUT", ""]),
    st.one_of(anything, anything.map("/twilio/main/leg/{}".format), st.just(target_of(URLS.leg(OWNER, LEG)))),
    st.dictionaries(st.sampled_from([SIGNATURE, SETTINGS]), anything),
    st.one_of(st.binary(), st.just(b"CallSid=1")),
)
def test_whatever_a_stranger_sends_is_refused(method: str, target: str, headers: dict[str, str], body: bytes) -> None:
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    assert refused(WebhookRequest(method, target, headers | form, body))[0] in range(400, 500)


@unhurried
@given(
    st.sampled_from([URLS.leg(OWNER, LEG), URLS.room(OWNER, "room-1"), URLS.screen(OWNER, LEG)]),
    st.dictionaries(
        st.sampled_from(NAMES),
        st.one_of(st.text(st.characters(exclude_categories=["Cs"])), st.sampled_from(VALUES)),
    ),
)
def test_whatever_twilio_sends_is_read_or_refused(url: str, form: dict[str, str]) -> None:
    try:
        received = post(url, **form)
    except Refused as error:
        reason = error.reason
    else:
        reason = ""
        assert all(it.owner == OWNER and it.leg for it in received.events)
    assert reason in ("", "malformed")
