"""How much a worker takes on at once. What it does not take waits at the server."""

from temporalio.worker import (
    FixedSizeSlotSupplier,
    ResourceBasedSlotConfig,
    ResourceBasedSlotSupplier,
    ResourceBasedTunerConfig,
    WorkerTuner,
)

WORKFLOW_STEPS = 8
"""Steps of workflows that a worker does at the same time. Python does one at a time, whatever it has taken on, and a
step that is not done two seconds after it was taken is given to somebody else: with the SDK's 100, a hundred transfers
that began at once on a busy machine were all begun again and again."""

ACTIVITIES_WHEN_BUSY = 24
"""Activities that it does at the same time on a busy machine. An arrangement that is taken has to give signs of life,
and is given to somebody else if it cannot: with 200, four hundred people who hung up at once had two thousand
arrangements made again (docs/decisions/0028-slots-by-the-machine.md)."""

BUSY = 0.9
"""Part of the machine's CPU, or of its memory, from which on it is busy. In a container it is the container's."""


def slots(most_activities: int) -> WorkerTuner:
    """Return what gives a worker its slots.

    Args:
        most_activities: Activities at once, however idle the machine is: those that wait for a provider cost nothing.
    """
    activities = ResourceBasedSlotConfig(
        minimum_slots=min(ACTIVITIES_WHEN_BUSY, most_activities), maximum_slots=most_activities
    )
    none = FixedSizeSlotSupplier(1)
    return WorkerTuner.create_composite(
        workflow_supplier=FixedSizeSlotSupplier(WORKFLOW_STEPS),
        activity_supplier=ResourceBasedSlotSupplier(activities, ResourceBasedTunerConfig(BUSY, BUSY)),
        local_activity_supplier=none,
        nexus_supplier=none,
    )
