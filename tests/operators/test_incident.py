"""`hookflash cancel` and `hookflash unhold` for many transfers."""

import asyncio
from uuid import uuid4

import pytest

from hookflash import Outcome, RunningTransfer, Stage
from tests.operators.operated import Operated

pytestmark = pytest.mark.timeout(300)


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


async def test_a_customer_is_returned_by_the_word_an_operator_looks_for(operated: Operated) -> None:
    tenant, transfers = await three(operated)
    one, *others = transfers
    assert (await operated.run("return", one.id)).code == 0
    await operated.visible(f"TransferTenant = '{tenant}' AND ExecutionStatus = 'Running'", 2)
    asked = await operated.run("return", "--tenant", tenant, answer="no")
    assert (asked.code, asked.out) == (1, "")
    assert {(await it.status()).stage for it in others} == {Stage.RINGING}
    done = await operated.run("return", "--tenant", tenant, answer="yes")
    assert "cancel these 2 transfers? [y/N]" in done.err
    assert (done.code, done.out.splitlines()[-1]) == (0, "cancel: 2 of 2 done")
    assert sorted(done.out.splitlines()[:-1]) == sorted(f"{it.id}: done" for it in others)
    results = await asyncio.gather(*(it.wait() for it in (one, *others)))
    assert {(it.outcome, it.customer_with) for it in results} == {(Outcome.CANCELLED, ("agent",))}


async def test_a_script_returns_them_without_a_question(operated: Operated) -> None:
    tenant, transfers = await three(operated)
    done = await operated.run("return", "--tenant", tenant, "--yes", "--json")
    assert (done.code, done.json["command"], done.json["done"]) == (0, "cancel", 3)
    results = await asyncio.gather(*(it.wait() for it in transfers))
    assert {(it.outcome, it.customer_with) for it in results} == {(Outcome.CANCELLED, ("agent",))}


async def test_whoever_is_refused_is_named_with_the_reason(operated: Operated) -> None:
    tenant, transfers = await three(operated)
    query = f"TransferTenant = '{tenant}'"
    refused = await operated.run("unhold", "--party", "target", "--query", query, "--yes", "--json")
    assert refused.code == 1
    assert (refused.json["command"], refused.json["found"], refused.json["done"]) == ("unhold", 3, 0)
    assert {it["id"] for it in refused.json["transfers"]} == {it.id for it in transfers}
    for it in refused.json["transfers"]:
        assert it["error"].startswith("cannot unhold in stage ringing: the target is ringing")
        assert it["ui"].startswith("https://ui.example/")

    told = await operated.run("unhold", "--party", "target", "--query", query, answer="y")
    for it in transfers:
        assert f"hookflash: {it.id} (ringing)  {operated.link(it)}\n" in told.err
        (line,) = (at for at, line in enumerate(told.out.splitlines()) if line.startswith(f"{it.id}: cannot unhold"))
        assert told.out.splitlines()[line + 1] == f"  {operated.link(it)}"

    back = await operated.run("unhold", "--query", query, "--yes", "--json")
    assert (back.code, back.json["done"]) == (0, 3), back.err
    placed = [{leg.party.value: leg.placement for leg in (await it.status()).legs} for it in transfers]
    assert [(it["customer"], it["agent"]) for it in placed] == [("in_room", "in_room")] * 3
    await asyncio.gather(*(it.cancel() for it in transfers))
