"""Something happens to a transfer at one of its moments: before or after a request, an event, a question."""

from collections import Counter
from collections.abc import Awaitable, Callable

from temporalio import activity

from activities.admission import ADMIT, Admission, AdmissionInput, Verdict
from activities.telephony.model import Arrangement, Observation
from activities.telephony.simulator import SimulatedExchange
from hookflash import ProviderEvent
from hookflash.names import owning_run
from tests.workflows.engine import TENANTS, Engine


class Moments:
    """Counts the moments of each transfer, and lets something happen at a chosen one.

    A moment is whatever can come between two steps of a workflow: its question to the policy is there or answered, a
    request has reached the exchange or was carried out, an event is about to be told.
    """

    def __init__(self) -> None:
        self.count: Counter[str] = Counter()
        """Moments so far, by workflow id."""
        self._planned: dict[str, dict[int, Callable[[], Awaitable[None]]]] = {}

    def plan(self, workflow_id: str, moment: int, action: Callable[[], Awaitable[None]]) -> None:
        """Let something happen at a moment of a workflow, counted from 0. It is over before the workflow goes on."""
        self._planned.setdefault(workflow_id, {})[moment] = action

    async def pass_by(self, owner: str) -> None:
        """It is a moment."""
        workflow_id, _ = owning_run(owner)
        number = self.count[workflow_id]
        self.count[workflow_id] += 1
        action = self._planned.get(workflow_id, {}).pop(number, None)
        if action is not None:
            await action()

    def happened(self, workflow_id: str) -> bool:
        """Whether all that was planned for a workflow has happened, or has begun to."""
        return not self._planned.get(workflow_id)

    def post(self, engine: Engine) -> Callable[[str, ProviderEvent], Awaitable[None]]:
        """Return what a listener does with an event."""

        async def post(workflow_id: str, event: ProviderEvent) -> None:
            await self.pass_by(workflow_id)
            await engine.signal(workflow_id, event)

        return post

    def admit(self) -> Callable[[AdmissionInput], Awaitable[Verdict]]:
        """Return the activity that asks the policy."""
        admission = Admission(TENANTS, ["simulator"])

        @activity.defn(name=ADMIT)
        async def admit(asked: AdmissionInput) -> Verdict:
            workflow_id = activity.info().workflow_id or ""
            await self.pass_by(workflow_id)
            verdict = await admission.admit(asked)
            await self.pass_by(workflow_id)
            return verdict

        return admit


class InterruptedExchange(SimulatedExchange):
    """An exchange whose requests are moments. It also finds requests for one call that run side by side."""

    def __init__(self, moments: Moments) -> None:
        super().__init__(grace=5)  # many transfers at once take longer than one on its own
        self.overlaps: list[str] = []
        self._moments = moments
        self._busy: set[str] = set()

    async def arrange(self, wanted: Arrangement) -> Observation:
        """See base class."""
        if wanted.owner in self._busy:
            self.overlaps.append(wanted.owner)
        self._busy.add(wanted.owner)
        try:
            await self._moments.pass_by(wanted.owner)
            observation = await super().arrange(wanted)
            await self._moments.pass_by(wanted.owner)
            return observation
        finally:
            self._busy.discard(wanted.owner)
