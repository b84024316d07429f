"""Builds of the engine side by side, by the procedure of docs/operations.md and on the real server."""

from pathlib import Path

import pytest
from temporalio.client import Client

from hookflash import Outcome, ProviderEvent, Stage, names
from hookflash.running import RunningTransfer
from tests.operators.operated import Operated
from tests.support.polling import eventually
from tests.workers.builds import Engine, told
from tests.workers.environ import Environ, refusal
from tests.workers.process import temporal_at, worker_process
from workers.provider_settings import SIMULATOR
from workers.settings import Settings

pytestmark = pytest.mark.timeout(180)


@pytest.fixture
def engine(own_namespace: Client) -> Engine:
    return Engine(own_namespace)


async def rings(transfer: RunningTransfer) -> None:
    async def there() -> bool | None:
        return (await transfer.status()).stage is Stage.RINGING or None

    await eventually(there, "ringing", 30)


async def test_old_transfers_end_on_the_old_build_and_new_ones_begin_on_the_new(engine: Engine) -> None:
    async with engine.build("2"):
        async with engine.build("1"):
            await engine.make_current("1")
            old = await engine.begins_on("1")
            target = await engine.target_of(old)
            assert await engine.listens() == "build 1"
            await rings(old)

            assert " 2 " in await engine.told("temporal worker deployment describe --name")
            await engine.make_current("2")
            new = await engine.begins_on("2")
            engine.exchange.answer(await engine.target_of(new))
            assert (await new.wait()).outcome is Outcome.CONNECTED
            assert await engine.worked(new.id) == ["build 2"]
            assert "draining" in await engine.told("temporal worker deployment describe-version", OLD="1")
            await until_left(engine, "1", 1)

            engine.exchange.answer(target)
            assert (await old.wait()).outcome is Outcome.CONNECTED
            assert await engine.worked(old.id) == ["build 1"]
            await until_drained(engine, "1")

        # The old workers are gone; what outlasts a transfer has moved on.
        assert await engine.listens() == "build 2"
        assert (await engine.worked(names.listener_id(SIMULATOR)))[-1] == "build 2"
        engine.exchange.hang_up(target)
        await watch_over(engine, old)
        assert not any(it.live for it in engine.exchange.legs.values() if it.call == engine.customer_of(old))
        assert engine.exchange.violations == ()


async def test_a_build_that_is_tried_gets_a_part_and_can_be_taken_back(engine: Engine) -> None:
    async with engine.build("1"), engine.build("2"):
        await engine.make_current("1")
        await engine.begins_on("1")
        # Half in place of a tenth: it is to be seen soon.
        await engine.told("temporal worker deployment set-ramping-version", **{"NEW": "2", "10": "50"})
        await engine.begins_on("2")
        await engine.begins_on("1")

        await engine.make_current("2")
        theirs = await engine.begins_on("2")
        await engine.told("temporal worker deployment set-current-version", "--build-id OLD", OLD="1")
        await engine.begins_on("1")
        engine.exchange.answer(await engine.target_of(theirs))
        assert (await theirs.wait()).outcome is Outcome.CONNECTED
        assert await engine.worked(theirs.id) == ["build 2"]


async def test_what_a_bad_build_has_begun_is_handed_over(engine: Engine) -> None:
    async with engine.build("1"):
        async with engine.build("2"):
            await engine.make_current("2")
            transfer = await engine.begins_on("2")
            await rings(transfer)
            await until_left(engine, "2", 1)
        await engine.told("temporal worker deployment set-current-version", "--build-id OLD", OLD="1")
        engine.exchange.answer(await engine.target_of(transfer))
        await engine.told("temporal workflow update-options", NEW="2")
        assert (await transfer.wait()).outcome is Outcome.CONNECTED
        assert await engine.worked(transfer.id) == ["build 2", "build 1"]


