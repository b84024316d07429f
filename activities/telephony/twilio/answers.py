"""TwiML that answers a webhook: made of nothing but a URL that was proven to be ours, and of settings."""

from urllib.parse import quote
from xml.sax.saxutils import escape, quoteattr

from activities.telephony.model import DEFAULT_MUSIC
from activities.telephony.webhook import WebhookAnswer

TWILIOS_MUSIC = "http://twimlets.com/holdmusic?Bucket=com.twilio.music.classical"
"""What Twilio itself plays to who waits in a conference. It is TwiML."""
TURNS = 20
"""Gathers, of half a minute each, until a leg that nobody lets in is ended by Twilio: the engine must be dead then."""

_TONE_SECONDS = 3
_TONES = 10


def silent() -> WebhookAnswer:
    """Answer that nothing is to be done."""
    return twiml("")


def music(name: str, media_url: str) -> WebhookAnswer:
    """Answer with music without an end.

    Args:
        name: Class of the music.
        media_url: Where recordings are. Empty: nowhere, and there is only Twilio's own.
    """
    if not media_url or name == DEFAULT_MUSIC:
        return twiml(f'<Redirect method="GET">{escape(TWILIOS_MUSIC)}</Redirect>')
    return twiml(f'<Play loop="0">{_recording(name, media_url)}</Play>')


def announcement(name: str, media_url: str) -> WebhookAnswer:
    """Answer with a recording, once. Without any recordings it is left out."""
    return twiml(f"<Play>{_recording(name, media_url)}</Play>") if media_url else silent()


def question(prompt: str, media_url: str, tone_url: str, action: str) -> WebhookAnswer:
    """Answer with a prompt, and then tones, until a key is pressed. It waits alone: the engine lets it in, or ends it.

    Args:
        prompt: Name of a recording. Empty: only tones.
        media_url: Where recordings are. Empty: only tones.
        tone_url: Where the tone is: a short one, with silence up to three seconds.
        action: Where the key is told, and where Twilio goes on if none was pressed.
    """
    said = f"<Play>{_recording(prompt, media_url)}</Play>" if prompt and media_url else ""
    tones = f'<Play loop="{_TONES}">{escape(tone_url)}</Play>'
    # Every key by itself, # among them, and no key is told too.
    how = 'input="dtmf" numDigits="1" finishOnKey="" timeout="1" actionOnEmptyResult="true" method="POST"'
    return twiml(f"<Gather {how} action={quoteattr(action)}>{said}{tones}</Gather>")


def hang_up() -> WebhookAnswer:
    """Answer that the leg is to be ended."""
    return twiml("<Hangup/>")


def twiml(verbs: str) -> WebhookAnswer:
    """Return an answer of verbs."""
    document = f'<?xml version="1.0" encoding="UTF-8"?><Response>{verbs}</Response>'
    return WebhookAnswer(200, document.encode(), "application/xml", {"Cache-Control": "no-store"})


def _recording(name: str, media_url: str) -> str:
    return escape(f"{media_url.rstrip('/')}/{quote(name, safe='')}.mp3")
