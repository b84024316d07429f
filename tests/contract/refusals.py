"""A request that is taken, and what callers are told of those that are not."""

import json
from typing import Any

import pytest

from hookflash import InvalidRequest, TransferRequest
from hookflash._failures import Model, read

REQUEST: dict[str, Any] = {
    "mode": "warm",
    "provider": "simulator",
    "customer": {"leg": "customer-1"},
    "agent": {"leg": "agent-1"},
    "targets": [{"address": "sim:claims"}],
}


def refused(model: type[Model], fields: dict[str, Any]) -> list[tuple[str, str]]:
    """Where and why JSON is refused, in the words a caller gets."""
    with pytest.raises(InvalidRequest) as error:
        read(model, json.dumps(fields).encode())
    return [(it["field"], it["problem"]) for it in error.value.problems]


def fields_refused(**changes: Any) -> list[str]:  # noqa: ANN401 fields of the request
    return [field for field, _ in refused(TransferRequest, {**REQUEST, **changes})]
