"""How a backend transfers a live call: start it, steer it, read how it ended."""

import asyncio

from hookflash import Agent, Context, Customer, Mode, Stage, Target, TransferClient, TransferRequest


async def main() -> None:
    """Transfer a customer to the claims desk and introduce them."""
    client = await TransferClient.connect()  # TEMPORAL_ADDRESS, TEMPORAL_NAMESPACE, TEMPORAL_API_KEY, ...
    transfer = await client.start(
        TransferRequest(
            mode=Mode.WARM,
            provider="simulator",  # or "asterisk": the name of the node that carries the call
            customer=Customer(leg="sim:customer-1"),  # the provider's id of the leg: an Asterisk channel id
            agent=Agent(leg="sim:agent-1", id="a-17", address="sim:agent-1"),
            targets=(Target(address="sim:claims?answer=2s", name="Claims desk"),),
            context=Context(reason="Water damage", issue="CASE-4711"),
        )
    )
    # The customer hears music, the agent hears the ringing.
    while (await transfer.status()).stage in (Stage.STARTING, Stage.RINGING):
        await asyncio.sleep(0.2)
    await transfer.conference()  # all three talk
    await transfer.complete()  # the agent leaves
    result = await transfer.wait()
    print(result.outcome, "after", result.held.total_seconds(), "s on hold")


asyncio.run(main())
