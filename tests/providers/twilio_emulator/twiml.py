"""TwiML, as far as the provider and its webhooks speak it: read from XML, and nothing more than that."""

from dataclasses import dataclass
from xml.etree import ElementTree as ET


@dataclass(frozen=True)
class Verb:
    """One thing to do."""

    name: str
    text: str
    attributes: dict[str, str]
    nested: "tuple[Verb, ...]" = ()


class MalformedError(ValueError):
    """Twilio error 12100 or 12200."""


VERBS = {"Play", "Redirect", "Gather", "Dial", "Hangup", "Pause", "Say"}


def parse(document: str) -> tuple[Verb, ...]:
    """Read a document.

    Raises:
        MalformedError: It is none, or says what is not known.
    """
    try:
        root = ET.fromstring(document)
    except ET.ParseError as error:
        raise MalformedError(str(error)) from error
    if root.tag != "Response" or any(child.tag not in VERBS for child in root):
        raise MalformedError(document)
    return tuple(_verb(child) for child in root)


def first_sound(document: str) -> str:
    """Return the URL of what is played first."""
    return next((verb.text for verb in parse(document) if verb.name in ("Play", "Redirect")), "")


def _verb(element: ET.Element) -> Verb:
    return Verb(
        element.tag, (element.text or "").strip(), dict(element.attrib), tuple(_verb(child) for child in element)
    )
