"""Carries out steps with Twilio, and says what became of them."""

import asyncio
import logging
from collections.abc import Sequence
from datetime import UTC, datetime
from itertools import groupby
from xml.sax.saxutils import escape, quoteattr

from activities.telephony.errors import OutcomeUnknown, ProtocolError, ProviderUnavailable, TelephonyError
from activities.telephony.model import DEFAULT_MUSIC, Arrangement
from activities.telephony.to_the_end import to_the_end
from activities.telephony.twilio.answers import TWILIOS_MUSIC
from activities.telephony.twilio.callbacks import CallbackUrls
from activities.telephony.twilio.causes import CALL_OVER, CONFERENCE_OVER, DIALLING_REFUSED, LABEL_TAKEN
from activities.telephony.twilio.client import Form, RefusedError, TwilioClient, path
from activities.telephony.twilio.picture import Picture
from activities.telephony.twilio.records import RecordChanged, Records
from activities.telephony.twilio.resources import Call, DialledParticipant, Document
from activities.telephony.twilio.steps import (
    Announce,
    Cancel,
    Dial,
    Farewell,
    HandOff,
    HangUp,
    Hold,
    Join,
    Keep,
    Screen,
    Step,
    Unhold,
)
from hookflash import Cause
from hookflash._about import about

STALE = CALL_OVER | CONFERENCE_OVER | LABEL_TAKEN | {20409}
"""Error codes that say that the picture is out of date."""
LEG_EVENTS = ("initiated", "ringing", "answered", "completed")
ROOM_EVENTS = ("join", "leave", "end")

logger = logging.getLogger(__name__)


class StaleError(Exception):
    """Twilio refused a step: the picture it was planned from is out of date."""


