"""Search attributes: registered or verified before the first workflow writes one.

An attribute that the namespace lacks wedges the workflow that writes it, in the middle of a call; one of another type
does too, and the server accepts to "register" it all the same.
"""

import asyncio
import logging
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

from temporalio.api.enums.v1 import IndexedValueType
from temporalio.api.operatorservice.v1 import AddSearchAttributesRequest, ListSearchAttributesRequest
from temporalio.client import Client
from temporalio.common import SearchAttributeIndexedValueType, SearchAttributeKey
from temporalio.service import RPCError, RPCStatusCode

from hookflash import names
from hookflash._attribute_types import TYPE_NAMES
from workers.settings import AttributeMode

Keys = Sequence[SearchAttributeKey[Any]]

USABLE_WITHIN = timedelta(seconds=90)
"""Servers cache the list, for a minute at most."""

NAMESPACE_KNOWN_WITHIN = timedelta(seconds=5)
"""Servers remember for a second that a namespace is not there, also when it is created meanwhile."""

POLL = timedelta(milliseconds=250)

logger = logging.getLogger(__name__)


class AttributesError(Exception):
    """The namespace is not ready for transfers, and waiting does not help."""


async def ensure_search_attributes(
    client: Client,
    mode: AttributeMode = AttributeMode.REGISTER,
    keys: Keys = names.SEARCH_ATTRIBUTES,
    *,
    usable_within: timedelta = USABLE_WITHIN,
) -> None:
    """Make sure that workflows can write search attributes, and wait until they can.

    Args:
        client: A client of the namespace.
        mode: Whether missing ones are registered.
        keys: The attributes.
        usable_within: How long registered ones may take until they can be used.

    Raises:
        AttributesError: One is missing, or has another type, or cannot be registered.
    """
    missing = _missing(client, keys, await _known(client))
    if missing and mode is AttributeMode.VERIFY:
        raise AttributesError(f"{_where(client)} lacks {_told(missing)}; create them with: {_command(client, missing)}")
    if missing:
        await _register(client, missing)
        # Another worker may have been quicker, with other types.
        await _until_usable(client, keys, usable_within)
        logger.info("registered search attributes: %s", _told(missing))


async def _known(client: Client) -> Mapping[str, IndexedValueType.ValueType]:
    loop = asyncio.get_running_loop()
    until = loop.time() + NAMESPACE_KNOWN_WITHIN.total_seconds()
    while True:
        try:
            answer = await client.operator_service.list_search_attributes(
                ListSearchAttributesRequest(namespace=client.namespace), retry=True
            )
        except RPCError as error:
            if error.status is not RPCStatusCode.NOT_FOUND or loop.time() > until:
                raise AttributesError(f"{_where(client)}: search attributes cannot be listed: {error}") from error
            await asyncio.sleep(POLL.total_seconds())
        else:
            return {**answer.system_attributes, **answer.custom_attributes}


def _missing(
    client: Client, keys: Keys, known: Mapping[str, IndexedValueType.ValueType]
) -> list[SearchAttributeKey[Any]]:
    clashes = [
        f"{key.name} is {TYPE_NAMES[SearchAttributeIndexedValueType(known[key.name])]}, must be {_type(key)}"
        for key in keys
        if key.name in known and known[key.name] != key.indexed_value_type
    ]
    if clashes:
        raise AttributesError(f"{_where(client)}: search attributes of another type: {'; '.join(clashes)}")
    return [key for key in keys if key.name not in known]


async def _register(client: Client, missing: Keys) -> None:
    request = AddSearchAttributesRequest(
        namespace=client.namespace,
        search_attributes={key.name: IndexedValueType.ValueType(key.indexed_value_type) for key in missing},
    )
    try:
        await client.operator_service.add_search_attributes(request, retry=True)
    except RPCError as error:
        if error.status is not RPCStatusCode.ALREADY_EXISTS:
            raise AttributesError(
                f"{_where(client)}: {_told(missing)} cannot be registered: {error}; have them created with: "
                f"{_command(client, missing)}"
            ) from error


async def _until_usable(client: Client, keys: Keys, limit: timedelta) -> None:
    # The list is right at once. The search is not, as it reads from a cache, and neither are workflows.
    query = " OR ".join(f"{key.name} IS NOT NULL" for key in keys)
    try:
        async with asyncio.timeout(limit.total_seconds()):
            while True:
                if not _missing(client, keys, await _known(client)) and await _answers(client, query):
                    return
                await asyncio.sleep(POLL.total_seconds())
    except TimeoutError as error:
        raise AttributesError(
            f"{_where(client)}: search attributes are still unknown {limit.total_seconds():g} s after they were added"
        ) from error


async def _answers(client: Client, query: str) -> bool:
    try:
        await client.count_workflows(query)
    except RPCError as error:
        if error.status is RPCStatusCode.INVALID_ARGUMENT:
            return False
        raise AttributesError(f"{_where(client)}: search attributes cannot be used: {error}") from error
    return True


def _where(client: Client) -> str:
    return f"namespace {client.namespace}"


def _type(key: SearchAttributeKey[Any]) -> str:
    return TYPE_NAMES[key.indexed_value_type]


def _told(keys: Keys) -> str:
    return ", ".join(f"{key.name} ({_type(key)})" for key in keys)


def _command(client: Client, keys: Keys) -> str:
    options = " ".join(f"--name {key.name} --type {_type(key)}" for key in keys)
    return f"temporal operator search-attribute create --namespace {client.namespace} {options}"
