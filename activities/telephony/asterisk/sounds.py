"""What can be played to legs: music, ringback, prompts, and announcements that nobody else hears.

While a leg is played to over ARI, everything else that is asked of it waits for the end (measured: a variable for as
long as the recording was). Where a leg is alone that is bearable, because we can end it. Where it talks, a recording
is whispered by a channel of its own, which Asterisk ends by itself: with the recording, or with the leg.
"""

from dataclasses import dataclass

from activities.telephony.asterisk.client import path
from activities.telephony.asterisk.request import GONE, Note, Request
from activities.telephony.asterisk.state import ANNOUNCING, DONE, LISTENED, OWNER, TOLD_OF_HOLD

RECORDINGS = "hookflash-farewell"
"""Dialplan context in which a channel hears the recording that its extension is the name of, and is hung up."""
MACHINES = "hookflash-amd"
"""Dialplan context in which a channel is listened to for a machine (extension ``s``), and is hung up."""
TONE = "tone:1220/500,0/2500"
"""What is heard after a prompt, or in its place, until the question is answered: a short tone every three seconds.
Given by its frequency, because names of tones may be missing too (``indications.conf``)."""
LEFT_OUT = frozenset({400, 404, 409, 412, 422})
"""Refusals of something that is left out then: no leg pays for an announcement."""


@dataclass(frozen=True, slots=True)
class Music:
    """Play music in a holding bridge, with or without listeners. It ends when the last one leaves."""

    bridge: str
    music: str

    def requests(self) -> tuple[Request, ...]:
        """Return what it takes."""
        return (Request("POST", path("bridges", self.bridge, "moh"), {"mohClass": self.music}),)


@dataclass(frozen=True, slots=True)
class Ring:
    """Let a leg that is alone in the room hear ringback."""

    leg: str

    def requests(self) -> tuple[Request, ...]:
        """Return what it takes."""
        return (Request("POST", path("channels", self.leg, "ring")),)


@dataclass(frozen=True, slots=True)
class StopRing:
    """End the ringback of a leg."""

    leg: str

    def requests(self) -> tuple[Request, ...]:
        """Return what it takes."""
        fine = frozenset({404, 409, 412})
        return (Request("DELETE", path("channels", self.leg, "ring"), fine=fine),)


@dataclass(frozen=True, slots=True)
class HoldAgain:
    """Tell a leg that its partner's phone is on hold, as Asterisk does when it sees that happen: music until it ends.

    Noted before, so that whoever comes after us ends it if need be. The second note is taken once the hold was.
    """

    leg: str
    partner: str
    music: str
    """Class of the music. Empty: the leg's own."""

    def requests(self) -> tuple[Request, ...]:
        """Return what it takes."""
        functions = (("CHANNEL(musicclass)", self.music),) if self.music else ()
        note = Note(self.leg, ((TOLD_OF_HOLD, self.partner),), functions).requests()
        return *note, Request("POST", path("channels", self.leg, "hold")), *note


@dataclass(frozen=True, slots=True)
class HoldOver:
    """Tell a leg that its partner's phone is not on hold any more."""

    leg: str

    def requests(self) -> tuple[Request, ...]:
        """Return what it takes."""
        resume = Request("DELETE", path("channels", self.leg, "hold"))
        return resume, *Note(self.leg, ((TOLD_OF_HOLD, ""),)).requests()


@dataclass(frozen=True, slots=True)
class Prompt:
    """Play the prompt from its beginning, then the tone. Former ones go first: playback ids are not unique to Asterisk.

    Asterisk itself begins the tone at the end of the prompt, which for a missing one comes at once.
    """

    leg: str
    prompt: str

    def requests(self) -> tuple[Request, ...]:
        """Return what it takes."""
        prompt, tone = (path("channels", self.leg, "play", it(self.leg)) for it in (playback, asking))
        return (
            *StopPrompt(self.leg).requests(),
            Request("POST", prompt, {"media": f"sound:{self.prompt}"}),
            # In the body: a comma in the query would begin another medium.
            Request("POST", tone, body={"media": [TONE]}, fine=LEFT_OUT),
        )


@dataclass(frozen=True, slots=True)
class StopPrompt:
    """End the prompt and its tone, whether they still play or not."""

    leg: str

    def requests(self) -> tuple[Request, ...]:
        """Return what it takes."""
        # The tone first, which may wait for the end of the prompt.
        return tuple(Request("DELETE", path("playbacks", it(self.leg)), fine=GONE) for it in (asking, playback))


@dataclass(frozen=True, slots=True)
class Play:
    """Play an announcement to a leg that hears nobody. Its music goes on by itself afterwards (measured)."""

    leg: str
    media: str

    def requests(self) -> tuple[Request, ...]:
        """Return what it takes."""
        play = path("channels", self.leg, "play", announcement(self.leg))
        return (Request("POST", play, {"media": f"sound:{self.media}"}, fine=LEFT_OUT),)


@dataclass(frozen=True, slots=True)
class StopPlaying:
    """End the announcement that a leg may be hearing alone, so that it can be asked for something else."""

    leg: str

    def requests(self) -> tuple[Request, ...]:
        """Return what it takes."""
        stop = Request("DELETE", path("playbacks", announcement(self.leg)), fine=GONE)
        return stop, *Note(self.leg, ((ANNOUNCING, ""),)).requests()


