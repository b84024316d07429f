"""Whether a request is Twilio's: ``X-Twilio-Signature``.

It is the base64 of an HMAC over the URL and, sorted, each name and value of the form. The key is the account's auth
token (SHA-1), or a shared key that ``X-Twilio-Webhooks-Signature-Settings`` names (SHA-256). No time is signed, so
whoever has got hold of a request can send it again.
"""

import base64
import hashlib
import hmac
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import SplitResult, urlsplit

from pydantic import SecretStr

from activities.telephony.webhook import Refused, WebhookRequest

SIGNATURE = "X-Twilio-Signature"
SETTINGS = "X-Twilio-Webhooks-Signature-Settings"

ALGORITHMS = {"HMAC_SHA1": hashlib.sha1, "HMAC_SHA256": hashlib.sha256}
_USUAL = "HMAC_SHA1"
_PORTS = {"https": 443, "http": 80}

Parameters = Sequence[tuple[str, str]]
"""A form as it was sent: names may be there more than once."""


@dataclass(frozen=True)
class SigningSecrets:
    """By what Twilio signs. Each is asked for its value at every request, so that it can be replaced meanwhile."""

    auth_token: SecretStr | None = None
    """The account's auth token. Several, a line each, while it is being changed. Default: not good for signatures."""
    shared_keys: SecretStr | None = None
    """Shared keys, one a line: id, a space, secret. Default: none."""

    def for_settings(self, settings: str | None) -> tuple[list[str], str]:
        """Return the secrets that a request may be signed by, and the algorithm.

        Args:
            settings: What the request says about it, None if it says nothing.

        Raises:
            Refused: A key or an algorithm that we do not know.
        """
        if not settings:
            return _lines(self.auth_token), _USUAL
        told = dict(_pairs(settings))
        algorithm = told.get("algorithm", _USUAL).upper()
        secret = self._by_id().get(told.get("key", ""))
        if secret is None:
            raise Refused(403, "unknown_key", f"{SETTINGS}: there is no such key")
        if algorithm not in ALGORITHMS:
            raise Refused(403, "unknown_key", f"{SETTINGS}: there is no such algorithm")
        return [secret], algorithm

    def _by_id(self) -> Mapping[str, str]:
        return {fields[0]: fields[1] for fields in map(str.split, _lines(self.shared_keys)) if len(fields) == 2}


def verify(request: WebhookRequest, url: str, fragment: str, parameters: Parameters, secrets: SigningSecrets) -> None:
    """Let a request pass only if Twilio has signed it.

    Args:
        request: The request.
        url: The URL that Twilio has called, by our settings: the host that the request itself names is not to be
            believed.
        fragment: What that URL has behind ``#`` where Twilio was given it. Whether it is signed is not documented.
        parameters: The form in the body; of GET none, as they are in the URL.
        secrets: By what it may be signed.

    Raises:
        Refused: It is not signed, or not by one of them.
    """
    told = request.header(SIGNATURE)
    if not told:
        raise Refused(401, "no_signature", f"{SIGNATURE}: missing")
    keys, algorithm = secrets.for_settings(request.header(SETTINGS))
    given = told.encode(errors="surrogateescape")  # a header may hold bytes that are no text
    # All of them are tried, whichever is right: how long it takes says nothing.
    right = [
        hmac.compare_digest(signature(key, it, parameters, algorithm).encode(), given)
        for key in keys
        for it in _spellings(url, fragment)
    ]
    if not any(right):
        raise Refused(403, "wrong_signature", f"{SIGNATURE}: wrong for this URL and this body")


def signature(secret: str, url: str, parameters: Parameters, algorithm: str = _USUAL) -> str:
    """Return how Twilio signs a request."""
    mac = hmac.new(secret.encode(), signed_text(url, parameters).encode(), ALGORITHMS[algorithm])
    return base64.b64encode(mac.digest()).decode()


def signed_text(url: str, parameters: Parameters) -> str:
    """Return all that is signed of a request. The same value of a name counts once."""
    return url + "".join(name + value for name, value in sorted(set(parameters)))


def _lines(secret: SecretStr | None) -> list[str]:
    lines = secret.get_secret_value().splitlines() if secret else []
    return [it.strip() for it in lines if it.strip()]


def _spellings(url: str, fragment: str) -> Iterator[str]:
    """Yield a URL as Twilio may have signed it: its own library tries it with a port and without one too."""
    split = urlsplit(url)
    for spelt in dict.fromkeys((url, *_with_and_without_port(split))):
        yield spelt
        yield f"{spelt}#{fragment}"


def _with_and_without_port(split: SplitResult) -> Iterator[str]:
    host = split.netloc.partition(":")[0]
    yield split._replace(netloc=host).geturl()
    if split.port is None:
        yield split._replace(netloc=f"{host}:{_PORTS[split.scheme]}").geturl()


def _pairs(settings: str) -> Iterator[tuple[str, str]]:
    for part in settings.split(","):
        name, _, value = part.partition("=")
        yield name.strip(), value.strip()
