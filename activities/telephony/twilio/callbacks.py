"""The URLs that Twilio is given to call us back by: each says by itself, and provably, which leg it is about.

``{base}/twilio/{node}/{kind}/{fields}/{proof}``: the fields are JSON in base64url, the proof is an HMAC-SHA-256 over
node, kind and fields with a key of our own. So the process that is called needs no memory, and a URL that somebody has
made up or changed leads nowhere. Twilio's signature of the request is judged besides.
"""

import base64
import binascii
import hashlib
import hmac
import json
import re
from enum import StrEnum
from typing import NamedTuple, cast
from urllib.parse import urlsplit

SHORTEST_KEY = 32
"""Bytes."""
RETRIES = "ct=2000&rt=3000&rc=5&rp=all"
"""Fragment of every URL, by which Twilio is told to try again, within its 15 seconds for all tries. Without it a failed
connection is tried once more, and an answer such as 503 never:
https://www.twilio.com/docs/usage/webhooks/webhooks-connection-overrides"""

_PROOF_BYTES = 16
_BASE = re.compile(r"https?://[A-Za-z0-9.-]+(:[0-9]{1,5})?(/[A-Za-z0-9._~/-]*)?")
_NODE = re.compile(r"[A-Za-z0-9_.-]{1,64}")


class CallbackKind(StrEnum):
    """What a URL is for."""

    LEG = "leg"
    """Status callbacks of a leg, and what is found out about who has answered it."""
    ROOM = "room"
    """Status callbacks of a conference."""
    SCREEN = "screen"
    """TwiML for a leg that is asked to accept, and the keys that it presses."""
    HOLD = "hold"
    """TwiML with music."""
    SAY = "say"
    """TwiML with an announcement."""


class CallbackPath(NamedTuple):
    """What a URL of ours says."""

    kind: CallbackKind
    owner: str = ""
    """For ``leg``, ``room`` and ``screen``: who is told, see ``hookflash.names.owner_token``."""
    leg: str = ""
    """For ``leg`` and ``screen``."""
    room: str = ""
    """For ``room`` and ``screen``."""
    sound: str = ""
    """For ``hold`` the class of the music, for ``say`` and ``screen`` the name of the recording."""


class ForgedPath(ValueError):
    """A path that is not one of ours for this node, or is not as we made it."""


class CallbackUrls:
    """Makes the URLs of one node, and reads them."""

    def __init__(self, base_url: str, node: str, key: bytes) -> None:
        """Make URLs.

        Args:
            base_url: Where the ingress is for Twilio: scheme, host, port if it is not the scheme's own, and a path if
                the proxy in front passes one on.
            node: Name of the node: the ``provider`` of transfer requests.
            key: What proves that a URL is ours. The same in every process that makes or reads them.

        Raises:
            ValueError: One of them cannot be used. The key is not repeated.
        """
        if not _BASE.fullmatch(base_url):
            raise ValueError("base_url: has to be as https://hooks.example, without user, query or fragment")
        if not _NODE.fullmatch(node):
            raise ValueError("node: has to be a name of letters, digits, dots, hyphens and underscores")
        if len(key) < SHORTEST_KEY:
            raise ValueError(f"key: has to have {SHORTEST_KEY} bytes or more")
        self.base_url = base_url.rstrip("/")
        self.node = node
        self._key = key
        path = urlsplit(self.base_url).path
        self._origin = self.base_url.removesuffix(path)
        self.prefix = f"{path}/twilio/{node}/"
        """How the paths of this node begin."""

    def leg(self, owner: str, leg: str) -> str:
        """Return where is told what becomes of a leg: ``StatusCallback`` and ``AmdStatusCallback``, by POST."""
        return self._url(CallbackPath(CallbackKind.LEG, owner, leg))

    def room(self, owner: str, room: str) -> str:
        """Return where is told who comes and goes in a conference: its ``statusCallback``, by POST."""
        return self._url(CallbackPath(CallbackKind.ROOM, owner, room=room))

    def screen(self, owner: str, leg: str, room: str = "", prompt: str = "") -> str:
        """Return the ``Url`` of a leg that is asked to accept, by POST.

        Args:
            owner: Who is told which keys it presses.
            leg: The leg.
            room: The conference that it is asked for.
            prompt: Name of the recording that asks. Default: a tone does.
        """
        return self._url(CallbackPath(CallbackKind.SCREEN, owner, leg, room, prompt))

    def hold(self, music: str) -> str:
        """Return a ``HoldUrl`` or ``waitUrl`` for a class of music, by GET or POST."""
        return self._url(CallbackPath(CallbackKind.HOLD, sound=music))

    def say(self, media: str) -> str:
        """Return an ``AnnounceUrl`` or ``Url`` that plays a recording once, by GET or POST."""
        return self._url(CallbackPath(CallbackKind.SAY, sound=media))

    def asked_again(self, path: str, turn: int) -> str:
        """Return a URL of ours for the next turn of a dialogue: a key pressed in each is another one.

        Args:
            path: Path of the URL of this turn, without its query.
            turn: Number of the next one.
        """
        return f"{self._origin}{path}?turn={turn}#{RETRIES}"

    def called(self, target: str) -> str:
        """Return the URL that was called, by path and query as they were sent."""
        return self._origin + target

    def read(self, path: str) -> CallbackPath:
        """Read the path of a URL, without its query.

        Raises:
            ForgedPath: It is none of ours, or was changed.
        """
        parts = path.removeprefix(self.prefix).split("/") if path.startswith(self.prefix) else []
        if len(parts) != 3 or parts[0] not in list(CallbackKind):
            raise ForgedPath("this is no callback URL of ours")
        kind, fields, proof = parts
        if not hmac.compare_digest(proof.encode(), self._proof(kind, fields).encode()):
            raise ForgedPath("this is no callback URL of ours, or it was changed")
        try:
            owner, leg, room, sound = cast("list[str]", json.loads(_from_base64(fields)))
        except (binascii.Error, ValueError, TypeError) as error:  # proven, so it was made by another version of us
            raise ForgedPath("this callback URL is from another version") from error
        return CallbackPath(CallbackKind(kind), owner, leg, room, sound)

    def _url(self, path: CallbackPath) -> str:
        told = json.dumps(path[1:], separators=(",", ":"), ensure_ascii=False).encode()
        fields = _to_base64(told)
        proof = self._proof(path.kind, fields)
        return f"{self._origin}{self.prefix}{path.kind}/{fields}/{proof}#{RETRIES}"

    def _proof(self, kind: str, fields: str) -> str:
        # None of the three has a line break in it, so no two of them read the same.
        told = "\n".join((self.node, kind, fields)).encode()
        return _to_base64(hmac.new(self._key, told, hashlib.sha256).digest()[:_PROOF_BYTES])


def _to_base64(told: bytes) -> str:
    return base64.urlsafe_b64encode(told).decode().rstrip("=")


def _from_base64(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
