"""What has become of the calls since the last look: for what no webhook has told, or before there are any."""

import asyncio
import logging
from collections import defaultdict
from collections.abc import Mapping
from datetime import timedelta

from activities.telephony.errors import TelephonyError
from activities.telephony.model import LegEvent, LegEventKind, OwnedLegs, Phase
from activities.telephony.twilio.causes import Ending, ending_of
from activities.telephony.twilio.client import TwilioClient, path
from activities.telephony.twilio.picture import call_of, overdue, unanswered
from activities.telephony.twilio.records import RecordChanged, Records
from activities.telephony.twilio.resources import LIVE, Call, CallPage, Document, Left
from activities.telephony.twilio.rooms import open_room, participants
from activities.telephony.twilio.verdicts import LOST
from hookflash import Cause
from hookflash._about import about
from hookflash.events import Evidence

PAGE_SIZE = "1000"

logger = logging.getLogger(__name__)


class Poll:
    """Looks at the calls of all legs that have an owner, with a handful of requests however many there are.

    What has happened before the first look is nobody's news: who begins to listen has everybody look for themselves.
    """

    def __init__(self, client: TwilioClient, records: Records, undecided: timedelta) -> None:
        """Begin to look.

        Args:
            client: The account.
            records: Of its legs.
            undecided: How long a leg may be missing whose dialling was never answered.
        """
        self._undecided = undecided
        self._client = client
        self._records = records
        self._phases: dict[str, Phase] | None = None
        self.owners: Mapping[str, OwnedLegs] = {}
        """Who owned live legs at the last look. They have no marks: who is in which conference each has to be asked."""

    async def look(self) -> list[LegEvent]:
        """Look, and return what has happened since the last look; nothing at the first one.

        Raises:
            ProviderUnavailable: Twilio could not be reached.
        """
        before, first = self._phases or {}, self._phases is None
        documents = await self._records.all()
        live = await self._live()
        phases: dict[str, Phase] = {}
        events: list[LegEvent] = []
        for leg, document in documents.items():
            record, call = document.data, live.get(call_of(leg, document.data))
            known = before.get(leg, Phase.DIALLING if record.dialled or call is None else call.phase)
            if call is not None and record.left is not Left.FAREWELL:
                phases[leg] = call.phase
                events += _progress(record.owner, leg, known, call.phase)
                continue
            phases[leg] = known
            if known < Phase.ENDED and (ending := await self._ending(leg, document, known)) is not None:
                phases[leg] = Phase.ENDED
                events.append(_ended(record.owner, leg, ending))
                if not first:  # how far it had come is not known then, nor whether anybody has heard it ring
                    await self._settle(leg, document, ending)
        owned: defaultdict[str, dict[str, Phase]] = defaultdict(dict)
        for leg, phase in phases.items():
            if phase < Phase.ENDED:
                owned[documents[leg].data.owner][leg] = phase
        self.owners = {owner: OwnedLegs(phases=legs) for owner, legs in owned.items()}
        self._phases = phases
        return [] if first else events

    async def _live(self) -> dict[str, Call]:
        pages = await asyncio.gather(*(self._calls(status) for status in LIVE))
        return {call.sid: call for page in pages for call in page}

    async def _calls(self, status: str) -> list[Call]:
        found: list[Call] = []
        url: str | None = f"{self._client.account}{path('Calls.json')}"
        query = [("Status", status), ("PageSize", PAGE_SIZE)]
        while url is not None:
            page = await self._client.get(url, CallPage.model_validate, query)
            found += page.calls if page is not None else ()
            following = page.next_page_uri if page is not None else None
            url, query = self._client.base_url + following if following else None, []
        return found

    async def _ending(self, leg: str, document: Document, known: Phase) -> Ending | None:
        """Say why a leg is not among the live ones; None if it may still be on its way."""
        record = document.data
        if record.ending is not None:
            return Ending(record.ending, Evidence(text=record.ending_text))
        if record.left is Left.FAREWELL:
            return Ending(Cause.RELEASED, Evidence())
        sid = call_of(leg, record)
        if not sid:
            return await self._of_unanswered(leg, document)
        where = f"{self._client.account}{path('Calls', f'{sid}.json')}"
        call = await self._client.get(where, Call.model_validate)
        if call is None:
            return Ending(None, Evidence(text="there is no such call any more"))
        return None if call.live else ending_of(call, known)

    async def _of_unanswered(self, leg: str, document: Document) -> Ending | None:
        """Look for a leg whose dialling was never answered, as nobody else does before its time to ring is over."""
        room = document.data.room
        if not room or not unanswered(document) or not overdue(document, self._client.said_at, self._undecided):
            return None
        inside = await participants(self._client, await open_room(self._client, room))
        found = next((it for it in inside if it.label == leg), None)
        if found is None:
            return LOST
        await self._write(leg, document, call=found.call_sid)  # by which the next look finds it
        return None

    async def _settle(self, leg: str, document: Document, ending: Ending) -> None:
        """Keep why it ended, and no longer than need be: every record costs each look its share."""
        if document.data.ending is not None or document.data.left is Left.FAREWELL or ending.cause is None:
            return
        await self._write(leg, document, ending=ending.cause, ending_text=ending.evidence.text)

    async def _write(self, leg: str, document: Document, **changes: object) -> None:
        try:
            await self._records.write(leg, document.data.model_copy(update=changes), document.revision)
        except RecordChanged:
            pass  # somebody has just done something with it; the next one who listens sees to it
        except TelephonyError as error:
            with about(owner=document.data.owner, leg=leg):
                logger.warning("the record of %s stays as it is: %s", leg, error)


def _progress(owner: str, leg: str, before: Phase, now: Phase) -> list[LegEvent]:
    kinds = {Phase.RINGING: LegEventKind.RINGING, Phase.ANSWERED: LegEventKind.ANSWERED}
    return [LegEvent(owner=owner, leg=leg, kind=kinds[now])] if now > before and now in kinds else []


def _ended(owner: str, leg: str, ending: Ending) -> LegEvent:
    return LegEvent(owner=owner, leg=leg, kind=LegEventKind.ENDED, cause=ending.cause, evidence=ending.evidence)
