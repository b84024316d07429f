"""Dashboards and alerts name metrics and labels that exist, and every alert leads to a page that says what to do."""

import json
import re
from pathlib import Path
from typing import Any

import yaml

from activities.metrics import METRICS, Kind
from tests.support.pages import anchors

ROOT = Path(__file__).resolve().parent.parent
DASHBOARD = ROOT / "deploy" / "grafana" / "transfers.json"
ALERTS = ROOT / "deploy" / "prometheus" / "alerts.yaml"

SELECTOR = re.compile(r"\b((?:hookflash|temporal)_\w+)(?:\{([^}]*)\})?")
LABEL = re.compile(r"(\w+)\s*(?:=~|!~|!=|=)")
RUNBOOK = re.compile(
    # Its beginning is filled in, and becomes an address: tests/deploy/test_runbooks.py.
    r"\{\{ or \$externalLabels\.hookflash_runbooks \(print \$externalURL \"/user/operations\.html\"\) \}\}"
    r"#(temporal-is-down|the-engine-is-down|a-listener-is-down|a-provider-is-down"
    r"|customers-are-being-lost|call-backs-are-not-kept|webhooks-are-refused)"
)

EXPORTED = {
    it.exported + suffix: {*it.labels, *(["le"] if suffix == "_bucket" else [])}
    for it in METRICS
    for suffix in (("_bucket", "_sum", "_count") if it.kind is Kind.HISTOGRAM else ("",))
}
OF_THE_SDK = {
    "temporal_worker_task_slots_available",
    "temporal_worker_task_slots_used",
    "temporal_long_request_failure_total",
}


def dashboard() -> list[str]:
    panels: list[dict[str, Any]] = json.loads(DASHBOARD.read_text())["panels"]
    return [target["expr"] for panel in panels for target in panel["targets"]]


def alerts() -> list[dict[str, Any]]:
    return [rule for group in yaml.safe_load(ALERTS.read_text())["groups"] for rule in group["rules"]]


def unknown(expression: str) -> set[str]:
    """Metrics and labels of an expression that no worker has."""
    found: set[str] = set()
    for name, labels in SELECTOR.findall(expression):
        if name not in EXPORTED and name not in OF_THE_SDK:
            found.add(name)
        found |= {f"{name}:{it}" for it in LABEL.findall(labels) if it not in EXPORTED.get(name, {it})}
    return found


def test_the_dashboard_and_the_alerts_name_metrics_that_exist() -> None:
    expressions = dashboard() + [rule["expr"] for rule in alerts()]
    assert len(expressions) > 20
    assert {it for expression in expressions for it in unknown(expression)} == set()


def test_the_dashboard_shows_every_metric_of_ours() -> None:
    shown = {name for expression in dashboard() for name, _ in SELECTOR.findall(expression)}
    assert [it.name for it in METRICS if not any(name.startswith(it.exported) for name in shown)] == []


def test_a_wrong_expression_is_noticed() -> None:
    assert unknown('rate(hookflash_transfers_done_total{mode="warm"}[5m])') == {"hookflash_transfers_done_total"}
    assert unknown('hookflash_listener_up{node="a"}') == {"hookflash_listener_up:node"}


def test_every_alert_says_what_to_do() -> None:
    for rule in alerts():
        runbook = RUNBOOK.fullmatch(rule["annotations"]["runbook_url"])
        assert runbook, rule["alert"]
        assert runbook[1] in anchors(ROOT / "docs/operations.md"), rule["alert"]
        assert rule["annotations"]["summary"]
        assert rule["labels"]["severity"]
    assert len({rule["alert"] for rule in alerts()}) == len(alerts())


def test_what_to_do_names_the_alert() -> None:
    page = (ROOT / "docs/operations.md").read_text()
    for rule in alerts():
        anchor = rule["annotations"]["runbook_url"].partition("#")[2]
        (section,) = (it for it in page.split("\n### ") if it.splitlines()[0].lower().replace(" ", "-") == anchor)
        assert f"the alert `{rule['alert']}`" in section.replace("The alert", "the alert"), anchor
