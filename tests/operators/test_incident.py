"""`hookflash cancel` and `hookflash unhold` for many transfers."""

import asyncio
from uuid import uuid4

import pytest

from hookflash import Outcome, RunningTransfer, Stage
from tests.operators.operated import Operated

pytestmark = pytest.mark.timeout(180)


async def three(operated: Operated) -> tuple[str, list[RunningTransfer]]:
    """Start three transfers that ring; return their tenant, which nobody else has, and them."""
    tenant = f"t-{uuid4().hex[:8]}"
    found = [await operated.ringing(tenant=tenant) for _ in range(3)]
    await operated.visible(f"TransferTenant = '{tenant}' AND TransferHeld = true", 3)
    return tenant, found


async def test_all_that_a_filter_finds_go_back_to_their_agents(operated: Operated) -> None:
    tenant, transfers = await three(operated)
    bystander = await operated.ringing()

    asked = await operated.run("cancel", "--tenant", tenant, answer="n")
    assert (asked.code, asked.out) == (1, "")
    assert "cancel these 3 transfers? [y/N]" in asked.err
    assert all(f"{it.id} (ringing)" in asked.err for it in transfers)
    assert asked.err.endswith("hookflash: nothing was done\n")
    assert {(await it.status()).stage for it in transfers} == {Stage.RINGING}

    done = await operated.run("cancel", "--tenant", tenant, "--held", "--reason", "the node is slow", answer="y")
    assert done.code == 0, done.err
    assert sorted(done.out.splitlines()[:-1]) == sorted(f"{it.id}: done" for it in transfers)
    assert done.out.splitlines()[-1] == "cancel: 3 of 3 done"
    results = await asyncio.gather(*(it.wait() for it in transfers))
    assert {(it.outcome, it.customer_with) for it in results} == {(Outcome.CANCELLED, ("agent",))}
    assert (await bystander.status()).stage is Stage.RINGING
    await bystander.cancel()

    nothing = await operated.run("cancel", "--tenant", tenant, "--yes")
    assert (nothing.code, nothing.out) == (0, "")
    assert nothing.err == "hookflash: there is no such open transfer\n"


async def test_whoever_is_refused_is_named_with_the_reason(operated: Operated) -> None:
    tenant, transfers = await three(operated)
    query = f"TransferTenant = '{tenant}'"
    refused = await operated.run("unhold", "--party", "target", "--query", query, "--yes", "--json")
    assert refused.code == 1
    assert (refused.json["command"], refused.json["found"], refused.json["done"]) == ("unhold", 3, 0)
    assert {it["id"] for it in refused.json["transfers"]} == {it.id for it in transfers}
    for it in refused.json["transfers"]:
        assert it["error"].startswith("unhold")
        assert "possible" in it["error"]
        assert it["ui"].startswith("https://ui.example/")

    back = await operated.run("unhold", "--query", query, "--yes", "--json")
    assert (back.code, back.json["done"]) == (0, 3), back.err
    placed = [{leg.party.value: leg.placement for leg in (await it.status()).legs} for it in transfers]
    assert [(it["customer"], it["agent"]) for it in placed] == [("in_room", "in_room")] * 3
    await asyncio.gather(*(it.cancel() for it in transfers))


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["cancel"], "ID: which transfer? Or a filter"),
        (["cancel", "--yes"], "ID: which transfer? Or a filter"),
        (["unhold", "simulator:x", "--held"], "ID: either one transfer or a filter"),
        (["cancel", "simulator:x", "--yes"], "--yes: only for a filter"),
        (["cancel", "--held"], "--yes: needed where nobody can be asked"),
        (["cancel", "--held", "--yes", "--command-id", "a"], "--command-id: only for one transfer"),
        (["cancel", "--query", " ", "--yes"], "--query: is empty"),
        (["cancel", "--query", "nonsense here", "--yes"], "--query: Temporal does not understand it"),
        (["list", "--query", "NoSuchAttribute = 'x'"], "--query: Temporal does not understand it"),
        (["list", "--since", "soon"], "argument --since: 'soon' is no time such as 24h"),
        (["list", "--since", "2026-13-01"], "argument --since: '2026-13-01' is no time"),
        (["report", "--since", "99999999999d"], "argument --since: '99999999999d' is no time"),
        (["report", "--until", "5"], "argument --until: '5' is no time"),
        (["report", "--since", "1h", "--until", "2h"], "--until: has to be later than --since"),
        (["list", "--limit", "0"], "argument --limit: '0' is no number of 1 or more"),
        (["list", "--stage", "dancing"], "argument --stage: invalid choice: 'dancing'"),
        (["list", "--tenant", "a' OR 'b"], "argument --tenant: has to be a word without quotation marks"),
    ],
    ids=" ".join,
)
async def test_wrong_arguments_are_named(operated: Operated, arguments: list[str], told: str) -> None:
    ran = await operated.run(*arguments)
    assert (ran.code, ran.out) == (2, "")
    assert told in ran.err.splitlines()[-1]
