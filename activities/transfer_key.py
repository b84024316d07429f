"""What becomes of a phone's own transfer key: a transfer like any other, with the policy of the phone's tenant."""

import asyncio
import logging
from datetime import timedelta
from typing import NamedTuple

from pydantic import ValidationError
from temporalio.client import Client

from activities.admission import Tenant, Tenants
from activities.telephony.errors import TelephonyError
from activities.telephony.interface import Telephony
from activities.telephony.model import TransferAsked
from hookflash import Agent, Customer, HookflashError, Mode, Target, TransferClient, TransferInProgress, TransferRequest
from hookflash._about import about
from hookflash.errors import EngineUnreachable
from hookflash.names import customer_leg, owner_token, owning_run

PATIENCE = timedelta(seconds=1)
"""Before Temporal is asked again for a transfer; a person is looking at the phone."""

TRIES = 3

logger = logging.getLogger(__name__)


class RefusedError(Exception):
    """The key is not followed. The message names no number, and nobody."""


class Wish(NamedTuple):
    """What a phone has asked for, in the words of the contract."""

    request: TransferRequest
    retarget: bool
    """Whether it is about a transfer that runs already, and only the target is another one."""


def understand(asked: TransferAsked, provider: str, tenants: Tenants) -> Wish:
    """Return the transfer that a phone asks for. Whether it may ring that target is for ``admit`` to say.

    The mode is always cold. A phone that stays is told what comes of it, and is there for the customer until somebody
    has answered; one that hangs up at once has made of it what others call a blind transfer, by itself.

    Args:
        asked: What the provider reports.
        provider: Name of the node.
        tenants: Every tenant; whose transfer key this is says what it does.

    Raises:
        RefusedError: There is no such transfer.
    """
    name = asked.tenant or "default"
    tenant = tenants.get(name)
    if not tenant.transfer_key.allowed:
        raise RefusedError(f"tenant {name} does not allow it")
    watched = customer_leg(asked.owner, provider)
    if asked.leg == watched:
        raise RefusedError("it is the customer's own phone")
    customer = watched if asked.again else asked.customer
    if not customer:
        raise RefusedError("there is no one other party in its conversation")
    target = _target(asked, tenant)
    try:
        request = TransferRequest(
            mode=Mode.COLD,
            provider=provider,
            tenant=name,
            customer=Customer(leg=customer),
            agent=Agent(
                leg=asked.leg,
                address=asked.callable_at or None,
                consulting_leg=asked.consulting or None,
                asked_by_phone=True,
            ),
            targets=(target,),
            policy=tenant.transfer_key.policy,
        )
    except ValidationError as error:
        fields = ", ".join(sorted({".".join(map(str, it["loc"])) or "policy" for it in error.errors()}))
        raise RefusedError(f"no transfer can be made of it: {fields}") from error
    return Wish(request, asked.again)


def _target(asked: TransferAsked, tenant: Tenant) -> Target:
    ring_timeout = tenant.transfer_key.ring_timeout
    if asked.consults:
        if not asked.consulted:
            raise RefusedError("there is no one other party in the call that it consults in")
        return Target(leg=asked.consulted)
    if asked.destination in tenant.directory:
        return Target(directory=asked.destination, ring_timeout=ring_timeout)
    if not asked.address:
        raise RefusedError("its destination is nothing that could be rung")
    return Target(address=asked.address, ring_timeout=ring_timeout)


class TransferKeys:
    """Follows the transfer keys of a node.

    Args:
        client: A client with the data converter of the contract.
        provider: Name of the node.
        telephony: The node.
        tenants: Permissions and directories.
    """

    def __init__(self, client: Client, provider: str, telephony: Telephony, tenants: Tenants) -> None:
        self._transfers = TransferClient(client)
        self._provider = provider
        self._telephony = telephony
        self._tenants = tenants

    async def follow(self, asked: TransferAsked) -> None:
        """Start the transfer that a phone asks for, or tell the phone that nothing comes of it.

        Everything that can go wrong is told to the phone: an error would end the listener, which others need.
        """
        with about(owner=asked.owner, leg=asked.leg):
            try:
                wish = understand(asked, self._provider, self._tenants)
                await self._fulfil(asked, wish)
            except (RefusedError, HookflashError) as error:
                logger.warning("the transfer key of leg %s is not followed: %s", asked.leg, error)
                try:
                    await self._telephony.decline(asked.leg)
                except TelephonyError as failed:
                    logger.warning("the phone of leg %s was not told: %s", asked.leg, failed)

    async def _fulfil(self, asked: TransferAsked, wish: Wish) -> None:
        for again in reversed(range(TRIES)):
            try:
                # Repeatable: the same request finds the transfer that it has started before.
                transfer = await self._transfers.start(wish.request)
            except TransferInProgress:
                if not wish.retarget:
                    raise
                return await self._retarget(asked, wish.request.targets[0])
            except EngineUnreachable:
                if not again:
                    raise
                await asyncio.sleep(PATIENCE.total_seconds())
            else:
                with about(owner=owner_token(transfer.id, transfer.run_id or "")):
                    return logger.info("the transfer key of leg %s has started %s", asked.leg, transfer.id)
        return None

    async def _retarget(self, asked: TransferAsked, target: Target) -> None:
        """Ring somebody else instead.

        A provider may be able to tell a phone of all its requests only at once. So nothing is said of one that is
        refused here: the transfer goes on as it was, and the phone is told what comes of that.
        """
        workflow, run_id = owning_run(asked.owner)
        try:
            await self._transfers.transfer(workflow, run_id).retarget(target)
        except HookflashError as error:
            logger.warning("the transfer key of leg %s changes nothing: %s", asked.leg, error)
