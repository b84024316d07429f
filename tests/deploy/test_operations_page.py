"""docs/operations.md says what is the case: its services, settings, links and commands are those that there are."""

import re
import shlex
from pathlib import Path

import pytest
from temporalio.client import Client

from hookflash import names
from hookflash._cli_input import parser
from scripts.cli_page import commands
from tests.deploy.composition import ROOT, documents, services
from tests.deploy.image import stages
from tests.deploy.test_temporal import dynamic_configuration
from tests.support.pages import anchors
from workers.__main__ import main as worker
from workers.engine import Role
from workers.settings import Settings

PAGE = ROOT / "docs/operations.md"
TEXT = PAGE.read_text()
PAGES = [PAGE, *(PAGE.with_name(f"{it}.md") for it in ("security", "telemetry"))]
"""The pages for whoever runs it, which say parts of the same."""


def section(title: str) -> str:
    """Return what is below a heading, up to the next one."""
    return TEXT.split(f"\n## {title}\n")[1].split("\n## ")[0]


def first_column(text: str) -> list[str]:
    """Return what is set in code in the first column of the tables."""
    rows = re.findall(r"^\| (`[^|]*) \|", text, re.MULTILINE)
    return [name for row in rows for name in re.findall(r"`([^`]+)`", row)]


def test_it_has_every_service_and_port() -> None:
    table = section("Everything on one machine")
    assert sorted(first_column(table)) == sorted(services())
    published = [it.split(":")[1] for service in services().values() for it in service.get("ports", ())]
    for port in published:
        assert port.replace("-", " to ") in table, port


def test_it_has_every_setting_of_the_server() -> None:
    table = section("What to set at the Temporal server")
    assert first_column(table) == [*dynamic_configuration(), "NUM_HISTORY_SHARDS"]
    for name, value in dynamic_configuration().items():
        assert f"| `{name}` | `{value}` |" in table
    assert f"| `NUM_HISTORY_SHARDS` | `{services()['temporal']['environment']['NUM_HISTORY_SHARDS']}` |" in table
    days = int(services()["temporal-namespace"]["environment"]["RETENTION"].removesuffix("h")) // 24
    assert f"| retention of the namespace | {days} days |" in table


def test_it_has_the_defaults_of_the_workers() -> None:
    defaults = {name: field.get_default() for name, field in Settings.model_fields.items()}
    table = section("What to set at the workers")
    assert (
        f"`HOOKFLASH_GRACEFUL_SHUTDOWN_TIMEOUT` | {defaults['graceful_shutdown_timeout'].total_seconds():g} s |"
        in table
    )
    assert f"`HOOKFLASH_ACTIVITY_SLOTS` | {defaults['activity_slots']} |" in table
    assert f"`HOOKFLASH_CACHED_WORKFLOWS` | {defaults['cached_workflows']} |" in table
    assert f"`HOOKFLASH_SANDBOX` | `{defaults['sandbox']}` |" in table


def test_it_has_every_role() -> None:
    table = TEXT.split("\n### Roles\n")[1].split("\n## ")[0]
    assert [it for it in first_column(table) if it != "--role"] == [str(role) for role in Role]
    assert f"`{names.provider_task_queue('NODE')}`" in table


@pytest.mark.parametrize("page", PAGES, ids=lambda it: it.stem)
def test_what_it_links_to_is_there(page: Path) -> None:
    for target in re.findall(r"\]\(([^)\s]+)\)", page.read_text()):
        if target.startswith("https:"):
            continue
        file, _, anchor = target.partition("#")
        linked = (page.parent / file).resolve() if file else page
        assert linked.exists(), target
        if anchor:
            assert anchor in anchors(linked), target


@pytest.mark.parametrize("page", PAGES, ids=lambda it: it.stem)
def test_these_pages_lead_to_each_other(page: Path) -> None:
    linked = set(re.findall(r"\]\(([\w.]+)[^)]*\)", page.read_text()))
    assert {it.name for it in PAGES} - {page.name} <= linked


def test_the_files_that_it_names_are_there() -> None:
    for path in re.findall(r"`((?:tests|deploy)/[^`]+)`", TEXT):
        assert (ROOT / path.partition("::")[0]).exists() or path.startswith("deploy/secrets/"), path