class Executor:
    """Carries out steps for one arrangement, in their order."""

    def __init__(self, client: TwilioClient, records: Records, urls: CallbackUrls, wanted: Arrangement) -> None:
        self._client = client
        self._records = records
        self._urls = urls
        self._wanted = wanted
        self.touched = False
        """Whether anything may have been changed."""
        self.joining: set[str] = set()
        """Legs that were moved into the room."""
        self.dialled: dict[str, datetime] = {}
        """When Twilio has taken on to ring legs."""

    async def run(self, steps: Sequence[Step], picture: Picture) -> None:
        """Carry out steps.

        Raises:
            StaleError: Look again.
            TelephonyError: As ``Telephony.arrange``.
        """
        for at_once, group in groupby(steps, lambda step: isinstance(step, Keep)):
            together = tuple(group)
            logger.debug("%s", ", ".join(type(step).__name__ for step in together))
            try:
                if at_once:  # each of another leg
                    await asyncio.gather(*(self._carry_out(step, picture) for step in together))
                else:
                    for step in together:
                        await self._carry_out(step, picture)
            except OutcomeUnknown:
                self.touched = True
                raise
            except RecordChanged as error:
                raise StaleError(str(error)) from error
            except RefusedError as error:
                if error.status == 404 or error.code in STALE:
                    raise StaleError(str(error)) from error
                raise ProtocolError(str(error)) from error
            self.touched = True

    async def _carry_out(self, step: Step, picture: Picture) -> None:
        with about(leg=step.leg):
            await self._do(step, picture)

    async def _do(self, step: Step, picture: Picture) -> None:
        match step:
            case Keep():
                await self._records.write(step.leg, step.record, step.revision)
            case Join():
                await self._change_call(step.call, [("Twiml", self._joining(step.leg))])
                self.joining.add(step.leg)
            case Hold():
                how = [("Hold", "true"), ("HoldUrl", self._music(step.music)), ("HoldMethod", "GET")]
                await self._change_participant(picture, step.call, how)
            case Unhold():
                await self._change_participant(picture, step.call, [("Hold", "false")])
            case Announce():
                said = [("AnnounceUrl", self._urls.say(step.media)), ("AnnounceMethod", "GET")]
                await self._change_participant(picture, step.call, said)
            case Cancel():
                await self._end(step.call, "canceled")
            case HangUp():
                await self._end(step.call, "completed")
            case HandOff():
                await self._change_call(step.call, [("Url", step.url), ("Method", "POST")])
            case Farewell():
                await self._change_call(step.call, [("Url", self._urls.say(step.media)), ("Method", "GET")])
            case Dial() | Screen():
                await to_the_end(self._dial(step, picture))

    async def _change_call(self, call: str, form: Form) -> None:
        await self._client.post(f"{self._client.account}{path('Calls', f'{call}.json')}", form)

    async def _change_participant(self, picture: Picture, call: str, form: Form) -> None:
        if picture.room is None:
            raise StaleError("the conference is not there any more")
        where = path("Conferences", picture.room.sid, "Participants", f"{call}.json")
        await self._client.post(f"{self._client.account}{where}", form)

    async def _end(self, call: str, status: str) -> None:
        try:
            await self._change_call(call, [("Status", status)])
        except RefusedError as error:
            # Over already, or answered in this moment: the next look tells.
            if error.code not in CALL_OVER and error.status != 404:
                raise

    def _music(self, name: str) -> str:
        """Return the URL of music. Twilio's own is had from Twilio: a dead ingress lets nobody wait in silence."""
        return TWILIOS_MUSIC if name == DEFAULT_MUSIC else self._urls.hold(name)

    def _joining(self, leg: str) -> str:
        """Return the TwiML that puts an answered call into the room."""
        conference = {
            "startConferenceOnEnter": "true",
            "endConferenceOnExit": "false",
            "beep": "false",
            "waitUrl": self._music(self._wanted.hold_music),
            "waitMethod": "GET",
            "statusCallback": self._urls.room(self._wanted.owner, self._wanted.room),
            "statusCallbackEvent": " ".join(ROOM_EVENTS),
        }
        if not leg.startswith("CA"):  # a label must not look like the sid of a call, and that one needs none
            conference["participantLabel"] = leg
        attributes = " ".join(f"{name}={quoteattr(value)}" for name, value in conference.items())
        return f"<Response><Dial><Conference {attributes}>{escape(self._wanted.room)}</Conference></Dial></Response>"

    # --- ringing somebody

    async def _dial(self, step: Dial | Screen, picture: Picture) -> None:
        """Note that a leg is rung, and ring it. With the note nobody rings it again, whatever becomes of the answer."""
        document = await self._records.write(step.leg, step.record, None)
        where, form = self._participant(step, picture) if isinstance(step, Dial) else self._screened(step)
        try:
            reply = await self._client.post(f"{self._client.account}{where}", form)
        except RefusedError as error:
            if error.code in DIALLING_REFUSED:
                refused = {"ending": DIALLING_REFUSED[error.code], "ending_text": f"error {error.code}"}
                await self._note(document, step.leg, **refused)
                return
            await self._forget(step.leg)
            raise
        except (ProviderUnavailable, ProtocolError):
            await self._forget(step.leg)
            raise
        self.dialled[step.leg] = datetime.now(UTC)
        try:
            call, queued = _made(step, reply.data)
        except ValueError as error:
            raise OutcomeUnknown("a dialling was not answered by Twilio") from error
        if queued > step.seconds:
            # It would ring some time, up to a day later, and for nobody.
            await self._end(call, "canceled")
            text = f"queued by Twilio for {queued:.0f} s"
            await self._note(document, step.leg, call=call, ending=Cause.UNREACHABLE, ending_text=text)
            return
        await self._note(document, step.leg, call=call)

    def _participant(self, step: Dial, picture: Picture) -> tuple[str, Form]:
        # By its sid: a name would open a new conference where this one has just ended.
        room = picture.room.sid if picture.room is not None else self._wanted.room
        form = [
            ("To", step.to),
            ("From", step.caller),
            ("Label", step.leg),
            ("Timeout", str(step.seconds)),
            ("EarlyMedia", "true"),
            ("Beep", "false"),
            ("EndConferenceOnExit", "false"),
            *self._reports(step.leg),
        ]
        if picture.room is None:
            form.append(("ConferenceStatusCallback", self._urls.room(self._wanted.owner, self._wanted.room)))
            form += [("ConferenceStatusCallbackEvent", event) for event in ROOM_EVENTS]
        return path("Conferences", room, "Participants.json"), form

    def _screened(self, step: Screen) -> tuple[str, Form]:
        if step.prompt:
            asked = self._urls.screen(self._wanted.owner, step.leg, self._wanted.room, step.prompt)
            answer = [("Url", asked), ("Method", "POST")]
        else:
            answer = [("Twiml", f'<Response><Pause length="{step.waits}"/></Response>')]
        form = [
            ("To", step.to),
            ("From", step.caller),
            ("Timeout", str(step.seconds)),
            *answer,
            *self._reports(step.leg),
        ]
        if step.detect_machine:
            form += [
                ("MachineDetection", "Enable"),
                ("AsyncAmd", "true"),
                ("AsyncAmdStatusCallback", self._urls.leg(self._wanted.owner, step.leg)),
                ("AsyncAmdStatusCallbackMethod", "POST"),
            ]
        return path("Calls.json"), form

    def _reports(self, leg: str) -> list[tuple[str, str]]:
        events = [("StatusCallbackEvent", event) for event in LEG_EVENTS]
        return [("StatusCallback", self._urls.leg(self._wanted.owner, leg)), ("StatusCallbackMethod", "POST"), *events]

    async def _note(self, document: Document, leg: str, **changes: object) -> None:
        await self._records.write(leg, document.data.model_copy(update=changes), document.revision)

    async def _forget(self, leg: str) -> None:
        """Take the note back: it was surely not rung. If that fails, it counts as unreachable."""
        try:
            await self._records.delete(leg)
        except TelephonyError as error:
            self.touched = True
            logger.warning("%s was not rung, and its record stays: %s", leg, error)


def _made(step: Dial | Screen, data: object) -> tuple[str, float]:
    """Return the sid of the call that was made, and for how many seconds it is queued."""
    if isinstance(step, Screen):
        call = Call.model_validate(data)
        return call.sid, float(call.queue_time or 0) / 1000
    participant = DialledParticipant.model_validate(data)
    return participant.call_sid, float(participant.queue_time or 0) / 1000
