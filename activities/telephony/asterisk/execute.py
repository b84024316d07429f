"""Carries out steps on a node and says what became of them."""

import asyncio
import logging
from collections.abc import Sequence
from datetime import UTC, datetime

from activities.telephony.asterisk.causes import NO_ANSWER, NORMAL_CLEARING, Ending
from activities.telephony.asterisk.client import AriClient, InternalError, Reply, path
from activities.telephony.asterisk.state import Channel, Endpoint, Variable
from activities.telephony.asterisk.steps import (
    Create,
    Dial,
    Farewell,
    GiveUp,
    HandOff,
    HangUp,
    Move,
    Note,
    PauseRecording,
    Request,
    ResumeRecording,
    Step,
)
from activities.telephony.asterisk.verdicts import release_ending, unanswered_ending
from activities.telephony.errors import OutcomeUnknown, ProtocolError, ProviderUnavailable, Unsupported
from activities.telephony.to_the_end import to_the_end
from hookflash import Cause
from hookflash._about import about
from hookflash.events import Evidence

PAUSE = 0.005
"""Between two looks at something that takes Asterisk milliseconds."""
PATIENCE = 0.5
"""Until what takes milliseconds is taken for a fault."""
NOTED = 0.2
"""Until an answer that Asterisk has read is noted. Not a millisecond, but on a starved machine more than a tenth."""
GLANCE = 0.02
"""Between two looks meanwhile: one packet of sound."""

FRESH = 0.05
"""What a look may take at most to be the last one. On a starved machine its answer says what was, not what is."""

NOTE_PATIENCE = 0.1
"""What a note may take without which a leg can be ended too. A leg that somebody plays something to takes none."""

logger = logging.getLogger(__name__)


class StaleError(Exception):
    """Asterisk refused a step: the picture it was planned from is out of date."""


class LegFailedError(Exception):
    """Asterisk could not make a leg at all, or it was not answered in time and is ended."""

    def __init__(self, leg: str, ending: Ending) -> None:
        super().__init__(leg)
        self.leg = leg
        self.ending = ending


def dropped(leg: str) -> ProviderUnavailable:
    """Return the error for a leg that Asterisk made and dropped before it was dialled."""
    return ProviderUnavailable(f"{leg} was dropped before it was dialled: nobody listens to its events")