def test_every_failure_has_its_drill_or_says_that_it_has_none() -> None:
    """That the tests are there is seen by tests/test_behaviour_page.py, for every page."""
    rows = [row.strip("| ").split(" | ") for row in section("Drills").splitlines() if row.startswith("| ")][1:]
    assert len(rows) > 20
    for what, *_, drill in rows:
        assert re.fullmatch(r"(real: |emulated: )?`tests/[\w/]+\.py::test_\w+`|\*\*not drilled\*\*", drill), what
        # Only what this folder has is done to a real Asterisk, but for what is done to Twilio.
        emulated = "tests/integration/twilio/" in drill
        assert drill.startswith("emulated: ") == emulated, what
        assert drill.startswith("real: ") == ("tests/integration/" in drill and not emulated), what
    assert len({drill for *_, drill in rows}) == len(rows)
    drilled = " ".join(it for row in rows for it in row)
    for heading in ("Upgrade", "Backup", "A provider is down"):
        assert f"](#{heading.lower().replace(' ', '-')})" in drilled, heading


def test_every_alert_has_its_section_and_its_drill() -> None:
    (whole,) = documents(ROOT / "deploy/prometheus/alerts.yaml")
    rules = {it["alert"]: it for group in whole["groups"] for it in group["rules"]}
    table = section("When something is down")
    rows = {
        row[0]: row[1:]
        for row in re.findall(r"^\| `(Hookflash\w+)` \| \[.*?\]\(#(.*?)\) \| (.*) \|$", table, re.MULTILINE)
    }
    assert list(rows) == list(rules)
    for alert, (anchor, drill) in rows.items():
        assert rules[alert]["annotations"]["runbook_url"].partition("#")[2] == anchor
        (heading,) = (it for it in re.findall(r"^### (.*)$", table, re.MULTILINE) if anchor in anchor_of(it))
        told = table.split(f"\n### {heading}\n")[1].split("\n### ")[0]
        assert f"`{alert}`" in told
        assert re.search(r"^To do", told, re.MULTILINE), heading
        assert ".py::" in drill


def anchor_of(heading: str) -> str:
    """Return what a link to a heading ends with."""
    return heading.lower().replace(" ", "-")


def test_its_commands_are_commands_of_ours() -> None:
    told = re.findall(r"(?:^|`)hookflash ([^`#\n]+)", TEXT, re.MULTILINE)
    assert {it.split()[0] for it in told} >= {"list", "report", "show", "wait", "cancel", "doctor"}
    for command in told:
        words = shlex.split(command)
        if len(words) == 1:  # only named
            assert words[0] in commands()
        elif words[0] == "doctor" and words[1] in ("asterisk", "twilio"):  # which have a parser of their own
            with pytest.raises(SystemExit) as end:
                worker([*words, "--help"])
            assert end.value.code == 0
        else:
            parser().parse_args(words)


def test_telemetry_says_where_the_compose_file_has_it() -> None:
    told = (PAGE.parent / "telemetry.md").read_text()
    (paragraph,) = (it for it in told.split("\n\n") if it.startswith("The [compose file]"))
    for name in ("prometheus", "engine", "listener", "ingress", "grafana", "otel-collector", "jaeger"):
        assert name in services()
        assert f"`{name}`" in paragraph
    given = services()["engine"]["environment"]
    for address in (given["HOOKFLASH_METRICS_ADDRESS"], given["HOOKFLASH_OTLP_ENDPOINT"]):
        assert f"port {address.rpartition(':')[2]}" in paragraph
    (health,) = (it.partition("=")[2] for it in stages()[-1].all("ENV") if it.startswith("HOOKFLASH_HEALTH_ADDRESS="))
    assert f"`{health}`" in paragraph


async def test_its_queries_are_taken_and_find_what_they_say(client: Client) -> None:
    queries: list[str] = re.findall(r'temporal workflow list --query "(.*?)"', TEXT)
    assert any(f"'{names.WATCH}NAME:'" in it for it in queries)
    assert len([it for it in queries if f"WorkflowType = '{names.CALL_BACK_TYPE}'" in it]) == 2
    for query in queries:
        assert (await client.count_workflows(query)).count >= 0, query
    (waits_for_node,) = (it for it in queries if names.WATCH in it)
    assert (await client.count_workflows(waits_for_node)).count == 0


def test_workers_take_their_attributes_from_what_a_namespace_has() -> None:
    keywords = [it for it in names.SEARCH_ATTRIBUTES if it.indexed_value_type.name == "KEYWORD"]
    assert "we need seven" in TEXT
    assert len(keywords) == 7
