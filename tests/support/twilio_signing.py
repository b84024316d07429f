"""Requests signed as Twilio signs them: by Twilio's own library."""

from collections.abc import Mapping
from typing import Any, Protocol, cast
from urllib.parse import urlencode

from twilio import request_validator  # pyright: ignore[reportMissingTypeStubs] it has none


class Validator(Protocol):
    """What we use of ``RequestValidator``."""

    def compute_signature(self, uri: str, params: Mapping[str, str], algorithm: str | None = None) -> str: ...
    def validate(self, uri: str, params: Any, signature: str, algorithm: str | None = None) -> bool: ...  # noqa: ANN401


CALL_SID = "CA" + "0123456789abcdef" * 2


def validator(secret: str) -> Validator:
    return cast("Validator", request_validator.RequestValidator(secret))


def signed_form(url: str, form: Mapping[str, str], secret: str, *, key_id: str = "") -> tuple[bytes, dict[str, str]]:
    """Return the body and the headers of a POST.

    Args:
        url: As Twilio was given it. What is behind ``#`` is not signed.
        form: Its parameters.
        secret: The auth token; with a key id a shared key.
        key_id: Of that key.
    """
    algorithm = "HMAC_SHA256" if key_id else None
    headers = {
        "Content-Type": "application/x-www-form-urlencoded; charset=UTF-8",
        "X-Twilio-Signature": validator(secret).compute_signature(url.partition("#")[0], form, algorithm),
    }
    if key_id:
        headers["X-Twilio-Webhooks-Signature-Settings"] = f"key={key_id},algorithm={algorithm}"
    return urlencode(form).encode(), headers
