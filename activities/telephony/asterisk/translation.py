"""ARI events in our words. Pure: events in, leg events out.

Only ``ChannelStateChange`` says that a leg rings or was answered. ``Dial`` says it too, but never for a leg that
fails, and not for one that somebody else made.
"""

from collections import OrderedDict
from collections.abc import Iterator, Mapping

from pydantic import BaseModel, ConfigDict

from activities.telephony.asterisk.causes import SHUT_DOWN, SHUTDOWN, Ending, ending
from activities.telephony.asterisk.sounds import LISTENING, played_to, whispered_to
from activities.telephony.asterisk.state import OWNER, Channel
from activities.telephony.asterisk.transfer_key import Asker, ReferTo, asked
from activities.telephony.model import LegEvent, LegEventKind, TransferAsked
from hookflash import Cause
from hookflash.events import Evidence

REMEMBERED = 10_000
DIGITS = frozenset("0123456789*#ABCD")
TALKS_ON = ("LONGGREETING", "MAXWORDS", "MAXWORDLENGTH")
"""Beginnings of ``AMDCAUSE`` that say: it talked as no person does who answers a call."""


class Playback(BaseModel):
    """What is, or was, played to a leg."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    id: str = ""
    media_uri: str = ""
    state: str = ""


class AriEvent(BaseModel):
    """An event as ARI sends it, as far as we read it."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    type: str = ""
    channel: Channel | None = None
    playback: Playback | None = None
    cause: int = 0
    tech_cause: int | None = None
    cause_txt: str = ""
    soft: bool = False
    digit: str = ""
    variable: str = ""
    value: str = ""
    state: str = ""
    """Of a ChannelTransfer: the report that has just been sent. Empty: a phone has asked for a transfer."""
    referred_by: Asker = Asker()
    refer_to: ReferTo = ReferTo()

    @property
    def reported_to(self) -> str:
        """Leg whose phone has just been told what has come of its transfer key; empty if none was."""
        source = self.referred_by.source_channel
        return source.id if self.type == "ChannelTransfer" and self.state and source is not None else ""


class Endings(Mapping[str, Ending]):
    """How the last legs ended that were seen ending: Asterisk itself keeps nothing of an ended channel."""

    def __init__(self, limit: int = REMEMBERED) -> None:
        self._limit = limit
        self._endings: OrderedDict[str, Ending] = OrderedDict()

    def __getitem__(self, leg: str) -> Ending:
        return self._endings[leg]

    def __iter__(self) -> Iterator[str]:
        return iter(self._endings)

    def __len__(self) -> int:
        return len(self._endings)

    def remember(self, leg: str, how: Ending) -> None:
        """Keep how a leg ended, and forget the oldest one when there are too many."""
        self._endings[leg] = how
        if len(self._endings) > self._limit:
            self._endings.popitem(last=False)


class Translator:
    """Turns the events of one connection into leg events."""

    def __init__(self, endings: Endings, limit: int = REMEMBERED, *, trunk: str | None = None) -> None:
        """Take where endings are kept, how many legs to remember, and the endpoint that is nobody's phone."""
        self._endings = endings
        self._trunk = trunk
        self._limit = limit
        self._owners: OrderedDict[str, str] = OrderedDict()
        self._soft: dict[str, int | None] = {}
        """By leg: cause of the first ChannelHangupRequest if it was soft, None if it was not. A caller's leg has a soft
        one after its BYE too."""

    def translate(self, event: AriEvent) -> LegEvent | TransferAsked | None:
        """Return what an event means for a leg; None if it means nothing or nobody owns the leg.

        Only ``unheard`` is also returned of a leg that nobody owns: a missing recording is to be heard of anyhow.
        """
        if event.type == "ChannelTransfer":
            return None if event.state else asked(event.referred_by, event.refer_to, self._trunk)
        channel = event.channel
        if event.type == "PlaybackFinished" and event.playback is not None:
            return self._unplayed(event.playback)
        if channel is None:
            return None
        if channel.id.startswith(LISTENING):
            return self._machine(event, channel)
        if event.type == "ChannelVarset" and (event.variable, event.value) == ("PLAYBACKSTATUS", "FAILED"):
            leg = whispered_to(channel.id) or (channel.id if channel.leaving else "")
            return self._unheard(leg, channel.dialplan.exten) if leg else None
        owner = self._owner(channel)
        if event.type == "ChannelHangupRequest" and owner:
            self._soft.setdefault(channel.id, event.cause if event.soft else None)
            return None
        if event.type == "ChannelDestroyed":
            return self._ended(event, channel, owner)
        if not owner:
            return None
        if event.type == "ChannelStateChange" and channel.state == "Ringing":
            return LegEvent(owner=owner, leg=channel.id, kind=LegEventKind.RINGING)
        if event.type == "ChannelStateChange" and channel.up:
            return LegEvent(owner=owner, leg=channel.id, kind=LegEventKind.ANSWERED)
        if event.type == "ChannelDtmfReceived" and event.digit in DIGITS:
            return LegEvent(owner=owner, leg=channel.id, kind=LegEventKind.DIGIT, digit=event.digit)
        return None

    def _machine(self, event: AriEvent, channel: Channel) -> LegEvent | None:
        """Return what the channel that listens to a leg says of it.

        Silence is no sign of a machine: a person may well wait for the end of the prompt.
        """
        machine = event.variable == "AMDCAUSE" and event.value.startswith(TALKS_ON)
        if event.type != "ChannelVarset" or not machine:
            return None
        leg = channel.id.removeprefix(LISTENING)
        owner = self._owners.get(leg, channel.owner)
        return LegEvent(owner=owner, leg=leg, kind=LegEventKind.MACHINE) if owner else None

    def _unplayed(self, playback: Playback) -> LegEvent | None:
        leg = played_to(playback.id)
        failed = playback.state == "failed" and leg
        return self._unheard(leg, playback.media_uri.removeprefix("sound:")) if failed else None

    def _unheard(self, leg: str, recording: str) -> LegEvent:
        owner, evidence = self._owners.get(leg, ""), Evidence(text=recording)
        return LegEvent(owner=owner, leg=leg, kind=LegEventKind.UNHEARD, evidence=evidence)

    def _owner(self, channel: Channel) -> str:
        """Return the owner. A leg that was just made is reported without its variables at first."""
        if OWNER not in channel.channelvars:
            return self._owners.get(channel.id, "")
        if channel.owner:
            self._owners[channel.id] = channel.owner
            if len(self._owners) > self._limit:
                forgotten, _ = self._owners.popitem(last=False)
                self._soft.pop(forgotten, None)
        else:
            self._owners.pop(channel.id, None)
        return channel.owner

    def _ended(self, event: AriEvent, channel: Channel, owner: str) -> LegEvent | None:
        asked = self._soft.pop(channel.id, None)
        self._owners.pop(channel.id, None)
        if not owner:
            return None
        # The state a channel is destroyed in is the furthest it came to.
        soft, text = asked is not None, event.cause_txt
        how = ending(event.cause, event.tech_cause, soft=soft, phase=channel.phase, text=text)
        if asked == SHUTDOWN:
            how = SHUT_DOWN
        self._endings.remember(channel.id, how)
        if channel.released and how.cause is Cause.RELEASED:
            return None  # the answer of the arrangement that has released it says so, or the next look
        return LegEvent(owner=owner, leg=channel.id, kind=LegEventKind.ENDED, cause=how.cause, evidence=how.evidence)
