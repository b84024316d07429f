"""The models of the contract: what they refuse, what they take, and when two requests are the same."""

import json
from datetime import timedelta
from typing import Any

import pytest
from pydantic import ValidationError

from hookflash import (
    Cancel,
    Evidence,
    Hold,
    InvalidRequest,
    ProviderEvent,
    Target,
    TransferRequest,
)
from hookflash._failures import read
from tests.contract.refusals import REQUEST, fields_refused, refused


def test_models_are_frozen() -> None:
    request = TransferRequest.model_validate(REQUEST)
    with pytest.raises(ValidationError, match="frozen"):
        request.mode = "cold"  # pyright: ignore[reportAttributeAccessIssue]
    with pytest.raises(ValidationError, match="frozen"):
        Evidence().sip_status = 200  # pyright: ignore[reportAttributeAccessIssue]


def test_what_callers_misspell_is_named_and_what_a_newer_engine_adds_is_ignored() -> None:
    assert fields_refused(tennant="a") == ["tennant"]
    assert fields_refused(customer={"leg": "c", "lag": 1}) == ["customer.lag"]
    assert [field for field, _ in refused(Hold, {"partie": "agent"})] == ["partie"]
    assert ProviderEvent.model_validate({"kind": "ringing", "leg": "x", "new": 1}) == ProviderEvent(
        kind="ringing", leg="x"
    )


@pytest.mark.parametrize("target", [{}, {"name": "Claims"}, {"address": "sim:a", "directory": "a"}])
def test_a_target_has_an_address_or_a_directory_entry(target: dict[str, str]) -> None:
    (problem,) = refused(TransferRequest, {**REQUEST, "targets": [target]})
    assert problem == ("targets.0", "give exactly one of address, directory and leg")


@pytest.mark.parametrize("text", ["a\r\nX-Evil: 1", "a\x00", "tab\there", "a\n", "\x7f"])
def test_control_characters_are_refused(text: str) -> None:
    assert fields_refused(context={"reason": text}) == ["context.reason"]
    assert fields_refused(targets=[{"address": "sim:a", "name": text}]) == ["targets.0.name"]
    assert fields_refused(labels={"a": text}) == ["labels.a"]
    assert [field for field, _ in refused(Cancel, {"reason": text})] == ["reason"]


@pytest.mark.parametrize("leg", ["a/b", "", " a", "a b", "-a", "ä", "a" * 129, "a\n"])
def test_leg_ids_fit_into_workflow_ids(leg: str) -> None:
    assert fields_refused(customer={"leg": leg}) == ["customer.leg"]


@pytest.mark.parametrize("leg", ["1763773200.17", "CA0123456789abcdef", "SIP~a@b:5060+x_y", "a" * 128])
def test_leg_ids_of_providers_are_taken(leg: str) -> None:
    assert TransferRequest.model_validate({**REQUEST, "customer": {"leg": leg}}).customer.leg == leg


def test_customer_and_agent_are_different_legs() -> None:
    (problem,) = refused(TransferRequest, {**REQUEST, "agent": {"leg": "customer-1"}})
    assert "the same leg" in problem[1]


THERE: list[tuple[dict[str, Any], str]] = [
    ({"targets": [{"leg": "t-1", "address": "sim:a"}]}, "exactly one of address, directory and leg"),
    ({"targets": [{}]}, "exactly one of address, directory and leg"),
    ({"targets": [{"leg": "t-1", "accept": {}}]}, "neither rings with others nor is asked"),
    ({"targets": [{"address": "sim:a"}, {"leg": "t-1", "with_previous": True}]}, "neither rings with others"),
    ({"targets": [{"leg": "customer-1"}]}, "legs of their own"),
    ({"targets": [{"leg": "t-1"}, {"leg": "t-1"}]}, "legs of their own"),
    ({"agent": {"leg": "agent-1", "consulting_leg": "agent-1"}}, "legs of their own"),
    ({"policy": {"fallbacks": [{"kind": "target", "target": {"leg": "t"}}, {"kind": "hang_up"}]}}, "is rung"),
]


