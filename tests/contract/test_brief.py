"""What is kept many times over travels without its defaults, and is read again as it was: whoever wrote it."""

from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any, get_args

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import BaseModel
from pydantic_core import to_json
from temporalio.api.common.v1 import Payload

import activities.admission
import activities.arrange
import activities.telephony.model
import workflows.payloads
from activities.telephony.model import Frozen, Observation, Phase, SeenLeg
from hookflash import HangUp, Policy, ProviderEvent, Recall, TransferRequest, TransferResult, TransferStatus
from hookflash.converter import data_converter
from hookflash.encryption import encrypted
from tests.contract.brief import instances
from tests.contract.refusals import REQUEST
from tests.contract.test_encryption import NEW, Place

TRAVELLING = (activities.admission, activities.arrange, activities.telephony.model, workflows.payloads)
"""Modules whose models go through Temporal."""


def _models(module: ModuleType) -> Iterator[type[BaseModel]]:
    for found in vars(module).values():
        if isinstance(found, type) and issubclass(found, Frozen) and found.__module__ == module.__name__:
            yield found


MODELS: tuple[type[BaseModel], ...] = (
    TransferRequest,
    ProviderEvent,
    *(it for module in TRAVELLING for it in _models(module) if it is not Frozen),
)


DEFAULTS = {
    "Target.ring_timeout": "PT20S",
    "AcceptGate.timeout": "PT15S",
    "AcceptGate.prompt": "hookflash-accept",
    "Policy.hold_budget": "PT5M",
    "Reminder.every": "PT30S",
    "Policy.consult_limit": "PT5M",
    "ConsultWarning.before": "PT30S",
    "Policy.overall_limit": "PT1H",
    "Policy.when_unanswered": "return",
    "Recall.kind": "recall",
    "Recall.ring_timeout": "PT20S",
    "Recall.attempts": "1",
    "Recall.pause": "PT10S",
    "AnotherTarget.kind": "target",
    "CallBack.kind": "call_back",
    "CallBack.after": "PT15M",
    "CallBack.announcement": "hookflash-call-back",
    "CallBack.attempts": "3",
    "CallBack.pause": "PT15M",
    "HangUp.kind": "hang_up",
    "Policy.fallbacks": (
        '[{"kind":"recall","ring_timeout":"PT20S","attempts":1,"pause":"PT10S"},'
        '{"kind":"flow","place":"hookflash-fallback"}]'
    ),
    "Policy.show_customer": "true",
    "Policy.customer_audio": "ringback",
    "Policy.recording_on_hold": "pause",
    "FeatureCodes.inter_digit_timeout": "PT2S",
    "TransferRequest.tenant": "default",
    "Announcement.number": "1",
    "Arrangement.hold_music": "default",
    "Arrangement.keep_room": "true",
    "CallBackInput.attempts": "1",
    "CallBackInput.pause": "PT15M",
    "CallBackInput.ring_timeout": "PT20S",
    "CallBackInput.hold_music": "default",
    "CallBackInput.caller_name": "caller",
}
"""By field. What is empty or None is not listed: if it were something one day, it would be."""


SLOW = settings(deadline=None, suppress_health_check=(HealthCheck.too_slow, HealthCheck.filter_too_much))


def payload_of(value: object) -> Payload:
    (payload,) = data_converter.payload_converter.to_payloads([value])
    return payload


def read(payload: Payload, model: type[BaseModel]) -> Any:  # noqa: ANN401 what the hint says
    return data_converter.payload_converter.from_payloads([payload], [model])[0]


@pytest.mark.parametrize("model", MODELS, ids=lambda it: it.__name__)
def test_whatever_is_written_is_read_as_it_was(model: type[BaseModel]) -> None:
    @settings(SLOW, max_examples=60)
    @given(instances(model), st.data())
    def holds(value: BaseModel, data: st.DataObject) -> None:
        brief = payload_of(value)
        assert read(brief, model) == value
        assert len(brief.data) <= len(value.model_dump_json().encode())
        # As it was written by versions that left nothing out, and by callers who left out what they liked.
        whole = value.model_dump(mode="json")
        spelled_out = data.draw(st.sets(st.sampled_from(list(whole) or [""])))
        mixed = value.model_dump(mode="json", exclude_defaults=True) | {
            name: text for name, text in whole.items() if name in spelled_out
        }
        assert read(payload_of(whole), model) == value
        assert read(payload_of(mixed), model) == value

    holds()


@settings(SLOW, max_examples=30)
@given(instances(TransferRequest))
def test_a_request_has_the_same_fingerprint_wherever_it_is_read(request: BaseModel) -> None:
    assert isinstance(request, TransferRequest)
    assert read(payload_of(request), TransferRequest).fingerprint() == request.fingerprint()


async def test_encrypted_it_is_read_again(tmp_path: Path) -> None:
    place = Place(tmp_path / "keys")
    place.holds(NEW)
    converter = encrypted(data_converter, tmp_path / "keys")
    request = TransferRequest.model_validate(REQUEST)
    payloads = await converter.encode([request])
    assert await converter.decode(payloads, [TransferRequest]) == [request]


def test_defaults_are_not_written() -> None:
    minimal = TransferRequest.model_validate(REQUEST)
    assert payload_of(minimal).data == minimal.model_dump_json(exclude_unset=True).encode()
    seen = Observation(legs=(SeenLeg(leg="a", phase=Phase.ANSWERED),), stands=True)
    assert payload_of(seen).data == b'{"legs":[{"leg":"a","phase":3}],"stands":true}'


def _defaults(model: type[BaseModel], found: dict[str, str]) -> dict[str, str]:
    for name, field in model.model_fields.items():
        for part in _models_in(field.annotation):
            if part is not model:
                _defaults(part, found)
        value = None if field.is_required() else field.get_default(call_default_factory=True)
        if value and not (isinstance(value, BaseModel) and value == type(value)()):
            found[f"{model.__name__}.{name}"] = to_json(value).decode().strip('"')
    return found


def _models_in(hint: object) -> list[type[BaseModel]]:
    if isinstance(hint, type) and issubclass(hint, BaseModel):
        return [hint]
    return [it for part in get_args(hint) for it in _models_in(part)]


def test_a_default_never_changes() -> None:
    """It is what was meant by everything that was written before, and by what is on its way during a deployment."""
    found: dict[str, str] = {}
    for model in MODELS:
        _defaults(model, found)
    assert found == DEFAULTS


def test_an_entry_of_a_list_of_kinds_always_says_its_kind() -> None:
    request = TransferRequest.model_validate({**REQUEST, "policy": Policy(fallbacks=(Recall(), HangUp()))})
    assert b'"policy":{"fallbacks":[{"kind":"recall"},{"kind":"hang_up"}]}' in payload_of(request).data


@pytest.mark.parametrize("model", [TransferStatus, TransferResult])
def test_what_callers_read_has_every_field(model: type[BaseModel]) -> None:
    @settings(SLOW, max_examples=20)
    @given(instances(model))
    def holds(value: BaseModel) -> None:
        assert payload_of(value).data == value.model_dump_json().encode()

    holds()