@dataclass(frozen=True, slots=True)
class Whisper:
    """Play an announcement to one leg of a conversation: the others do not hear it, and it hears them meanwhile.

    From its second request on, nobody of us is needed any more.
    """

    leg: str
    number: int
    media: str
    app: str

    def requests(self) -> tuple[Request, ...]:
        """Return what it takes."""
        query = {"app": self.app, "whisper": "out", "spy": "none"}
        snoop = path("channels", self.leg, "snoop", whisper(self.leg, self.number))
        # That the recording was not there is a variable of the whispering channel, reported to who has subscribed.
        source = {"eventSource": f"channel:{whisper(self.leg, self.number)}"}
        return (
            Request("POST", snoop, query, fine=LEFT_OUT),
            Request("POST", path("applications", self.app, "subscription"), source, fine=LEFT_OUT),
            *_into_dialplan(whisper(self.leg, self.number), RECORDINGS, self.media),
            *_announced(self.leg),
        )


@dataclass(frozen=True, slots=True)
class FinishWhisper:
    """Go on with a whisper that somebody began: its channel may wait for being told what to play."""

    leg: str
    number: int
    media: str

    def requests(self) -> tuple[Request, ...]:
        """Return what it takes."""
        where = path("channels", whisper(self.leg, self.number), "continue")
        speak = Request("POST", where, _first(RECORDINGS, self.media), fine=LEFT_OUT)
        return speak, *_announced(self.leg)


@dataclass(frozen=True, slots=True)
class StopWhisper:
    """End a whisper, whether it still speaks or not."""

    leg: str
    number: int

    def requests(self) -> tuple[Request, ...]:
        """Return what it takes."""
        stop = Request("DELETE", path("channels", whisper(self.leg, self.number)), fine=GONE)
        return stop, *_announced(self.leg)


@dataclass(frozen=True, slots=True)
class Listen:
    """Have Asterisk find out whether a machine talks. The leg itself stays where it is, and hears its prompt.

    The verdict is a variable of the listening channel, which is reported once somebody has subscribed to it.
    """

    leg: str
    app: str
    owner: str

    def requests(self) -> tuple[Request, ...]:
        """Return what it takes."""
        query = {"app": self.app, "whisper": "none", "spy": "in"}
        ear = listening(self.leg)
        subscription = path("applications", self.app, "subscription")
        owner = {"variable": OWNER, "value": self.owner, "report_events": "true"}
        return (
            Request("POST", path("channels", self.leg, "snoop", ear), query, fine=LEFT_OUT),
            Request("POST", subscription, {"eventSource": f"channel:{ear}"}, fine=LEFT_OUT),
            Request("POST", path("channels", ear, "variable"), owner, fine=LEFT_OUT),
            *_into_dialplan(ear, MACHINES, "s"),
            *Note(self.leg, ((LISTENED, DONE),)).requests(),
        )


@dataclass(frozen=True, slots=True)
class StopListening:
    """Listen for a machine no longer."""

    leg: str

    def requests(self) -> tuple[Request, ...]:
        """Return what it takes."""
        stop = Request("DELETE", path("channels", listening(self.leg)), fine=GONE)
        return stop, *Note(self.leg, ((LISTENED, DONE),)).requests()


PROMPT, ANNOUNCEMENT, WHISPER = "prompt-", "announcement-", "whisper-"


def playback(leg: str) -> str:
    """Return the id of a leg's prompt."""
    return PROMPT + leg


def asking(leg: str) -> str:
    """Return the id of the tone that a leg hears after its prompt."""
    return f"asking-{leg}"


def announcement(leg: str) -> str:
    """Return the id of the announcement that a leg hears alone."""
    return ANNOUNCEMENT + leg


def played_to(playback: str) -> str:
    """Return the leg that a recording was played to, by the id of its playback; empty if it was none of ours."""
    return next((playback.removeprefix(it) for it in (PROMPT, ANNOUNCEMENT) if playback.startswith(it)), "")


def whisper(leg: str, number: int) -> str:
    """Return the id of the channel that whispers to a leg."""
    return f"{WHISPER}{leg}-{number}"


def whispered_to(channel: str) -> str:
    """Return the leg that a channel whispers to, by the channel's id; empty if it does not."""
    return channel.removeprefix(WHISPER).rpartition("-")[0] if channel.startswith(WHISPER) else ""


LISTENING = "listening-"


def listening(leg: str) -> str:
    """Return the id of the channel that listens to a leg."""
    return LISTENING + leg


def _announced(leg: str) -> tuple[Request, ...]:
    return Note(leg, ((ANNOUNCING, ""),)).requests()


def _into_dialplan(channel: str, context: str, extension: str) -> tuple[Request, ...]:
    """Send a channel that was just made into the dialplan, for which it must have come into Stasis first."""
    where = path("channels", channel, "continue")
    return (Request("POST", where, _first(context, extension), fine=GONE, not_yet=frozenset({409})),)


def _first(context: str, extension: str) -> dict[str, str]:
    return {"context": context, "extension": extension, "priority": "1"}
