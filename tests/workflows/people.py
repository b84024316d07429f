"""Calls with more than three phones, by the names of the people: who rings, who hears whom, who never did."""

from collections.abc import Awaitable, Iterable
from typing import Any

import pytest
from temporalio.client import WorkflowUpdateFailedError
from temporalio.exceptions import ApplicationError

from activities.telephony.simulator.legs import Leg
from hookflash import (
    AcceptGate,
    Deadline,
    Fallback,
    FallbackTried,
    Mode,
    Policy,
    Target,
    TransferResult,
    TransferStatus,
)
from tests.support.polling import eventually
from tests.workflows.engine import Engine, Running


def person(name: str, script: str = "ring", *, together: bool = False, **more: Any) -> Target:  # noqa: ANN401
    """Return a target who is called by name.

    Args:
        name: The name.
        script: What the phone does.
        together: Whether it rings at the same time as the one before.
        more: Further fields of the target.
    """
    return Target(address=f"sim:{name.lower()}?{script}", name=name, with_previous=together, **more)


def asked(name: str, script: str = "ring", *, together: bool = False, **gate: Any) -> Target:  # noqa: ANN401
    """Return a target who has to accept; see ``person`` and ``AcceptGate``."""
    return person(name, script, together=together, accept=AcceptGate(**gate))


async def stranded(engine: Engine, *fallbacks: Fallback, recalled: str = "ring", **more: object) -> Running:
    """Start a transfer whose agent has left at once and whose only target is busy."""
    policy = Policy(fallbacks=fallbacks)
    return await engine.transfer(
        Mode.BLIND, person("Bob", "busy"), policy=policy, recalled=recalled, tenant="bold", **more
    )


def leg_of(transfer: Running, name: str) -> Leg:
    """Return the newest leg of a person in a call."""
    legs = transfer.engine.exchange.legs.values()
    return [leg for leg in legs if leg.name == name and leg.call == transfer.request.customer.leg][-1]


def hears(transfer: Running) -> dict[str, set[str]]:
    """Return what everybody hears who is up: people by name, or a sound."""
    snapshot = transfer.engine.exchange.snapshot(transfer.request.customer.leg)
    return {name: {str(it) for it in heard} for name, heard in snapshot.hears.items()}


async def hear(transfer: Running, **expected: str) -> None:
    """Wait until everybody who is up hears exactly this: people by name, separated by commas, or a sound."""
    wanted = {name: set(what.split(",")) for name, what in expected.items()}
    try:
        await eventually(lambda: _if(hears(transfer) == wanted), "")
    except AssertionError:
        raise AssertionError(f"expected {wanted}, heard {hears(transfer)}") from None


async def ring(transfer: Running, *names: str) -> None:
    """Wait until exactly these phones ring, and have really begun to."""

    def ringing() -> set[str]:
        return {leg.name for leg in transfer.live().values() if leg.ringing}

    def as_wanted() -> bool:
        return ringing() == set(names) and all(leg_of(transfer, name).rang for name in names)

    try:
        await eventually(lambda: _if(as_wanted()), "")
    except AssertionError:
        raise AssertionError(f"expected {names} to ring, {ringing()} do") from None


async def gone(transfer: Running, *names: str) -> None:
    """Wait until these have no leg any more, and do not hear their farewell either."""
    legs = [leg_of(transfer, name) for name in names]
    await eventually(lambda: _if(not any(leg.live or leg.leaving for leg in legs)), f"the end of {names}")


async def has(transfer: Running, placement: str, *names: str) -> TransferStatus:
    """Wait until the status has exactly these people in a place."""

    async def there() -> TransferStatus | None:
        status = await transfer.status()
        return status if {it.name for it in status.legs if it.placement == placement} == set(names) else None

    return await eventually(there, f"{names} {placement}")


async def waits(transfer: Running, *names: str) -> TransferStatus:
    """Wait until the status has exactly these waits."""

    async def there() -> TransferStatus | None:
        status = await transfer.status()
        return status if sorted(it.wait for it in status.deadlines) == sorted(names) else None

    return await eventually(there, f"waits {names}")


def deadline(status: TransferStatus, wait: str) -> Deadline:
    """Return the only wait of a kind."""
    (found,) = [it for it in status.deadlines if it.wait == wait]
    return found


def journal(status: TransferStatus) -> list[str]:
    """Return the lines of the journal."""
    return [entry.text for entry in status.journal]


async def refused(command: Awaitable[object]) -> str:
    """Return why a command was refused; it must be."""
    with pytest.raises(WorkflowUpdateFailedError) as error:
        await command
    cause = error.value.cause
    assert isinstance(cause, ApplicationError)
    assert cause.type == "CommandRejected"
    return cause.message


def met(transfer: Running, name: str) -> set[str]:
    """Return everybody whom a person has heard at any time, or who has heard that person."""
    people: set[str] = set()
    for snapshot in transfer.engine.exchange.timeline:
        if snapshot.call == transfer.request.customer.leg:
            people |= {other for other, heard in snapshot.hears.items() if name in heard}
            people |= set(snapshot.hears.get(name, ()))
    return people & {leg.name for leg in transfer.engine.exchange.legs.values()}


def at(transfer: Running, because: str) -> float:
    """Return when something happened to a call, in seconds from its begin: the last time it did."""
    customer = transfer.request.customer.leg
    return [it.at for it in transfer.engine.exchange.timeline if it.call == customer and because in it.because][-1]


def causes(result: TransferResult) -> list[str]:
    """Return each attempt with its cause: ``Bob busy``, or ``Bob`` who took the call."""
    return [f"{it.target} {it.cause.value}" if it.cause else it.target for it in result.attempts]


def tried(fallbacks: Iterable[FallbackTried]) -> list[str]:
    """Return the fallbacks that were tried; the one that took the customer in capital letters."""
    return [it.kind.upper() if it.took_customer else it.kind for it in fallbacks]


async def _if(fact: bool) -> bool | None:
    return fact or None