async def test_the_first_build_takes_over_and_there_is_a_way_back(engine: Engine) -> None:
    async with engine.build(None):
        before = await engine.begins_on(None)
        await rings(before)
        async with engine.build("1"):
            await engine.make_current("1")
            look = engine.client.get_workflow_handle(before.id)

            async def taken_over() -> bool | None:
                await look.signal(names.PROVIDER_EVENT_SIGNAL, ProviderEvent(kind="reconcile"))
                return (await engine.worked(before.id))[-1] == "build 1" or None

            await eventually(taken_over, "the first build's turn", 30, every=0.2)
            engine.exchange.answer(await engine.target_of(before))
            assert (await before.wait()).outcome is Outcome.CONNECTED

            await engine.told("temporal worker deployment set-current-version", "--unversioned")
            await engine.begins_on(None)


async def test_a_worker_process_is_of_a_build(own_namespace: Client, tmp_path: Path) -> None:
    engine = Engine(own_namespace)
    build = {"HOOKFLASH_DEPLOYMENT_BUILD_ID": "0.1.0-rc.1"}
    async with worker_process(tmp_path / "log", **temporal_at(own_namespace), **build) as process:
        await process.ready()
        operated = Operated(own_namespace)
        report = (await operated.run("doctor", "--json")).json
        found = [it for it in report["findings"] if it["check"] == "builds"]
        assert {it["level"] for it in found} == {"failure"}
        assert [it["text"].rpartition(" (")[2] for it in found] == ["transfers)", "transfers-listeners)"]
        assert found[0]["text"].startswith("no build is current, and all workers are of 0.1.0-rc.1 ")
        assert found[0]["remedy"].endswith("set-current-version --deployment-name hookflash --build-id 0.1.0-rc.1")

        await engine.make_current("0.1.0-rc.1")
        described = await engine.told("temporal worker deployment describe-version", OLD="0.1.0-rc.1")
        assert {"transfers", "transfers-listeners"} <= set(described.split())
        await process.logs("listening to simulator")
        ran = await operated.run("doctor")
        assert "the current build is 0.1.0-rc.1, and 1 worker is of it (transfers)" in ran.out


def test_the_page_has_no_command_for_builds_that_is_not_run_here() -> None:
    source = Path(__file__).read_text() + Path(__file__).with_name("builds.py").read_text()
    commands = told()
    assert len(commands) == 8
    for command in commands:
        words = command.split()
        assert " ".join(words[: 4 if words[1] == "worker" else 3]) in source, command


@pytest.mark.parametrize(
    ("name", "value"),
    [("BUILD_ID", "a:b"), ("BUILD_ID", "a b"), ("BUILD_ID", "-1"), ("NAME", "a.b"), ("NAME", "__system")],
)
def test_what_temporal_would_not_take_is_refused(environ: Environ, name: str, value: str) -> None:
    environ.set(**{"HOOKFLASH_SIMULATOR": "true", f"HOOKFLASH_DEPLOYMENT_{name}": value})
    assert f"HOOKFLASH_DEPLOYMENT_{name}: " in refusal()


def test_without_a_build_id_every_worker_goes_on_with_every_transfer(environ: Environ) -> None:
    environ.set(HOOKFLASH_SIMULATOR="true", HOOKFLASH_DEPLOYMENT_NAME="ours")
    assert not Settings.load().deployment().use_worker_versioning


async def until_left(engine: Engine, build: str, count: int) -> None:
    """Wait until that many transfers of a build run: Temporal counts a little later."""

    async def counted() -> bool | None:
        said = await engine.told("temporal workflow count", OLD=build)
        return int(said.rpartition(":")[2]) == count or None

    await eventually(counted, f"{count} transfers of build {build}", 30, every=0.2)


async def until_drained(engine: Engine, build: str) -> None:
    async def drained() -> bool | None:
        return "drained" in await engine.told("temporal worker deployment describe-version", OLD=build) or None

    await eventually(drained, f"build {build} drained", 60, every=0.5)


async def watch_over(engine: Engine, transfer: RunningTransfer) -> None:
    """Wait until nobody is left on the line of a call that was transferred."""
    run_id = (await engine.client.get_workflow_handle(transfer.id).describe()).run_id
    await engine.client.get_workflow_handle(names.supervision_id(transfer.id, run_id)).result()
