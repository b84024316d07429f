"""Twilio as a telephony provider."""

import asyncio
import logging
from collections.abc import AsyncIterator, Mapping
from weakref import WeakValueDictionary

from activities.telephony.errors import ListenerReplaced, OutcomeUnknown, ProviderUnavailable
from activities.telephony.model import (
    Arrangement,
    LegEvent,
    Observation,
    OwnedLegs,
    Phase,
    RecordingTrouble,
    SeenLeg,
    TransferAsked,
    WantedLeg,
)
from activities.telephony.twilio.callbacks import CallbackUrls
from activities.telephony.twilio.client import RateLimited, TwilioClient, path
from activities.telephony.twilio.execute import Executor, StaleError
from activities.telephony.twilio.picture import Picture, call_of
from activities.telephony.twilio.plan import Plan, make_plan
from activities.telephony.twilio.polling import Poll
from activities.telephony.twilio.records import Records
from activities.telephony.twilio.resources import Call
from activities.telephony.twilio.rooms import open_room, participants
from activities.telephony.twilio.settings import TwilioSettings
from activities.telephony.twilio.steps import Step

PAUSES = (0.0, 0.05, 0.2, 0.4)
"""Before another look, after an attempt that went wrong. Looking again is always safe."""
GLANCE = 0.1
"""Between two looks at a call that is on its way into the conference."""
SIGN_OF_LIFE = 1.0
"""Longest silence towards who listens."""

logger = logging.getLogger(__name__)


class TwilioTelephony:
    """One Twilio account. It keeps no state of any call, so any number of processes may use an account."""

    replaces_listeners = False

    def __init__(self, settings: TwilioSettings, urls: CallbackUrls) -> None:
        """Take the account and the URLs of its webhooks; nothing is opened before the first call."""
        self._settings = settings
        self._urls = urls
        self._client = TwilioClient(settings)
        self._records = Records(self._client)
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        self._listeners = 0

    async def arrange(self, wanted: Arrangement) -> Observation:
        """Make an arrangement true; see ``Telephony.arrange``."""
        lock = self._locks.setdefault(wanted.room, asyncio.Lock())
        run = _Run(self._client, self._records, self._settings, self._urls, wanted)
        limit = self._settings.arrange_timeout.total_seconds()
        try:
            async with asyncio.timeout(limit), lock:
                return await run.until_it_stands()
        except TimeoutError as error:
            raise run.unfinished(f"not done within {limit:g} s") from error

    async def events(self) -> AsyncIterator[LegEvent | TransferAsked | None]:
        """Yield what looking at the calls shows; see ``Telephony.events``.

        The webhooks tell sooner, and go another way. This is for what they have not told.

        Raises:
            ListenerReplaced: Somebody else listens in this process now.
            ProviderUnavailable: Twilio cannot be reached.
        """
        self._listeners += 1
        turn = self._listeners
        poll = Poll(self._client, self._records, self._settings.undecided)
        await poll.look()
        yield None
        interval = self._settings.poll_interval.total_seconds()
        loop = asyncio.get_running_loop()
        while True:
            due = loop.time() + interval
            while (left := due - loop.time()) > 0:
                await asyncio.sleep(min(left, SIGN_OF_LIFE))
                if turn != self._listeners:
                    raise ListenerReplaced("another listener looks at this account now")
                yield None
            for event in await poll.look():
                yield event

    async def owners(self) -> Mapping[str, OwnedLegs]:
        """Return the workflows that own live legs; see ``Telephony.owners``."""
        poll = Poll(self._client, self._records, self._settings.undecided)
        await poll.look()
        return poll.owners

    async def decline(self, leg: str) -> None:
        """Do nothing: no phone can ask for a transfer here."""

    async def close(self) -> None:
        """Release connections. The calls go on."""
        await self._client.close()


