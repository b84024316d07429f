"""One arrangement on its way to being true on a node: look, plan, do, look again."""

import asyncio
import logging
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from datetime import datetime

from activities.telephony.asterisk.addresses import caller_name, caller_number
from activities.telephony.asterisk.adopting import Adopter, may_adopt, stray_legs
from activities.telephony.asterisk.causes import Ending
from activities.telephony.asterisk.client import AriClient, InternalError, path
from activities.telephony.asterisk.execute import Executor, LegFailedError, StaleError
from activities.telephony.asterisk.introducing import unintroduced
from activities.telephony.asterisk.marking import mark_of
from activities.telephony.asterisk.phone_hold import BRIDGES, PhoneHolds, pairs
from activities.telephony.asterisk.plan import Plan, make_plan, music_ahead
from activities.telephony.asterisk.recording import trouble
from activities.telephony.asterisk.settings import AsteriskSettings
from activities.telephony.asterisk.state import (
    REACHED,
    UNREADABLE,
    Bridge,
    Caller,
    Channel,
    Information,
    LiveRecording,
    Picture,
    Variable,
    hold_bridge,
    moment,
)
from activities.telephony.asterisk.steps import Step
from activities.telephony.asterisk.verdicts import was_there
from activities.telephony.errors import (
    OutcomeUnknown,
    ProtocolError,
    ProviderUnavailable,
    TelephonyError,
    Unsupported,
)
from activities.telephony.model import (
    DEFAULT_MUSIC,
    Arrangement,
    Observation,
    Phase,
    SeenLeg,
)
from hookflash._about import about

logger = logging.getLogger(__name__)

DOUBT = 0.1
"""Before a second look at legs that cannot be taken over. What is refused for good was seen twice."""

PAUSES = (0.0, 0.02, 0.1, 0.3)
"""Before another look, after an attempt that went wrong. Looking again is always safe."""


