"""The calls and conferences of an emulated account, and what happens to them."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

from tests.providers.twilio_emulator.faults import Faults
from tests.providers.twilio_emulator.model import (
    EmulatedCall,
    EmulatedConference,
    EmulatedParticipant,
    Manner,
    Phone,
    new_sid,
    now,
)
from tests.providers.twilio_emulator.webhooks import Form, Webhooks

SLACK = 5.0
"""Seconds that Twilio lets a phone ring beyond its ``Timeout``."""
LISTENING = 1.0
"""Seconds until it is known whether a machine has answered."""
RECORDING = 1.0
"""Seconds that a recording takes. It is heard by people, so the pace has no part in it."""


class Exchange:
    """Carries calls. Seconds of ringing are divided by the pace, so that tests need not wait for all of them."""

    def __init__(self, account: str, webhooks: Webhooks, faults: Faults, pace: float) -> None:
        self.account = account
        self.webhooks = webhooks
        self.faults = faults
        self.pace = pace
        self.phones: dict[str, Phone] = {}
        self.calls: dict[str, EmulatedCall] = {}
        self.conferences: dict[str, EmulatedConference] = {}
        self.dial_interval = 0.0
        """Seconds between two diallings; what comes faster is queued."""
        self.on_answer: Callable[[EmulatedCall], Coroutine[Any, Any, None]] | None = None
        """What a call does that is answered and belongs into no conference."""
        self._free_at = 0.0
        self._tasks: set[asyncio.Task[None]] = set()

    def begin(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Do something in the background."""
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def close(self) -> None:
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    # --- ringing

    def dial(self, call: EmulatedCall, seconds: float) -> None:
        """Ring a phone, after whoever is to be rung before."""
        time = asyncio.get_running_loop().time()
        starts = max(time, self._free_at)
        self._free_at = starts + self.dial_interval
        call.queue_time = round((starts - time) * 1000)
        self.calls[call.sid] = call
        self.begin(self._ring(call, starts - time, seconds))

    async def _ring(self, call: EmulatedCall, queued: float, seconds: float) -> None:
        await asyncio.sleep(queued)
        if not call.live:
            return
        self.report(call, "initiated")
        phone = self.phones.get(call.to, Phone(Manner.FAILS))
        if phone.manner is Manner.BUSY:
            self.end(call, "busy", sip_status=486)
        elif phone.manner is Manner.FAILS:
            self.end(call, "failed", sip_status=404)
        else:
            call.limit = self.begin(self._give_up(call, seconds))
            if phone.manner is not Manner.SILENT:
                phone.rung += 1
                call.status = "ringing"
                self.report(call, "ringing")
            if phone.manner is Manner.MACHINE:
                self.answer(call)

    async def _give_up(self, call: EmulatedCall, seconds: float) -> None:
        await asyncio.sleep((seconds + SLACK) / self.pace)
        if call.live and not call.up:
            self.end(call, "no-answer")

    def answer(self, call: EmulatedCall) -> None:
        """Pick up a phone."""
        if call.limit is not None:
            call.limit.cancel()
        call.status, call.started = "in-progress", now()
        self.report(call, "answered")
        if call.machine:
            call.answered_by = "machine_start" if self.phones[call.to].manner is Manner.MACHINE else "human"
            self.begin(self._listen_for_a_machine(call))
        room, participant = self.place(call)
        if room is not None and participant is not None:
            self.join(room, participant)
        elif self.on_answer is not None:
            call.doing = self.begin(self.on_answer(call))

    async def _listen_for_a_machine(self, call: EmulatedCall) -> None:
        await asyncio.sleep(LISTENING)
        form = {"AccountSid": self.account, "CallSid": call.sid, "AnsweredBy": call.answered_by or "unknown"}
        form["MachineDetectionDuration"] = str(round(LISTENING * 1000))
        self.webhooks.tell(call.sid, call.machine.get("AsyncAmdStatusCallback", ""), form)

    def end(self, call: EmulatedCall, status: str, sip_status: int | None = None, *, reason: str = "") -> None:
        """End a call, whatever it does."""
        if not call.live:
            return
        call.status, call.ended, call.sip_status = status, now(), sip_status
        call.playing = ""
        if call.limit is not None and call.limit is not asyncio.current_task():
            call.limit.cancel()
        room, participant = self.place(call)
        if room is not None and participant is not None:
            self.leave(room, participant, reason or "participant_hung_up")
        if call.doing is not None and call.doing is not asyncio.current_task():
            call.doing.cancel()
        self.report(call, "completed")

    # --- conferences

    def room_of(self, key: str) -> EmulatedConference | None:
        """Return a conference that has not ended, by its sid or its name."""
        alive = [it for it in self.conferences.values() if it.status != "completed"]
        return next((it for it in alive if key in (it.sid, it.name)), None)

    def open_room(self, name: str) -> EmulatedConference:
        """Return the conference of a name; a new one if there is none."""
        room = self.room_of(name)
        if room is None:
            room = EmulatedConference(name)
            self.conferences[room.sid] = room
        return room

    def place(self, call: EmulatedCall) -> tuple[EmulatedConference | None, EmulatedParticipant | None]:
        """Return where a call is."""
        for room in self.conferences.values():
            if call.sid in room.participants:
                return room, room.participants[call.sid]
        return None, None

    def join(self, room: EmulatedConference, participant: EmulatedParticipant) -> None:
        """Come into a conference."""
        room.participants[participant.call.sid] = participant
        participant.joined = True
        room.status = "in-progress"
        self.report_room(room, "participant-join", participant)

    def leave(self, room: EmulatedConference, participant: EmulatedParticipant, reason: str) -> None:
        """Leave a conference. An empty one ends; so does one whose member was to end it."""
        room.participants.pop(participant.call.sid, None)
        participant.left.set()
        if participant.joined:
            told = {"ReasonParticipantLeft": reason, "ParticipantCallStatus": participant.call.status}
            self.report_room(room, "participant-leave", participant, told)
        if participant.joined and participant.end_on_exit:
            self.close_room(room, "participant-with-end-conference-on-exit-left")
        elif not room.participants:
            self.close_room(room, "last-participant-left")

    def close_room(self, room: EmulatedConference, reason: str) -> None:
        """End a conference. Who was there goes on in its TwiML, if it has any."""
        if room.status == "completed":
            return
        room.status, room.reason = "completed", reason
        for participant in list(room.participants.values()):
            self.kick(room, participant, "conference_ended_via_api")
        self.report_room(room, "conference-end")

    def kick(self, room: EmulatedConference, participant: EmulatedParticipant, reason: str) -> None:
        """Take somebody out of a conference: who has no TwiML to go on with is ended."""
        if participant.by_api:
            self.end(participant.call, "completed", reason=reason)
        else:
            self.leave(room, participant, reason)

    # --- reports

    def form(self, call: EmulatedCall) -> Form:
        """Return what every webhook of a call says."""
        return {
            "AccountSid": self.account,
            "CallSid": call.sid,
            "CallStatus": call.status,
            "From": call.caller,
            "To": call.to,
            "Direction": call.direction,
            "ApiVersion": "2010-04-01",
        }

    def report(self, call: EmulatedCall, event: str) -> None:
        """Send a status callback of a call, if it was asked for."""
        if event not in call.callback_events:
            return
        form = self.form(call) | {"SequenceNumber": str(call.sequence), "CallbackSource": "call-progress-events"}
        if event == "initiated":
            form["CallStatus"] = "initiated"
        if call.sip_status is not None:
            form["SipResponseCode"] = str(call.sip_status)
        call.sequence += 1
        self.webhooks.tell(call.sid, call.callback, form)

    def report_room(
        self,
        room: EmulatedConference,
        event: str,
        participant: EmulatedParticipant | None = None,
        more: Form | None = None,
    ) -> None:
        """Send a status callback of a conference, if it was asked for."""
        if event.removeprefix("participant-").removeprefix("conference-") not in room.callback_events:
            return
        form = {
            "AccountSid": self.account,
            "ConferenceSid": room.sid,
            "FriendlyName": room.name,
            "StatusCallbackEvent": event,
            "SequenceNumber": str(room.sequence),
        }
        if participant is not None:
            form |= {"CallSid": participant.call.sid, "Hold": str(participant.hold).lower(), "Muted": "false"}
            form |= {"ParticipantLabel": participant.label} if participant.label else {}
        room.sequence += 1
        self.webhooks.tell(room.sid, room.callback, form | (more or {}))

    def call_in(self, caller: str, *, direction: str = "inbound") -> EmulatedCall:
        """Let somebody be up who was not rung by us."""
        call = EmulatedCall(new_sid("CA"), "+14155550199", caller, direction, status="in-progress", started=now())
        self.calls[call.sid] = call
        return call
