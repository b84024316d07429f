"""What a policy and the commands' bodies may say: who takes the customer, how long waits are, what is announced."""

import json
from datetime import timedelta
from typing import Any

import pytest

from hookflash import Accept, Decline, Extend, FeatureCodes, HangUp, Policy, Recall, Retarget, TransferRequest
from hookflash._base import FromCaller
from hookflash._failures import read
from tests.contract.refusals import REQUEST, fields_refused, refused

HANG_UP = {"kind": "hang_up"}
SUPERVISOR = {"address": "sim:supervisor"}
REACHABLE: dict[str, Any] = {
    "customer": {"leg": "customer-1", "address": "sim:customer-1"},
    "agent": {"leg": "agent-1", "address": "sim:agent-1"},
}


def test_the_last_fallback_cannot_be_one_that_fails() -> None:
    for last in ({"kind": "recall"}, {"kind": "target", "target": SUPERVISOR}):
        (problem,) = refused(TransferRequest, {**REQUEST, "policy": {"fallbacks": [HANG_UP, last]}})
        allowed = "voicemail, queue, flow, call_back or hang_up"
        told = f"the last of fallbacks must be {allowed}: a {last['kind']} can fail"
        assert problem == ("policy", told)
    assert Policy(fallbacks=(Recall(), HangUp())).fallbacks[-1] == HangUp()
    assert not isinstance(Policy().fallbacks[-1], Recall | HangUp), "nobody is hung up on unless a caller says so"


def test_a_target_among_the_fallbacks_is_judged_like_any_other_and_rings_by_itself() -> None:
    assert fields_refused(policy={"fallbacks": [{"kind": "target", "target": {"address": "bob"}}, HANG_UP]}) == [
        "policy.fallbacks.0.target.address"
    ]
    with_previous = {"kind": "target", "target": {**SUPERVISOR, "with_previous": True}}
    (problem,) = refused(TransferRequest, {**REQUEST, "policy": {"fallbacks": [with_previous, HANG_UP]}})
    assert problem[1] == "target.with_previous: a target among the fallbacks rings by itself"


def test_the_first_target_has_nobody_to_ring_with() -> None:
    together = {"address": "sim:b", "with_previous": True}
    (problem,) = refused(TransferRequest, {**REQUEST, "targets": [together]})
    assert problem[1] == "targets.0.with_previous: there is no target before the first"
    found = TransferRequest.model_validate({**REQUEST, "targets": [{"address": "sim:a"}, together]})
    assert [it.with_previous for it in found.targets] == [False, True]


@pytest.mark.parametrize(
    ("missing", "told"),
    [
        ("customer", "customer.address: policy.fallbacks.1 needs it to call_back"),
        ("agent", "policy.fallbacks.1.caller or agent.address is needed to call_back"),
    ],
)
def test_a_call_back_needs_a_number_for_both_sides(missing: str, told: str) -> None:
    policy: dict[str, Any] = {"fallbacks": [{"kind": "recall"}, {"kind": "call_back"}]}
    request = {**REQUEST, **REACHABLE, "policy": policy}
    TransferRequest.model_validate(request)
    (problem,) = refused(TransferRequest, {**request, missing: REQUEST[missing]})
    assert problem[1] == told


def test_somebody_else_than_the_agent_can_call_back() -> None:
    policy = {"fallbacks": [{"kind": "call_back", "caller": "sim:front-desk"}]}
    TransferRequest.model_validate({**REQUEST, "customer": REACHABLE["customer"], "policy": policy})


@pytest.mark.parametrize(("before", "limit", "allowed"), [(29, 30, True), (30, 30, False), (31, 30, False)])
def test_the_agent_is_warned_before_the_consultation_is_over(before: int, limit: int, allowed: bool) -> None:
    policy = {"consult_warning": {"announcement": "beep", "before": before}, "consult_limit": limit}
    if allowed:
        TransferRequest.model_validate({**REQUEST, "policy": policy})
        return
    (problem,) = refused(TransferRequest, {**REQUEST, "policy": policy})
    assert problem == ("policy", "consult_warning.before must be shorter than consult_limit")