@pytest.mark.parametrize(("changes", "problem"), THERE)
def test_a_target_that_is_there_has_a_leg_of_its_own_and_nothing_that_is_for_ringing(
    changes: dict[str, Any], problem: str
) -> None:
    assert problem in refused(TransferRequest, {**REQUEST, **changes})[0][1]


@pytest.mark.parametrize("address", ["bob", "Sim:bob", "sim:", "sim:a b", "sim:a\r\nb", "sim:ü"])
def test_addresses_have_a_scheme_and_visible_ascii(address: str) -> None:
    assert fields_refused(targets=[{"address": address}]) == ["targets.0.address"]


@pytest.mark.parametrize("value", [20, 20.0, "PT20S", "00:00:20"])
def test_durations_are_seconds_or_iso_8601(value: object) -> None:
    target = Target.model_validate_json(json.dumps({"address": "sim:a", "ring_timeout": value}))
    assert target.ring_timeout == timedelta(seconds=20)
    assert target.model_dump(mode="json")["ring_timeout"] == "PT20S"


@pytest.mark.parametrize("value", ["20s", "", 0, -1, "PT0S", "-PT1S", 3601, "PT2H", "P1D", None])
def test_other_durations_are_refused(value: object) -> None:
    assert fields_refused(targets=[{"address": "sim:a", "ring_timeout": value}]) == ["targets.0.ring_timeout"]


@pytest.mark.parametrize("targets", [[], [{"address": "sim:a"}] * 11])
def test_there_are_one_to_ten_targets(targets: list[dict[str, str]]) -> None:
    assert fields_refused(targets=targets) == ["targets"]


def test_requests_that_mean_the_same_have_the_same_fingerprint() -> None:
    spelled_out: dict[str, Any] = {
        **REQUEST,
        "targets": [{"address": "sim:claims", "ring_timeout": 20, "name": ""}],
        "context": {},
        "tenant": "default",
        "idempotency_key": None,
    }
    one, other = TransferRequest.model_validate(REQUEST), TransferRequest.model_validate(spelled_out)
    assert one.fingerprint() == other.fingerprint()
    assert TransferRequest.model_validate_json(one.model_dump_json()).fingerprint() == one.fingerprint()


@pytest.mark.parametrize("field", ["context", "labels"])
def test_the_order_of_free_data_means_nothing(field: str) -> None:
    data, turned = {"a": "1", "b": "2"}, {"b": "2", "a": "1"}
    one, other = (
        TransferRequest.model_validate({**REQUEST, field: {"data": it} if field == "context" else it})
        for it in (data, turned)
    )
    assert one == other
    assert one.fingerprint() == other.fingerprint()


@pytest.mark.parametrize(
    "change",
    [
        {"mode": "cold"},
        {"tenant": "other"},
        {"idempotency_key": "k"},
        {"labels": {"a": "1"}},
        {"targets": [{"address": "sim:claims", "ring_timeout": 21}]},
        {"policy": {"fallbacks": [{"kind": "hang_up"}]}},
    ],
    ids=lambda change: next(iter(change)),
)
def test_requests_that_differ_have_different_fingerprints(change: dict[str, Any]) -> None:
    one, other = TransferRequest.model_validate(REQUEST), TransferRequest.model_validate({**REQUEST, **change})
    assert one.fingerprint() != other.fingerprint()


def test_reading_names_every_field_in_the_words_of_the_engine() -> None:
    with pytest.raises(InvalidRequest) as error:
        read(TransferRequest, {**REQUEST, "mode": "hot", "targets": [{"address": "bob"}]})
    assert [it["field"] for it in error.value.problems] == ["mode", "targets.0.address"]
    assert str(error.value).startswith("invalid TransferRequest: mode: ")
    for body in (b"{", b"", b"[]", b"null", b"\xff", b'{"a":' * 1000):
        with pytest.raises(InvalidRequest, match="invalid TransferRequest"):
            read(TransferRequest, body)
