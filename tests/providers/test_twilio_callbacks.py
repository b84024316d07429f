"""The URLs that Twilio calls back: what we made is read, and nothing else."""

from urllib.parse import urlsplit

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from activities.telephony.twilio.callbacks import CallbackKind, CallbackPath, CallbackUrls, ForgedPath

KEY = b"k" * 32
URLS = CallbackUrls("https://hooks.example", "main", KEY)
OWNER, LEG = "transfer:main:CA12/0190-run", "target-1.0190"

# How long an example takes says nothing on a busy machine.
unhurried = settings(deadline=None)

text = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)


def path_of(url: str) -> str:
    return urlsplit(url).path


@unhurried
@given(text, text, text, text)
def test_what_was_made_is_read(owner: str, leg: str, room: str, sound: str) -> None:
    assert URLS.read(path_of(URLS.leg(owner, leg))) == CallbackPath(CallbackKind.LEG, owner, leg)
    assert URLS.read(path_of(URLS.room(owner, room))) == CallbackPath(CallbackKind.ROOM, owner, room=room)
    screen = CallbackPath(CallbackKind.SCREEN, owner, leg, room, sound)
    assert URLS.read(path_of(URLS.screen(owner, leg, room, sound))) == screen
    assert URLS.read(path_of(URLS.hold(sound))) == CallbackPath(CallbackKind.HOLD, sound=sound)
    assert URLS.read(path_of(URLS.say(sound))) == CallbackPath(CallbackKind.SAY, sound=sound)


@unhurried
@given(st.integers(0, 200), st.characters(codec="ascii"))
def test_no_character_of_a_path_can_be_changed(at: int, instead: str) -> None:
    path = path_of(URLS.leg(OWNER, LEG))
    at %= len(path)
    assume(path[at] != instead)
    with pytest.raises(ForgedPath):
        URLS.read(path[:at] + instead + path[at + 1 :])


def test_a_path_that_was_cut_or_made_longer_is_refused() -> None:
    path = path_of(URLS.leg(OWNER, LEG))
    for wrong in [path[:length] for length in range(len(path))] + [f"{path}A", f"{path}=", f"{path}/", f"/{path}"]:
        with pytest.raises(ForgedPath):
            URLS.read(wrong)


def test_the_proof_of_one_url_is_not_good_for_another() -> None:
    *_, fields, _ = path_of(URLS.leg(OWNER, LEG)).split("/")
    *_, proof = path_of(URLS.leg(OWNER, "another")).split("/")
    with pytest.raises(ForgedPath):
        URLS.read(f"/twilio/main/leg/{fields}/{proof}")
    *_, own = path_of(URLS.leg(OWNER, LEG)).split("/")
    with pytest.raises(ForgedPath):
        URLS.read(f"/twilio/main/screen/{fields}/{own}")


@pytest.mark.parametrize(
    "other",
    [CallbackUrls("https://hooks.example", "main", b"K" * 32), CallbackUrls("https://hooks.example", "second", KEY)],
    ids=["key", "node"],
)
def test_the_urls_of_others_are_refused(other: CallbackUrls) -> None:
    path = path_of(other.leg(OWNER, LEG))
    with pytest.raises(ForgedPath):
        URLS.read(path)
    with pytest.raises(ForgedPath):
        URLS.read(path.replace("/second/", "/main/"))


def test_twilio_is_told_to_try_again() -> None:
    assert urlsplit(URLS.leg(OWNER, LEG)).fragment == "ct=2000&rt=3000&rc=5&rp=all"


def test_nothing_of_a_url_has_to_be_encoded_and_the_longest_is_short_enough() -> None:
    # What Temporal takes as an id, and what the longest name of a node makes of the rest.
    url = CallbackUrls("https://hooks.example", "n" * 64, KEY).screen("o" * 292, "l" * 128, "r" * 128, "p" * 64)
    assert url.isascii()
    assert set(urlsplit(url).path) <= set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_/.")
    assert len(url) < 1500


def test_a_path_of_the_proxy_is_kept() -> None:
    urls = CallbackUrls("https://hooks.example:8443/phones/", "main", KEY)
    url = urls.leg(OWNER, LEG)
    assert url.startswith("https://hooks.example:8443/phones/twilio/main/leg/")
    assert urls.read(path_of(url)).leg == LEG
    assert urls.called(path_of(url)) == url.partition("#")[0]
    with pytest.raises(ForgedPath):
        urls.read(path_of(url).removeprefix("/phones"))


@pytest.mark.parametrize(
    "base_url",
    [
        "hooks.example",
        "ftp://hooks.example",
        "https://user@hooks.example",
        "https://hooks.example?a",
        "https://hooks.example#a",
        "https://",
        "",
    ],
)
def test_a_base_that_cannot_be_signed_is_refused(base_url: str) -> None:
    with pytest.raises(ValueError, match="base_url: has to be"):
        CallbackUrls(base_url, "main", KEY)


def test_a_short_key_and_a_strange_name_are_refused() -> None:
    with pytest.raises(ValueError, match="key: has to have 32 bytes"):
        CallbackUrls("https://hooks.example", "main", b"k" * 31)
    with pytest.raises(ValueError, match="node: has to be"):
        CallbackUrls("https://hooks.example", "a/b", KEY)
