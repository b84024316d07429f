"""docs/operations.md says what is the case: its services, settings, links and commands are those that there are."""

import re

from temporalio.client import Client

from hookflash import names
from tests.deploy.composition import ROOT, services
from tests.deploy.test_temporal import dynamic_configuration
from workers.settings import Settings

PAGE = ROOT / "docs/operations.md"
TEXT = PAGE.read_text()


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


def test_what_it_links_to_is_there() -> None:
    for target in re.findall(r"\]\(([^)\s]+)\)", TEXT):
        if target.startswith("https:"):
            continue
        file, _, anchor = target.partition("#")
        page = (PAGE.parent / file).resolve() if file else PAGE
        assert page.exists(), target
        if anchor:
            headings = re.findall(r"^#+ (.+)$", page.read_text(), re.MULTILINE)
            assert anchor in {re.sub(r"[^\w -]", "", it.lower()).replace(" ", "-") for it in headings}, target
    for path in re.findall(r"`((?:tests|deploy)/[^`]+)`", TEXT):
        assert (ROOT / path).exists() or path.startswith("deploy/secrets/"), path


async def test_its_query_finds_who_waits_for_a_node(client: Client) -> None:
    (query,) = re.findall(r'temporal workflow list --query "(.*)"', TEXT)
    assert f"'{names.WATCH}NAME:'" in query
    assert (await client.count_workflows(query)).count == 0


def test_workers_take_their_attributes_from_what_a_namespace_has() -> None:
    keywords = [it for it in names.SEARCH_ATTRIBUTES if it.indexed_value_type.name == "KEYWORD"]
    assert "we need seven" in TEXT
    assert len(keywords) == 7