class Executor:
    """Carries out steps in their order."""

    def __init__(self, client: AriClient) -> None:
        self._client = client
        self.touched = False
        """Whether anything may have been changed."""
        self.tried_recordings: set[str] = set()
        """Recordings that were to be paused or resumed, whether that worked or not."""
        self.dialled: dict[str, datetime] = {}
        """When legs were dialled."""
        self.released: dict[str, Ending] = {}
        """How legs ended that were there, and that we have ended."""
        self._created: set[str] = set()

    async def run(self, steps: Sequence[Step]) -> None:
        """Carry out steps.

        Raises:
            StaleError: Look again.
            LegFailedError: A leg is not to be had; look again with that in mind.
            TelephonyError: As ``Telephony.arrange``.
        """
        for step in steps:
            with about(leg=getattr(step, "leg", "")):  # some are about a room
                logger.debug("%s", type(step).__name__)
                await self._carry_out(step)

    async def _carry_out(self, step: Step) -> None:
        match step:
            case Create():
                await self._create(step)
            case Move() | Note() if step.leg in self._created:
                await self._prepare(step)
            case HandOff():
                await self._check_place(step)
                await self._send_all(step)
            case Farewell():
                await self._say_farewell(step)
            case GiveUp():
                await self._give_up(step)
            case HangUp():
                await self._hang_up(step)
            case Dial():
                await self._dial(step)
            case PauseRecording() | ResumeRecording():
                await self._try_recording(step)
            case _:
                await self._send_all(step)

    async def _send_all(self, step: Step) -> None:
        for request in step.requests():
            await self.send(request)

    async def _dial(self, step: Dial) -> None:
        await to_the_end(self._send_all(step))
        self.dialled[step.leg] = datetime.now(UTC)  # after it: nobody rings for less than was asked

    async def _hang_up(self, step: HangUp) -> None:
        """End a leg. Nobody waits for the note before it: without that, the end is told by an event too."""
        *before, end = step.requests()
        try:
            async with asyncio.timeout(NOTE_PATIENCE):
                for request in before:
                    await self.send(request)
        except (TimeoutError, StaleError, OutcomeUnknown, ProviderUnavailable) as error:
            logger.debug("that %s is released was not noted: %s", step.leg, error)
        if (await self.send(end)).done:
            self.released[step.leg] = release_ending(step.cause)

    async def _try_recording(self, step: PauseRecording | ResumeRecording) -> None:
        """Pause or resume a recording. Nobody waits for one with which that cannot be done; the next look shows it."""
        self.tried_recordings.add(step.name)
        for again in (True, True, False):
            try:
                return await self._send_all(step)
            except (StaleError, OutcomeUnknown) as error:
                # Without an answer, what became of it is only to be seen; asking again would take as long.
                refused = isinstance(error, StaleError) or isinstance(error.__cause__, InternalError)
                if not again or not refused:
                    return logger.warning("recording %s: %s", step.name, error)
            await asyncio.sleep(GLANCE)

    async def _prepare(self, step: Move | Note) -> None:
        """Do something to a leg that was just made, and that may have been dropped in the meantime."""
        try:
            await self._send_all(step)
        except StaleError as error:
            if await self._client.get(path("channels", step.leg), Channel.model_validate) is None:
                raise dropped(step.leg) from error
            raise

    async def send(self, request: Request) -> Reply:
        """Make a request, again for as long as its refusals go away by themselves, and return the answer.

        Raises:
            StaleError: It was refused.
            TelephonyError: As ``Telephony.arrange``.
        """
        deadline = asyncio.get_running_loop().time() + PATIENCE
        while True:
            reply = await self._attempt(request)
            if reply.done or reply.status in request.fine:
                return reply
            if reply.status not in request.not_yet or asyncio.get_running_loop().time() > deadline:
                break
            await asyncio.sleep(PAUSE)
        said = f"{request.method} {request.where} was answered {reply.status} {reply.message}"
        if reply.status in request.no_listener:
            raise ProviderUnavailable(f"{said}: nobody listens to the events of this application")
        raise StaleError(said)

    async def _attempt(self, request: Request) -> Reply:
        try:
            reply = await self._client.send(request.method, request.where, request.query, request.body)
        except InternalError as error:
            self.touched = True
            raise OutcomeUnknown(str(error)) from error
        except OutcomeUnknown:
            self.touched = True
            raise
        self.touched = self.touched or reply.done
        return reply

    async def _create(self, step: Create) -> None:
        """Make a leg and wait until it is in our application.

        Without a listener Asterisk answers 200 and drops the leg at once. It must not be dialled then.
        """
        (request,) = step.requests()
        try:
            reply = await self._client.send(request.method, request.where, request.query, request.body)
        except InternalError as error:
            raise LegFailedError(step.leg, await self._why_impossible(step)) from error
        except OutcomeUnknown:
            self.touched = True
            raise
        if reply.status == 400:
            raise LegFailedError(step.leg, Ending(Cause.INVALID_DESTINATION, Evidence(text=reply.message)))
        if not reply.done and reply.status != 409:
            raise StaleError(f"a leg was refused with {reply.status} {reply.message}")
        where = path("channels", step.leg)
        deadline = asyncio.get_running_loop().time() + PATIENCE
        while (channel := await self._client.get(where, Channel.model_validate)) is not None:
            if channel.dialplan.app_name:
                self._created.add(step.leg)
                return
            if asyncio.get_running_loop().time() > deadline:
                raise OutcomeUnknown(f"{step.leg} was made, but does not enter the application")
            await asyncio.sleep(PAUSE)
        if reply.status == 409:
            # Ids of channels are compared by prefix when one is made, and exactly when one is asked for.
            raise ProtocolError(f"the id {step.leg} is the beginning of another channel's id")
        raise dropped(step.leg)

    async def _why_impossible(self, step: Create) -> Ending:
        """Say why Asterisk could not allocate a leg, which it does not say itself."""
        technology, _, _ = step.dial_string.partition("/")
        endpoint = await self._client.get(path("endpoints", technology, step.endpoint), Endpoint.model_validate)
        if endpoint is None:
            return Ending(Cause.INVALID_DESTINATION, Evidence(text="no such endpoint"))
        text = f"the endpoint is {endpoint.state}, no call could be allocated"
        return Ending(Cause.UNREACHABLE, Evidence(text=text))

    async def _say_farewell(self, step: Farewell) -> None:
        """Let a leg go on to its farewell, or end it where there is none."""
        if not await self._exists(step):
            logger.warning(
                "the dialplan has no %s in %s: a leg is ended without a farewell", step.extension, step.context
            )
            await self._send_all(HangUp(step.leg, NORMAL_CLEARING))
            return
        await self._send_all(step)
        # It counts as ended when it has gone on, and whoever looked before that would send it on again.
        where = path("channels", step.leg)
        deadline = asyncio.get_running_loop().time() + PATIENCE
        while (channel := await self._client.get(where, Channel.model_validate)) is not None and channel.controlled:
            if asyncio.get_running_loop().time() > deadline:
                raise StaleError(f"{step.leg} did not go on to its farewell")
            await asyncio.sleep(PAUSE)

    async def _give_up(self, step: GiveUp) -> None:
        """Take a leg out of its room, and end it unless it turns out to be answered.

        The last look and the end follow each other at once: an answer that comes between the two is cut off.
        """
        await self._send_all(step)
        loop, where = asyncio.get_running_loop(), path("channels", step.leg)
        deadline = loop.time() + (NOTED if step.room else 0.0)
        asked_at = loop.time()
        while (channel := await self._client.get(where, Channel.model_validate)) is not None and not channel.up:
            is_fresh = loop.time() - asked_at < FRESH or loop.time() > deadline + PATIENCE
            if loop.time() >= deadline and is_fresh:
                await self._send_all(HangUp(step.leg, NO_ANSWER))
                await self._until_gone(step.leg)
                raise LegFailedError(step.leg, unanswered_ending(channel.phase))
            await asyncio.sleep(GLANCE)
            asked_at = loop.time()

    async def _until_gone(self, leg: str) -> None:
        deadline = asyncio.get_running_loop().time() + PATIENCE
        while await self._client.get(path("channels", leg), Channel.model_validate) is not None:
            if asyncio.get_running_loop().time() > deadline:
                raise StaleError(f"{leg} was ended and is still there")
            await asyncio.sleep(PAUSE)

    async def _check_place(self, step: HandOff) -> None:
        """See that the place exists: a leg that goes on where there is nothing is hung up.

        Raises:
            Unsupported: It does not exist.
            ProtocolError: Asterisk cannot say.
        """
        try:
            exists = await self._ask_for_place(step)
        except InternalError as error:
            raise ProtocolError("DIALPLAN_EXISTS is missing: load func_dialplan.so") from error
        if not exists:
            place = f"{step.context},{step.extension},{step.priority}"
            raise Unsupported(f"the dialplan has no {place}; the leg stays where it is")

    async def _exists(self, step: Farewell) -> bool:
        try:
            return await self._ask_for_place(step)
        except InternalError:
            return False

    async def _ask_for_place(self, step: HandOff | Farewell) -> bool:
        function = f"DIALPLAN_EXISTS({step.context},{step.extension},{step.priority})"
        try:
            reply = await self._client.send("GET", path("channels", step.leg, "variable"), {"variable": function})
        except OutcomeUnknown as error:
            raise ProviderUnavailable(str(error)) from error
        if not reply.done:
            raise StaleError(f"{step.leg} was refused with {reply.status} {reply.message}")
        return Variable.model_validate(reply.data).value == "1"
