"""Signatures of webhooks, judged by Twilio's own library."""

from urllib.parse import urlencode, urlsplit

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import SecretStr

from activities.telephony.twilio.signatures import SETTINGS, SIGNATURE, SigningSecrets, signature, verify
from activities.telephony.twilio.webhooks import parameters_of
from activities.telephony.webhook import Refused, WebhookRequest
from tests.support.twilio_signing import signed_form, validator

TOKEN, SHARED = "token-of-the-account", "secret-of-the-shared-key"
SECRETS = SigningSecrets(SecretStr(TOKEN), SecretStr(f"webhooks_key_1 {SHARED}\nwebhooks_key_2 other\n"))
URL = "https://hooks.example/twilio/main/leg/abc/def"
FRAGMENT = "rc=5"

# How long an example takes says nothing on a busy machine.
unhurried = settings(deadline=None)

text = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
forms = st.dictionaries(text.filter(bool), text, max_size=8)
urls = st.builds(
    "{}://{}{}{}{}".format,
    st.sampled_from(["https", "http"]),
    st.sampled_from(["hooks.example", "10.1.2.3"]),
    st.sampled_from(["", ":443", ":80", ":8443"]),
    st.sampled_from(["/a", "/twilio/main/leg/x_-/y", "/%7Ea/b"]),
    st.sampled_from(["", "?turn=2", "?a=1&b=%20x&a="]),
)


def judge(url: str, body: bytes, headers: dict[str, str], secrets: SigningSecrets = SECRETS) -> str:
    """Return why a request is refused, empty if it is not."""
    split = urlsplit(url)
    target = split.path + (f"?{split.query}" if split.query else "")
    try:
        verify(WebhookRequest("POST", target, headers, body), url, FRAGMENT, parameters_of(body), secrets)
    except Refused as refused:
        return refused.reason
    return ""


@unhurried
@given(urls, forms, st.sampled_from(["", "webhooks_key_1"]))
def test_what_twilio_signs_is_taken(url: str, form: dict[str, str], key_id: str) -> None:
    body, headers = signed_form(url, form, SHARED if key_id else TOKEN, key_id=key_id)
    assert judge(url, body, headers) == ""


@unhurried
@given(urls, forms, st.sampled_from(["HMAC_SHA1", "HMAC_SHA256"]))
def test_what_we_sign_twilio_takes(url: str, form: dict[str, str], algorithm: str) -> None:
    signed = signature(TOKEN, url, tuple(form.items()), algorithm)
    assert validator(TOKEN).validate(url, form, signed, algorithm)


@unhurried
@given(urls, forms, st.data())
def test_what_was_changed_is_refused(url: str, form: dict[str, str], data: st.DataObject) -> None:
    body, headers = signed_form(url, form, TOKEN)
    changed = data.draw(st.sampled_from(["url", "body", "signature", "secret"]))
    if changed == "url":
        url += "x"
    elif changed == "body":
        body = urlencode({**form, "Added": "1"} if "Added" not in form else {}).encode()
    elif changed == "signature":
        at = data.draw(st.integers(0, 26))
        told = headers[SIGNATURE]
        headers[SIGNATURE] = told[:at] + ("A" if told[at] != "A" else "B") + told[at + 1 :]
    secrets = SigningSecrets(SecretStr("another")) if changed == "secret" else SECRETS
    assert judge(url, body, headers, secrets) == "wrong_signature"


def test_the_library_and_we_agree_on_a_request_of_twilios_documentation() -> None:
    # https://www.twilio.com/docs/usage/security#validating-requests
    url = "https://mycompany.com/myapp.php?foo=1&bar=2"
    form = {
        "CallSid": "CA1234567890ABCDE",
        "Caller": "+14158675310",
        "Digits": "1234",
        "From": "+14158675310",
        "To": "+18005551212",
    }
    assert signature("12345", url, tuple(form.items())) == validator("12345").compute_signature(url, form)
    assert signature("12345", url, tuple(form.items())) == "GvWf1cFY/Q7PnoempGyD5oXAezc="


def test_a_parameter_without_a_value_is_signed_too() -> None:
    body, headers = signed_form(URL, {"CallSid": "CA1", "ErrorMessage": ""}, TOKEN)
    assert body.endswith(b"ErrorMessage=")
    assert judge(URL, body, headers) == ""


def test_whether_the_fragment_is_signed_does_not_matter() -> None:
    for signed in (URL, f"{URL}#{FRAGMENT}", "https://hooks.example:443/twilio/main/leg/abc/def"):
        told = validator(TOKEN).compute_signature(signed, {"a": "1"})
        assert judge(URL, b"a=1", {SIGNATURE: told}) == ""
    told = validator(TOKEN).compute_signature(f"{URL}#rc=4", {"a": "1"})
    assert judge(URL, b"a=1", {SIGNATURE: told}) == "wrong_signature"


@pytest.mark.parametrize("told", [None, ""])
def test_what_is_not_signed_is_refused(told: str | None) -> None:
    assert judge(URL, b"a=1", {} if told is None else {SIGNATURE: told}) == "no_signature"


@pytest.mark.parametrize("told", ["x", "é", "\udcff", "GvWf1cFY/Q7PnoempGyD5oXAezc="])
def test_nonsense_in_place_of_a_signature_is_refused(told: str) -> None:
    assert judge(URL, b"a=1", {SIGNATURE: told}) == "wrong_signature"


@pytest.mark.parametrize(
    "told",
    [
        "key=unknown,algorithm=HMAC_SHA256",
        "algorithm=HMAC_SHA256",
        "key=webhooks_key_1,algorithm=HMAC_MD5",
        "key=,algorithm=",
        "nonsense",
    ],
)
def test_a_key_or_an_algorithm_that_is_not_known_is_refused(told: str) -> None:
    body, headers = signed_form(URL, {"a": "1"}, SHARED, key_id="webhooks_key_1")
    assert judge(URL, body, headers) == ""
    assert judge(URL, body, {**headers, SETTINGS: told}) == "unknown_key"


def test_the_secrets_are_not_good_for_each_other() -> None:
    body, headers = signed_form(URL, {"a": "1"}, TOKEN, key_id="webhooks_key_1")
    assert judge(URL, body, headers) == "wrong_signature"
    body, headers = signed_form(URL, {"a": "1"}, SHARED)
    assert judge(URL, body, headers) == "wrong_signature"


def test_without_an_auth_token_only_shared_keys_are_good() -> None:
    only_shared = SigningSecrets(shared_keys=SecretStr(f"webhooks_key_1 {SHARED}"))
    body, headers = signed_form(URL, {"a": "1"}, TOKEN)
    assert judge(URL, body, headers, only_shared) == "wrong_signature"
    body, headers = signed_form(URL, {"a": "1"}, SHARED, key_id="webhooks_key_1")
    assert judge(URL, body, headers, only_shared) == ""


def test_while_the_auth_token_is_changed_both_are_good() -> None:
    secrets = SigningSecrets(SecretStr(f"new\n{TOKEN}\n"))
    for token in ("new", TOKEN):
        body, headers = signed_form(URL, {"a": "1"}, token)
        assert judge(URL, body, headers, secrets) == ""
    body, headers = signed_form(URL, {"a": "1"}, "")
    assert judge(URL, body, headers, secrets) == "wrong_signature"