class _Run:
    """One arrangement on its way to being true: look, plan, do, look again."""

    def __init__(
        self, client: TwilioClient, records: Records, settings: TwilioSettings, urls: CallbackUrls, wanted: Arrangement
    ) -> None:
        self._client = client
        self._records = records
        self._settings = settings
        self._wanted = wanted
        self._executor = Executor(client, records, urls, wanted)
        self._trouble = ""

    async def until_it_stands(self) -> Observation:
        """Repeat until nothing is missing."""
        attempt = 0
        previous: tuple[Step, ...] = ()
        while True:
            try:
                picture = await self._look()
                if self._is_refused(picture):
                    return self._refuse(picture)
                plan = make_plan(self._wanted, picture, self._settings)
                if plan.waits:
                    await asyncio.sleep(GLANCE)
                elif not plan.steps:
                    return self._observe(picture, plan)
                elif plan.steps == previous:
                    raise StaleError(f"{type(plan.steps[0]).__name__} was accepted without effect")
                else:
                    await self._executor.run(plan.steps, picture)
                    previous = plan.steps
            except (StaleError, OutcomeUnknown, ProviderUnavailable) as error:
                self._trouble = str(error)
                previous = ()
                if attempt == len(PAUSES) or isinstance(error, RateLimited):
                    raise self.unfinished(self._trouble, error) from error
                await asyncio.sleep(PAUSES[attempt])
                attempt += 1

    def unfinished(self, why: str, error: Exception | None = None) -> OutcomeUnknown | ProviderUnavailable:
        """Return the error that says what is certain: whether anything may have been executed."""
        text = f"{why}; last: {self._trouble}" if self._trouble and self._trouble != why else why
        unfinished = OutcomeUnknown(text) if self._executor.touched else ProviderUnavailable(text)
        if isinstance(error, RateLimited):
            unfinished.retry_after = error.retry_after
        return unfinished

    # --- looking

    async def _look(self) -> Picture:
        """Read what there is of the legs and the room of this arrangement, and nothing else of the account."""
        legs = [leg.leg for leg in self._wanted.legs]
        room, documents = await asyncio.gather(
            open_room(self._client, self._wanted.room), asyncio.gather(*(self._records.read(leg) for leg in legs))
        )
        records = {leg: document for leg, document in zip(legs, documents, strict=True) if document is not None}
        said_at = self._client.said_at
        inside = await participants(self._client, room)
        picture = Picture(records, room, inside, {}, said_at)
        elsewhere = [leg for leg in legs if not self._is_inside(picture, leg)]
        sids = {leg: sid for leg in elsewhere if (sid := call_of(leg, picture.record(leg)))}
        calls = await asyncio.gather(*(self._call(sid) for sid in sids.values()))
        found = {leg: call for leg, call in zip(sids, calls, strict=True) if call is not None}
        self._executor.joining &= {leg for leg, call in found.items() if call.live}
        return Picture(records, room, inside, found, said_at, frozenset(self._executor.joining))

    def _is_inside(self, picture: Picture, leg: str) -> bool:
        participant = picture.participant(leg)
        return participant is not None and participant.phase < Phase.ENDED

    async def _call(self, sid: str) -> Call | None:
        return await self._client.get(f"{self._client.account}{path('Calls', f'{sid}.json')}", Call.model_validate)

    # --- telling

    def _is_refused(self, picture: Picture) -> bool:
        return any(not self._wanted.may_take(picture.owner(leg.leg)) for leg in self._wanted.legs)

    def _refuse(self, picture: Picture) -> Observation:
        """Report whose legs these are, and touch nothing."""
        seen: list[SeenLeg] = []
        for leg in self._wanted.legs:
            owner = picture.owner(leg.leg)
            theirs = "" if self._wanted.may_take(owner) else owner
            seen.append(SeenLeg(leg=leg.leg, phase=picture.phase(leg.leg) or leg.known, owner=theirs))
        return Observation(legs=tuple(seen), stands=False)

    def _observe(self, picture: Picture, plan: Plan) -> Observation:
        legs = tuple(self._seen(leg, picture, plan) for leg in self._wanted.legs)
        return Observation(legs=legs, stands=plan.stands, since=self._wanted.since)

    def _seen(self, leg: WantedLeg, picture: Picture, plan: Plan) -> SeenLeg:
        ended = plan.endings.get(leg.leg)
        if ended is not None:
            return SeenLeg(leg=leg.leg, phase=Phase.ENDED, cause=ended.cause, evidence=ended.evidence)
        record = picture.record(leg.leg)
        asked = leg.recording is not None and leg.recording.paused
        return SeenLeg(
            leg=leg.leg,
            phase=picture.phase(leg.leg) or (Phase.DIALLING if record is not None else Phase.NEW),
            recording=RecordingTrouble.NOT_PAUSED if asked else None,
            dialled_at=self._executor.dialled.get(leg.leg),
            former_owner=record.former if record is not None else "",
        )
