"""What the dashboard asks of Prometheus, judged and answered by its own `promtool`: are customers being lost?"""

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.deploy.composition import CHECKERS, ROOT

pytestmark = pytest.mark.checkers

DASHBOARD = ROOT / "deploy/grafana/transfers.json"

VARIABLES = {"$__rate_interval": "5m", "$provider": ".*"}
"""What Grafana puts in their place, for all nodes."""


def questions() -> dict[str, list[str]]:
    """What each panel asks, by its title."""
    found: dict[str, list[str]] = {}
    panels: list[dict[str, Any]] = json.loads(DASHBOARD.read_text())["panels"]
    for panel in panels:
        for target in panel["targets"]:
            asked = target["expr"]
            for name, value in VARIABLES.items():
                asked = asked.replace(name, value)
            found.setdefault(panel["title"], []).append(asked)
    return found


def promtool(folder: Path, *arguments: str, content: dict[str, Any]) -> str:
    file = folder / "asked.yaml"
    file.write_text(yaml.safe_dump(content))
    done = subprocess.run([CHECKERS / "promtool", *arguments, file], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_prometheus_understands_every_question(tmp_path: Path) -> None:
    asked = [it for several in questions().values() for it in several]
    rules = [{"record": f"asked:{number}", "expr": it} for number, it in enumerate(asked)]
    said = promtool(tmp_path, "check", "rules", content={"groups": [{"name": "dashboard", "rules": rules}]})
    assert f"{len(asked)} rules found" in said
    assert not any("$" in it for it in asked), "a variable that Prometheus does not know"


def test_it_says_that_customers_are_lost_and_where_and_why(tmp_path: Path) -> None:
    """In an hour with three transfers a minute one is lost each minute, all of them on one node for one reason."""
    lost = {"provider": "north", "mode": "cold", "outcome": "customer_left", "cause": "hold_budget"}
    kept = {"provider": "south", "mode": "warm", "outcome": "connected", "cause": "none"}

    def labels(of: dict[str, str], *names: str) -> str:
        return "{" + ", ".join(f'{it}="{of[it]}"' for it in names or of) + "}"

    def answers(panel: str, **samples: float) -> dict[str, Any]:
        (asked,) = questions()[panel]
        return {
            "expr": asked,
            "eval_time": "90m",
            "exp_samples": [{"labels": k, "value": v} for k, v in samples.items()],
        }

    total = "hookflash_transfers_finished_total"
    attempts = "hookflash_attempts_finished_total"
    test = {
        "interval": "1m",
        "input_series": [
            {"series": total + labels(lost), "values": "0+1x120"},
            {"series": total + labels(kept), "values": "0+2x120"},
            {"series": attempts + '{provider="north", cause="no_answer"}', "values": "0+1x120"},
            {"series": attempts + '{provider="south", cause="none"}', "values": "0+2x120"},
        ],
        "promql_expr_test": [
            answers("Customers lost, of all", **{"{}": 1 / 3}),
            answers("Transfers in the last hour", **{"{}": 180}),
            answers("Where customers are lost", **{labels(lost, "provider", "mode"): 1}),
            answers("Why customers are lost", **{labels(lost, "outcome", "cause"): 1}),
            answers("Why targets do not take over", **{'{cause="no_answer"}': 1}),
        ],
    }
    promtool(tmp_path, "test", "rules", content={"rule_files": [], "evaluation_interval": "1m", "tests": [test]})
