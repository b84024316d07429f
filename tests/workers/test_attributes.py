"""Search attributes, in a namespace that has none yet."""

import asyncio
from uuid import uuid4

import pytest
from temporalio.client import Client
from temporalio.common import SearchAttributeKey, SearchAttributePair, TypedSearchAttributes
from temporalio.service import RPCError

from hookflash import names
from tests.support.namespaces import register
from workers.attributes import AttributesError, ensure_search_attributes
from workers.settings import AttributeMode

pytestmark = pytest.mark.timeout(30)


async def test_registered_attributes_can_be_written_and_searched_at_once(own_namespace: Client) -> None:
    await ensure_search_attributes(own_namespace)
    written = TypedSearchAttributes(
        [
            SearchAttributePair(names.TRANSFER_MODE, "warm"),
            SearchAttributePair(names.TRANSFER_HELD, True),
            SearchAttributePair(names.TRANSFER_LEGS, ["leg-1", "leg-2"]),
        ]
    )
    await own_namespace.start_workflow("Any", id=f"{uuid4()}", task_queue="nobody's", search_attributes=written)
    await own_namespace.count_workflows("TransferOutcome = 'connected'")


async def test_a_second_worker_finds_them_registered(own_namespace: Client) -> None:
    await ensure_search_attributes(own_namespace)
    await ensure_search_attributes(own_namespace)
    await ensure_search_attributes(own_namespace, AttributeMode.VERIFY)


async def test_workers_that_start_together_do_not_mind_each_other(own_namespace: Client) -> None:
    await asyncio.gather(*(ensure_search_attributes(own_namespace) for _ in range(5)))
    await ensure_search_attributes(own_namespace, AttributeMode.VERIFY)


async def test_verifying_says_what_is_missing_and_how_to_get_it(own_namespace: Client) -> None:
    with pytest.raises(AttributesError) as error:
        await ensure_search_attributes(own_namespace, AttributeMode.VERIFY)
    told = str(error.value)
    assert told.startswith(f"namespace {own_namespace.namespace} lacks TransferMode (Keyword), ")
    command = f"temporal operator search-attribute create --namespace {own_namespace.namespace} --name TransferMode"
    assert command in told
    assert "--name TransferHeld --type Bool" in told
    assert "--name TransferLegs --type KeywordList" in told


@pytest.mark.parametrize("mode", AttributeMode)
async def test_an_attribute_of_another_type_is_an_error(own_namespace: Client, mode: AttributeMode) -> None:
    await ensure_search_attributes(own_namespace, keys=[SearchAttributeKey.for_text(names.TRANSFER_STAGE.name)])
    with pytest.raises(AttributesError, match=r"of another type: TransferStage is Text, must be Keyword$"):
        await ensure_search_attributes(own_namespace, mode)


async def test_a_namespace_that_has_no_room_left_is_an_error(own_namespace: Client) -> None:
    # The server has ten attributes of this type per namespace.
    keys = [SearchAttributeKey.for_keyword(f"Custom{number}") for number in range(11)]
    with pytest.raises(AttributesError, match=r"Custom10 .* cannot be registered: .*more than 10"):
        await ensure_search_attributes(own_namespace, keys=keys)


def named(client: Client, namespace: str) -> Client:
    config = client.config(active_config=True)
    config["namespace"] = namespace
    return Client(**config)


async def test_a_namespace_that_is_not_there_is_an_error(client: Client) -> None:
    with pytest.raises(AttributesError, match=r"namespace nowhere: search attributes cannot be listed: .*not found"):
        await ensure_search_attributes(named(client, "nowhere"))


async def test_a_worker_may_start_as_soon_as_its_namespace_was_created(client: Client) -> None:
    """Somebody asked for it before, as whoever creates it does; for a second the server says that it is not there."""
    early = named(client, f"workers-{uuid4()}")
    with pytest.raises(RPCError, match="not found"):
        await early.count_workflows()
    await register(client, early.namespace)
    await ensure_search_attributes(early)
