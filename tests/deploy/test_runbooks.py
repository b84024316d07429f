"""An alert's link opens what to do about it: Prometheus itself fills it in, and serves the page."""

import json
import subprocess
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from scripts.runbook_page import PAGE, SOURCE, page
from tests.deploy.composition import CHECKERS, ROOT, documents, file_of, services
from tests.support.pages import anchors

ALERTS = ROOT / "deploy/prometheus/alerts.yaml"
OWN = "https://git.example/hookflash/blob/main/docs/operations.md"


def option(name: str) -> str:
    """Return what docker-compose.yml tells Prometheus."""
    (value,) = (it.partition("=")[2] for it in services()["prometheus"]["command"] if it.startswith(f"--{name}="))
    return value


def served() -> str:
    """Where a browser finds the page, as Prometheus of docker-compose.yml serves it."""
    return f"{option('web.external-url')}/user/{PAGE.name}"


def alerts() -> list[dict[str, Any]]:
    (whole,) = documents(ALERTS)
    return [rule for group in whole["groups"] for rule in group["rules"]]


class Page(HTMLParser):
    """The page as a browser reads it."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.ids: list[str] = []
        self.links: list[str] = []
        self.text = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        self.ids += [it for it in (given.get("id"),) if it]
        self.links += [it for it in (given.get("href"),) if it]

    def handle_data(self, data: str) -> None:
        self.text += data


@pytest.mark.checkers
@pytest.mark.parametrize(
    ("labels", "runbooks"), [({}, served()), ({"hookflash_runbooks": OWN}, OWN)], ids=["by default", "set"]
)
def test_the_link_of_every_alert_is_an_address_that_leads_to_a_heading(
    tmp_path: Path, labels: dict[str, str], runbooks: str
) -> None:
    """What fires, and when, is for test_telemetry.py: here everything does, to have its annotations filled in."""
    rules: list[dict[str, Any]] = [it | {"expr": "vector(1)", "for": "0s"} for it in alerts()]
    (tmp_path / "rules.yaml").write_text(json.dumps({"groups": [{"name": "all", "rules": rules}]}))
    links = {it["alert"]: f"{runbooks}#{it['annotations']['runbook_url'].partition('#')[2]}" for it in rules}
    expected = [
        {
            "alertname": it["alert"],
            "eval_time": "1m",
            "exp_alerts": [
                {
                    "exp_labels": it["labels"],
                    "exp_annotations": {
                        "summary": it["annotations"]["summary"].replace("{{ $labels.provider }}", ""),
                        "runbook_url": links[it["alert"]],
                    },
                }
            ],
        }
        for it in rules
    ]
    whole = {
        "rule_files": ["rules.yaml"],
        "evaluation_interval": "1m",
        "tests": [
            {
                "interval": "1m",
                "external_labels": labels,
                "external_url": option("web.external-url"),
                "input_series": [],
                "alert_rule_test": expected,
            }
        ],
    }
    (tmp_path / "test.yaml").write_text(json.dumps(whole))
    command = [CHECKERS / "promtool", "test", "rules", tmp_path / "test.yaml"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert len(links) == len(alerts()) > 5
    for alert, link in links.items():
        found = urlsplit(link)
        assert found.scheme in ("http", "https"), alert
        assert found.hostname, alert
        assert found.fragment in anchors(SOURCE) & set(Page(PAGE.read_text()).ids), alert


def test_prometheus_serves_the_page() -> None:
    assert file_of("prometheus", f"{option('web.user-assets')}/{PAGE.name}") == PAGE
    # The address is the one at which the port is open on this machine.
    address = urlsplit(option("web.external-url"))
    assert address.hostname == "localhost"
    assert f"127.0.0.1:{address.port}:9090" in services()["prometheus"]["ports"]


def test_a_prometheus_configuration_says_how_to_have_them_elsewhere() -> None:
    text = file_of("prometheus", "/etc/prometheus/prometheus.yml").read_text()
    assert f'# external_labels: {{ hookflash_runbooks: "{OWN}" }}' in text


def test_the_page_is_made_of_the_page_in_the_documentation() -> None:
    assert PAGE.read_text() == page(SOURCE.read_text()), "python -m scripts.runbook_page"


def test_the_page_stands_by_itself_and_leaves_nothing_out() -> None:
    made = Page(PAGE.read_text())
    assert len(made.ids) == len(set(made.ids))
    assert all(it.startswith("https://") or it.removeprefix("#") in made.ids for it in made.links)
    # Whatever somebody is to type, it is there as it was written.
    source = SOURCE.read_text().split("\n## When something is down\n")[1].split("\n## ")[0]
    typed = [line for block in source.split("```")[1::2] for line in block.splitlines()[1:]]
    typed += [code for text in source.split("```")[::2] for code in text.split("`")[1::2]]
    assert len(typed) > 50
    assert [it for it in typed if it not in made.text] == []


def test_nothing_of_a_text_becomes_markup() -> None:
    made = page(
        "\n## When something is down\n<b>&\n### Is <it>?\n```sh\na < b | `c` *d*\n```\n[x](y.md#z) [here](#is-it)\n"
    )
    assert "&lt;b&gt;&amp;" in made
    assert '<h2 id="is-it">Is &lt;it&gt;?</h2>' in made
    assert "<pre>a &lt; b | `c` *d*\n</pre>" in made
    assert 'x (y.md) <a href="#is-it">here</a>' in made
