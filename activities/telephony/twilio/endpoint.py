"""Where a Twilio account calls us: who may, what it tells, what it is answered."""

import hashlib
import re
from dataclasses import dataclass
from urllib.parse import parse_qsl

from activities.telephony.model import LegEvent
from activities.telephony.twilio import answers, webhooks
from activities.telephony.twilio.callbacks import RETRIES, CallbackKind, CallbackPath, CallbackUrls, ForgedPath
from activities.telephony.twilio.signatures import Parameters, SigningSecrets, signed_text, verify
from activities.telephony.twilio.tone import CONTENT_TYPE, tone
from activities.telephony.webhook import LARGEST_BODY, Received, Refused, WebhookAnswer, WebhookRequest

TONE = "tone.wav"
"""The one thing that anybody may have: a tone."""

_FORM = "application/x-www-form-urlencoded"
_METHODS = {
    CallbackKind.LEG: ("POST",),
    CallbackKind.ROOM: ("POST",),
    CallbackKind.SCREEN: ("POST",),
    CallbackKind.HOLD: ("GET", "POST"),
    CallbackKind.SAY: ("GET", "POST"),
}
_TURN = re.compile(r"[1-9][0-9]?")


@dataclass(frozen=True)
class TwilioEndpoint:
    """Judges, reads and answers the webhooks of one account. Pure, see ``WebhookEndpoint``."""

    urls: CallbackUrls
    """What Twilio was given."""
    secrets: SigningSecrets
    """By what it signs."""
    media_url: str = ""
    """Where recordings are, by their names with ``.mp3`` behind. Default: nowhere."""

    @property
    def prefix(self) -> str:
        """See ``WebhookEndpoint``."""
        return self.urls.prefix

    def receive(self, request: WebhookRequest) -> Received:
        """See ``WebhookEndpoint``."""
        path, _, query = request.target.partition("?")
        if path == self._tone_path and request.method in ("GET", "HEAD"):
            return Received("tone", "", answer=_TONE_ANSWER)
        form = self._form(request)
        url = self.urls.called(request.target)
        verify(request, url, RETRIES, form, self.secrets)
        try:
            callback = self.urls.read(path)
        except ForgedPath as error:
            raise Refused(403, "forged_path", f"path: {error}") from error
        _allow(request.method, _METHODS[callback.kind])
        digest = hashlib.sha256(signed_text(url, form).encode()).hexdigest()
        if callback.kind is CallbackKind.SCREEN:
            return self._screened(path, query, callback, form, digest)
        events, answer = self._read(callback, form)
        return Received(callback.kind.value, digest, events, answer)

    def _form(self, request: WebhookRequest) -> Parameters:
        """Return the form in the body. What is wrong with a request before its signature can be judged ends here."""
        _allow(request.method, ("GET", "POST"))
        if not request.target.isascii():
            raise Refused(400, "malformed", "path: has to be ASCII, as every URL of ours is")
        if len(request.body) > LARGEST_BODY:
            raise Refused(413, "too_large", f"body: has to have {LARGEST_BODY} bytes at most")
        if request.method == "GET":
            return ()
        if (request.header("Content-Type") or "").partition(";")[0].strip().lower() != _FORM:
            raise Refused(415, "content_type", f"Content-Type: has to be {_FORM}")
        return webhooks.parameters_of(request.body)

    def _read(self, callback: CallbackPath, form: Parameters) -> tuple[tuple[LegEvent, ...], WebhookAnswer]:
        match callback.kind:
            case CallbackKind.HOLD:
                return (), answers.music(callback.sound, self.media_url)
            case CallbackKind.SAY:
                return (), answers.announcement(callback.sound, self.media_url)
            case CallbackKind.ROOM:
                return webhooks.of_room(callback, dict(form)), WebhookAnswer()
            case _:
                return webhooks.of_leg(callback, dict(form)), WebhookAnswer()

    def _screened(self, path: str, query: str, callback: CallbackPath, form: Parameters, digest: str) -> Received:
        """Take a turn of the dialogue with who is asked to accept. The engine lets it in, from outside."""
        turn = _turn(query)
        told = dict(form)
        events = webhooks.answered_by(callback, told) + webhooks.pressed(callback, told)
        if turn >= answers.TURNS:
            return Received(callback.kind.value, digest, events, answers.hang_up())
        # A prompt is said once, and again where what was pressed has got lost.
        tone_url = self.urls.called(self._tone_path)
        action = self.urls.asked_again(path, turn + 1)
        prompt = callback.sound if turn == 0 else ""
        waits = answers.question(prompt, self.media_url, tone_url, action)
        asked_again = answers.question(callback.sound, self.media_url, tone_url, action)
        return Received(callback.kind.value, digest, events, waits, if_undelivered=asked_again)

    @property
    def _tone_path(self) -> str:
        return self.prefix + TONE


_TONE_ANSWER = WebhookAnswer(200, tone(), CONTENT_TYPE, {"Cache-Control": "public, max-age=86400"})


def _allow(method: str, allowed: tuple[str, ...]) -> None:
    if method not in allowed:
        raise Refused(405, "method", f"method: has to be {' or '.join(allowed)}", {"Allow": ", ".join(allowed)})


def _turn(query: str) -> int:
    """Return the number of a turn; 0 for the first, of which nothing is said. Twilio may add parameters of its own."""
    told = [value for name, value in parse_qsl(query, keep_blank_values=True) if name == "turn"]
    if not told:
        return 0
    if len(told) > 1 or not _TURN.fullmatch(told[0]):
        raise Refused(400, "malformed", "turn: has to be a number that we have given")
    return int(told[0])
