"""What the TwiML of a call has it do, one verb after another."""

import asyncio

from tests.providers.twilio_emulator.exchange import RECORDING, Exchange
from tests.providers.twilio_emulator.model import EmulatedCall, EmulatedParticipant
from tests.providers.twilio_emulator.twiml import MalformedError, Verb, first_sound, parse

MUSIC = "holdmusic"
"""Part of the URL of Twilio's own music, which is TwiML elsewhere, and has no end."""


class Player:
    """Carries TwiML out."""

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange
        exchange.on_answer = self.begin_first

    def restart(self, call: EmulatedCall, twiml: str, url: str, method: str) -> None:
        """Let an answered call go on with other TwiML: it leaves wherever it is."""
        if call.doing is not None:
            call.doing.cancel()
        room, participant = self._exchange.place(call)
        if room is not None and participant is not None:
            self._exchange.leave(room, participant, "participant_updated_via_api")
        call.doing = self._exchange.begin(self._run(call, twiml, url, method))

    async def begin_first(self, call: EmulatedCall) -> None:
        method, url, twiml = call.first
        await self._run(call, twiml, url, method)

    async def hold_sound(self, url: str, method: str, call: EmulatedCall) -> str:
        """Return what is heard on hold."""
        if MUSIC in url:
            return url
        try:
            return first_sound(await self._exchange.webhooks.fetch(method, url, self._exchange.form(call)))
        except MalformedError:
            return ""

    async def announce(self, participant: EmulatedParticipant, url: str, method: str) -> None:
        """Play something to a participant, once."""
        sound = await self.hold_sound(url, method, participant.call)
        if sound:
            participant.announcing = sound
            await asyncio.sleep(RECORDING)
            participant.announcing = ""

    async def _run(self, call: EmulatedCall, twiml: str, url: str, method: str) -> None:
        try:
            while twiml or url:
                document = twiml or await self._exchange.webhooks.fetch(method, url, self._exchange.form(call))
                twiml = ""
                method, url = "POST", await self._verbs(call, parse(document))
        except MalformedError:
            pass  # an application error: Twilio hangs up
        self._exchange.end(call, "completed", reason="participant_hung_up")

    async def _verbs(self, call: EmulatedCall, verbs: tuple[Verb, ...]) -> str:
        """Do one after another; return the URL of the TwiML that comes next, if any."""
        for verb in verbs:
            match verb.name:
                case "Play":
                    await self._play(call, verb)
                case "Redirect" if MUSIC in verb.text:
                    await self._play(call, Verb("Play", verb.text, {"loop": "0"}))
                case "Redirect":
                    return verb.text
                case "Gather":
                    action = await self._gather(call, verb)
                    if action:
                        return action
                case "Dial":
                    await self._conference(call, verb)
                    if verb.attributes.get("action"):
                        return verb.attributes["action"]
                case "Pause":
                    await asyncio.sleep(float(verb.attributes.get("length", "1")) / self._exchange.pace)
                case "Hangup":
                    return ""
                case _:
                    await asyncio.sleep(0.05)
        return ""

    async def _play(self, call: EmulatedCall, verb: Verb) -> None:
        loops = int(verb.attributes.get("loop", "1"))
        call.playing = verb.text
        try:
            await asyncio.sleep(3600 if loops == 0 else RECORDING * loops)
        finally:
            call.playing = ""

    async def _gather(self, call: EmulatedCall, verb: Verb) -> str:
        """Ask for a key. The URL of what comes next is asked with the key, by ``Digits``."""

        async def said() -> None:
            for nested in verb.nested:
                await self._play(call, nested)
            await asyncio.sleep(float(verb.attributes.get("timeout", "5")))

        saying, pressed = asyncio.create_task(said()), asyncio.create_task(call.keys.get())
        try:
            await asyncio.wait({saying, pressed}, return_when=asyncio.FIRST_COMPLETED)
            digits = pressed.result() if pressed.done() else ""
        finally:
            saying.cancel()
            pressed.cancel()
            call.playing = ""
        if not digits and verb.attributes.get("actionOnEmptyResult") != "true":
            return ""
        form = self._exchange.form(call) | {"Digits": digits, "FinishedOnKey": ""}
        document = await self._exchange.webhooks.fetch("POST", verb.attributes["action"], form)
        return await self._verbs(call, parse(document))

    async def _conference(self, call: EmulatedCall, verb: Verb) -> None:
        (wanted,) = [it for it in verb.nested if it.name == "Conference"]
        room = self._exchange.open_room(wanted.text)
        if not room.callback:  # that of the first participant is everybody's
            room.callback = wanted.attributes.get("statusCallback", "")
            room.callback_events = tuple(wanted.attributes.get("statusCallbackEvent", "start end").split())
        participant = EmulatedParticipant(
            call,
            label=wanted.attributes.get("participantLabel"),
            end_on_exit=wanted.attributes.get("endConferenceOnExit") == "true",
            by_api=False,
        )
        self._exchange.join(room, participant)
        await participant.left.wait()
