"""What can be wrong with a provider for a few requests in a row."""

from activities.telephony.simulator import Faults


def refused(faults: Faults) -> None:
    """Let it do nothing at all."""
    faults.unavailable(3)


def lost(faults: Faults) -> None:
    """Let it do what it is asked, and its answers get lost."""
    faults.answer_lost(2)


def half(faults: Faults) -> None:
    """Let it stop half-way, each time a step later."""
    for steps in (1, 2, 3):
        faults.half(steps)