@pytest.mark.parametrize(
    ("field", "least", "most", "too_little", "too_much"),
    [
        ("hold_reminder.every", 5, "PT1H", 4.9, 3601),
        ("consult_warning.before", 0.1, "PT4M59S", 0, 3601),
        ("linger", 0.1, "PT1H", 0, 3601),
        ("overall_limit", 0.1, "PT24H", 0, "PT24H1S"),
        ("fallbacks.0.attempts", 1, 10, 0, 11),
        ("fallbacks.0.pause", 0.1, "PT1H", 0, 3601),
        ("fallbacks.1.after", 0, "P7D", -1, "P7DT1S"),
        ("fallbacks.1.attempts", 1, 10, 0, 11),
        ("fallbacks.1.pause", 0.1, "P1D", 0, "P1DT1S"),
        ("feature_codes.inter_digit_timeout", 0.1, "PT10S", 0, 10.1),
    ],
)
def test_numbers_have_bounds_and_are_named_beyond_them(
    field: str, least: object, most: object, too_little: object, too_much: object
) -> None:
    def request(value: object) -> dict[str, Any]:
        policy: dict[str, Any] = {
            "hold_reminder": {"announcement": "still-there"},
            "consult_warning": {"announcement": "beep"},
            "fallbacks": [{"kind": "recall"}, {"kind": "call_back"}],
            "feature_codes": {"cancel": "*1"},
        }
        place: Any = policy
        *way, last = field.split(".")
        for step in way:
            place = place[int(step) if step.isdigit() else step]
        place[last] = value
        return {**REQUEST, **REACHABLE, "policy": policy}

    for value in (least, most):
        TransferRequest.model_validate_json(json.dumps(request(value)))
    for value in (too_little, too_much):
        assert [name for name, _ in refused(TransferRequest, request(value))] == [f"policy.{field}"]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("hold_reminder.announcement", "a b"),
        ("consult_warning.announcement", "../beep"),
        ("hold_announcement", "a/b"),
        ("caller_id_of", "target"),
        ("customer_audio", "silence"),
        ("when_target_leaves.kind", "hang_up"),
        ("when_target_leaves.place", "a b"),
        ("fallbacks.0.apology", "a b"),
        ("fallbacks.0.kind", "dance"),
        *((f"feature_codes.{name}", "*1x") for name in ("cancel", "complete", "conference", "swap", "hold", "unhold")),
        *(("feature_codes.swap", code) for code in ("", "12345", "E", "a", "1 ", "*1\n", "\uff11", 1)),
        ("feature_codes.retarget", "*9"),
    ],
)
def test_words_nobody_knows_are_named(field: str, value: str) -> None:
    good: dict[str, Any] = {
        "hold_reminder": {"announcement": "still-there"},
        "consult_warning": {"announcement": "beep"},
        "hold_announcement": "please-hold",
        "caller_id_of": "customer",
        "customer_audio": "music",
        "when_target_leaves": {"kind": "flow", "place": "survey"},
        "fallbacks": [{"kind": "hang_up", "apology": "sorry"}],
        "feature_codes": {"cancel": "*#AD", "complete": "0", "inter_digit_timeout": 3},
    }
    TransferRequest.model_validate({**REQUEST, "policy": good})
    place: Any = good
    *way, last = field.split(".")
    for step in way:
        place = place[int(step) if step.isdigit() else step]
    place[last] = value
    assert fields_refused(policy=good) == [f"policy.{field}"]


@pytest.mark.parametrize(
    ("codes", "told"),
    [
        ({"cancel": "*1", "swap": "*1"}, "swap: *1 is the code of cancel already"),
        ({"unhold": "*1", "complete": "*1"}, "unhold: *1 is the code of complete already"),
        ({"cancel": "*12", "swap": "*1"}, "swap: *1 is the beginning of *12, the code of cancel"),
        ({"cancel": "*", "conference": "*123"}, "cancel: * is the beginning of *123, the code of conference"),
    ],
)
def test_no_code_is_the_beginning_of_another(codes: dict[str, str], told: str) -> None:
    problems = refused(TransferRequest, {**REQUEST, "policy": {"feature_codes": codes}})
    assert problems == [("policy.feature_codes", told)]


def test_codes_are_asked_for_by_the_name_of_the_command() -> None:
    codes = {"cancel": "1", "complete": "*1", "conference": "21", "swap": "22", "hold": "2#1A", "unhold": "2#1B"}
    found = TransferRequest.model_validate({**REQUEST, "policy": {"feature_codes": codes}}).policy.feature_codes
    assert found is not None
    assert found.codes == codes
    assert found.inter_digit_timeout == timedelta(seconds=2)
    assert FeatureCodes().codes == {}
    assert Policy().feature_codes is None


def test_what_is_said_of_the_customer_is_checked() -> None:
    assert fields_refused(customer={"leg": "c", "address": "bob"}) == ["customer.address"]
    assert fields_refused(context={"customer_consent": "perhaps"}) == ["context.customer_consent"]
    assert fields_refused(targets=[{"address": "sim:a", "on_join": "a b"}]) == ["targets.0.on_join"]


def test_who_is_rung_instead_rings_by_itself() -> None:
    (problem,) = refused(Retarget, {"target": {"address": "sim:a", "with_previous": True}})
    assert problem[1] == "target.with_previous: a retarget rings one target"


@pytest.mark.parametrize(
    ("model", "body", "fields"),
    [
        (Extend, {}, ["wait", "remaining"]),
        (Extend, {"wait": "ring", "remaining": 60}, ["wait"]),
        (Extend, {"wait": "accept", "remaining": 0}, ["remaining"]),
        (Extend, {"wait": "accept", "remaining": 3601}, ["remaining"]),
        (Accept, {"leg": "a/b"}, ["leg"]),
        (Decline, {"lag": "a"}, ["lag"]),
    ],
)
def test_a_wrong_body_of_a_command_is_named(model: type[FromCaller], body: dict[str, Any], fields: list[str]) -> None:
    assert [field for field, _ in refused(model, body)] == fields


def test_the_leg_of_an_answer_can_be_left_out() -> None:
    assert read(Accept, {}).leg is None
    assert read(Decline, {}).leg is None
    assert read(Extend, {"wait": "hold_budget", "remaining": "PT1H"}).remaining == timedelta(hours=1)