class Arranging:
    """One arrangement on its way to being true: look, plan, do, look again."""

    def __init__(
        self, client: AriClient, settings: AsteriskSettings, endings: Mapping[str, Ending], wanted: Arrangement
    ) -> None:
        self._client = client
        self._settings = settings
        self._wanted = wanted
        self._executor = Executor(client)
        self._adopter = Adopter(client, self._executor, settings)
        self._phone_holds = PhoneHolds(client, self._executor)
        self._seen_endings = endings
        self._own_endings: dict[str, Ending] = {}
        self._trouble = ""

    async def until_it_stands(self) -> Observation:
        """Repeat until nothing is missing."""
        await self._begin_music()
        attempt = 0
        previous: tuple[Step, ...] = ()
        while True:
            try:
                picture = await self._adopt(await self._look())
                if self._is_refused(picture):
                    return self._refuse(picture)
                picture, plan = await self._plan(picture)
                if not plan.steps:
                    await self._settle_holds(picture)
                    return self._observe(picture, plan)
                if plan.steps == previous:
                    raise StaleError(f"{type(plan.steps[0]).__name__} was accepted without effect")
                await self._executor.run(plan.steps)
                previous = plan.steps
            except LegFailedError as failed:
                self._own_endings[failed.leg] = failed.ending
            except (StaleError, OutcomeUnknown, ProviderUnavailable) as error:
                self._trouble = str(error)
                previous = ()
                if attempt == len(PAUSES):
                    raise self.unfinished(self._trouble) from error
                await asyncio.sleep(PAUSES[attempt])
                attempt += 1

    async def _begin_music(self) -> None:
        """Ask for music before anything else. Whatever comes of it: it is asked for again with its first listener."""
        music = music_ahead(self._wanted)
        for request in music.requests() if music else ():
            with suppress(InternalError, TelephonyError):
                await self._client.send(request.method, request.where, request.query)

    def unfinished(self, why: str) -> OutcomeUnknown | ProviderUnavailable:
        """Return the error that says what is certain: whether anything may have been executed."""
        text = f"{why}; last: {self._trouble}" if self._trouble and self._trouble != why else why
        return OutcomeUnknown(text) if self._executor.touched else ProviderUnavailable(text)

    def _is_refused(self, picture: Picture) -> bool:
        return any(not self._wanted.may_take(channel.owner) for channel in picture.channels.values())

    async def _adopt(self, picture: Picture, *, doubted: bool = False) -> Picture:
        """Take over whoever is still in the dialplan, if that is set up, and return what is there after it."""
        stray = stray_legs(self._wanted, picture)
        manager = self._settings.manager
        if manager is None or not stray or self._is_refused(picture):
            return picture
        bridges = await self._client.get(path("bridges"), BRIDGES.validate_python)
        try:
            pair = may_adopt(self._wanted, picture, stray, bridges or (), manager)
        except Unsupported:
            if doubted:
                raise
            # Seen in the middle of being taken over by another worker, a pair looks like two who have never met.
            await asyncio.sleep(DOUBT)
            return await self._adopt(await self._look(), doubted=True)
        await self._adopter.take(pair, self._wanted.room, manager)
        return await self._look()

    async def _plan(self, picture: Picture) -> tuple[Picture, Plan]:
        """Plan; look at the whole node only if somebody may be left alone somewhere in it.

        Nor does anybody who is to be moved wait until it is known whom phones are to show.
        """
        plan = make_plan(self._wanted, picture, self._settings, self._known())
        if not plan.stands:
            everything = await self._client.get(path("bridges"), BRIDGES.validate_python)
            picture = replace(picture, everything=everything or ())
            plan = make_plan(self._wanted, picture, self._settings, self._known())
        elif plan.settled and (partners := await self._partners(picture)):
            picture = replace(picture, partners=partners)
            plan = make_plan(self._wanted, picture, self._settings, self._known())
        return picture, plan

    async def _look(self) -> Picture:
        """Read what there is of the legs and rooms of this arrangement, and nothing else of the node."""
        legs = [leg.leg for leg in self._wanted.legs]
        bridges = (self._wanted.room, hold_bridge(self._wanted.hold_music))
        (room, hold), channels = await asyncio.gather(
            asyncio.gather(*(self._client.get(path("bridges", item), Bridge.model_validate) for item in bridges)),
            asyncio.gather(*(self._client.get(path("channels", leg), Channel.model_validate) for leg in legs)),
        )
        picture = Picture({channel.id: channel for channel in channels if channel is not None}, room, hold)
        picture = replace(picture, restarted=await self._restarted(picture))
        return replace(
            picture,
            callers=await self._callers(picture),
            recordings=await self._recordings(),
            tried_recordings=frozenset(self._executor.tried_recordings),
        )

    async def _settle_holds(self, picture: Picture) -> None:
        """Give music to whoever would hear nothing now, because the phone of the other is on hold."""
        # Where nobody has said which music it is to be, the channel may have music of its own.
        music = self._wanted.hold_music if self._wanted.hold_music != DEFAULT_MUSIC else ""
        for pair in pairs(self._wanted, picture):
            await self._phone_holds.settle(pair, music)

    async def _recordings(self) -> dict[str, str]:
        """Return the states of the recordings that the arrangement names. None of them is worth a transfer."""
        found: dict[str, str] = {}
        for id, name in ((leg.leg, leg.recording.name) for leg in self._wanted.legs if leg.recording is not None):
            try:
                recording = await self._client.get(path("recordings", "live", name), LiveRecording.model_validate)
            except (ProviderUnavailable, ProtocolError) as error:
                with about(leg=id):
                    logger.warning("recording %s: %s", name, error)
                found[name] = UNREADABLE
            else:
                found |= {name: recording.state} if recording is not None else {}
        return found

    async def _restarted(self, picture: Picture) -> datetime | None:
        """Return when the node was restarted, if a leg is missing and that is why."""
        since = self._wanted.since
        missing = [leg for leg in self._wanted.legs if was_there(leg) and leg.leg not in picture.channels]
        if since is None or not missing:
            return None
        node = await self._client.get(path("asterisk", "info"), Information.model_validate)
        started = moment(node.status.startup_time) if node is not None else None
        # Both are times of the node's own clock, so no other clock matters.
        return started if started is not None and started > since else None

    async def _partners(self, picture: Picture) -> dict[str, Caller]:
        """Return who those are whom phones are to show, as long as they were not told to."""
        named = {leg.shows for leg in self._wanted.legs if unintroduced(leg, picture, self._settings.trunk)}
        return {leg: await self._caller(leg) for leg in named}

    async def _callers(self, picture: Picture) -> dict[str, str]:
        """Return the numbers in the name of which legs are to be called that are not there yet."""
        named = {
            leg.dial.caller_id_of
            for leg in self._wanted.legs
            if leg.dial is not None and leg.leg not in picture.channels and not picture.dialled(leg.leg)
        }
        return {leg: (await self._caller(leg)).number for leg in named if leg}

    async def _caller(self, leg: str) -> Caller:
        """Return a caller's number and name, each empty if there is none, or the caller does not want it shown."""
        channel = await self._client.get(path("channels", leg), Channel.model_validate)
        if channel is None or not channel.caller.number:
            return Caller(number=channel.variable(REACHED) if channel is not None else "")
        number = caller_number(channel.caller.number, await self._presentation(leg, "num"))
        if not number or not channel.caller.name:
            return Caller(number=number)
        return Caller(number=number, name=caller_name(channel.caller.name, await self._presentation(leg, "name")))

    async def _presentation(self, leg: str, what: str) -> str:
        try:
            query = {"variable": f"CALLERID({what}-pres)"}
            reply = await self._client.send("GET", path("channels", leg, "variable"), query)
        except InternalError:
            return ""  # without func_callerid nobody can say whether it may be shown
        return Variable.model_validate(reply.data).value if reply.done else ""

    def _known(self) -> dict[str, Ending]:
        seen = {leg.leg: self._seen_endings[leg.leg] for leg in self._wanted.legs if leg.leg in self._seen_endings}
        # Of a leg that has ended by itself as we released it, the event knows better.
        return self._executor.released | seen | self._own_endings

    def _refuse(self, picture: Picture) -> Observation:
        """Report whose legs these are, and touch nothing."""
        seen: list[SeenLeg] = []
        for leg in self._wanted.legs:
            channel = picture.channels.get(leg.leg)
            owner = channel.owner if channel is not None else ""
            theirs = "" if self._wanted.may_take(owner) else owner
            seen.append(SeenLeg(leg=leg.leg, phase=channel.phase if channel else leg.known, owner=theirs))
        return Observation(legs=tuple(seen), stands=False)

    def _observe(self, picture: Picture, plan: Plan) -> Observation:
        legs: list[SeenLeg] = []
        for leg in self._wanted.legs:
            ended = plan.endings.get(leg.leg)
            if ended is not None:
                seen = SeenLeg(
                    leg=leg.leg,
                    phase=Phase.ENDED,
                    cause=ended.cause,
                    evidence=ended.evidence,
                    assumed=ended.assumed,
                )
            elif (channel := picture.channels.get(leg.leg)) is not None:
                seen = SeenLeg(
                    leg=leg.leg,
                    phase=channel.phase,
                    recording=trouble(leg, picture, stands=plan.stands),
                    dialled_at=self._executor.dialled.get(leg.leg),
                    former_owner=channel.former_owner,
                )
            else:
                seen = SeenLeg(leg=leg.leg, phase=Phase.NEW)
            legs.append(seen)
        made = [channel.made_at for channel in picture.channels.values() if channel.made_at is not None]
        return Observation(
            legs=tuple(legs),
            stands=plan.stands,
            since=max(made, default=self._wanted.since),
            mark=mark_of(self._wanted, picture) if plan.stands else "",
        )
