"""A workflow that stands for a transfer: it keeps the events it is sent."""

from temporalio import workflow

from hookflash import ProviderEvent, names


@workflow.defn
class Recorder:
    def __init__(self) -> None:
        self._heard: list[ProviderEvent] = []
        self._over = False

    @workflow.run
    async def run(self) -> None:
        await workflow.wait_condition(lambda: self._over)

    @workflow.signal(name=names.PROVIDER_EVENT_SIGNAL)
    def provider_event(self, event: ProviderEvent) -> None:
        self._heard.append(event)

    @workflow.signal
    def over(self) -> None:
        self._over = True

    @workflow.query
    def heard(self) -> list[ProviderEvent]:
        return self._heard
