"""Transfers that are found by a number which is nowhere in them."""

import base64
from pathlib import Path

import pytest

from hookflash import HookflashError, Mode, Outcome, ReferenceKeys
from tests.operators.operated import Operated
from tests.workers.traces import found_in

pytestmark = pytest.mark.timeout(300)

WRITTEN, DIGITS = "+49 1555 01777-01", "4915550177701"
SOMEBODY_ELSES = "+49 1555 01777-02"

OLD, NEW, FOREIGN = (base64.b64encode(bytes([it]) * 32).decode() for it in (1, 2, 3))


@pytest.fixture
def keys_file(tmp_path: Path) -> Path:
    return tmp_path / "reference-keys"


def keep(keys_file: Path, *keys: str) -> None:
    keys_file.write_text("".join(f"{it}\n" for it in keys))


async def found(operated: Operated, *arguments: str, piped: str | None = None) -> set[str]:
    ran = await operated.run("list", "--json", *arguments, piped=piped)
    assert ran.code == 0, ran.err
    return {it["id"] for it in ran.json}


async def test_a_transfer_is_found_by_its_number_also_after_a_change_of_keys(
    operated: Operated, keys_file: Path
) -> None:
    at_work = Operated(operated.client, HOOKFLASH_REFERENCE_KEYS_FILE=str(keys_file))
    keep(keys_file, f"2026 {OLD}")
    reference = ReferenceKeys.read(keys_file).reference(WRITTEN)
    before = await operated.ringing(references=(reference,))
    other = await operated.ringing(references=(ReferenceKeys.read(keys_file).reference(SOMEBODY_ELSES),))
    await operated.visible(f"TransferLegs = '{reference}' AND TransferStage = 'ringing'", 1)

    assert await found(at_work, "--reference-of", WRITTEN) == {before.id}
    assert await found(at_work, "--reference-of", "-", piped="tel:+49-1555-0177701\n") == {before.id}

    # Another key finds nothing, whatever its id.
    for id in ("2026", "2027"):
        keep(keys_file, f"{id} {FOREIGN}")
        assert await found(at_work, "--reference-of", WRITTEN) == set()

    # The new one first, as new references are made with it; the old one still finds.
    keep(keys_file, f"2027 {NEW}", f"2026 {OLD}")
    customer = "sim:carol-after"
    started = await at_work.run(
        *("start", "--customer", customer, "--agent", "sim:anna-after", "--target", "Claims desk=sim:bob?ring"),
        *("--reference-of", "-", "--json"),
        answer=WRITTEN,
    )
    assert (started.code, started.err) == (0, "number: ")
    after: str = started.json["id"]
    await operated.visible("TransferLegs = 'sim:carol-after' AND TransferStage = 'ringing'", 1)
    assert await found(at_work, "--reference-of", WRITTEN) == {before.id, after}
    # With the rest of the filters, and for a report, as any other filter.
    assert await found(at_work, "--reference-of", WRITTEN, "--query", f"TransferLegs = '{customer}'") == {after}
    assert (await at_work.run("report", "--reference-of", WRITTEN, "--json")).json["transfers"] == 2
    keep(keys_file, f"2027 {NEW}")
    assert await found(at_work, "--reference-of", WRITTEN) == {after}
    keep(keys_file, f"2027 {NEW}", f"2026 {OLD}")

    # In an incident: the number at the terminal, and then the answer.
    back = await at_work.run("return", "--reference-of", "-", answer=f"{WRITTEN}\nyes")
    assert (back.code, back.out.splitlines()[-1]) == (0, "cancel: 2 of 2 done"), back.err
    assert (await before.wait()).outcome is Outcome.CANCELLED
    await operated.visible(f"TransferLegs = '{reference}' AND ExecutionStatus = 'Completed'", 1)
    assert await found(at_work, "--closed", "--reference-of", WRITTEN) == {before.id, after}

    # Nowhere in what Temporal has of them, which nobody has encrypted here.
    for id, known in ((before.id, reference), (after, "ref.2027.")):
        handle = operated.client.get_workflow_handle(id)
        description = await handle.describe()
        stored = description.raw_description.SerializeToString() + (await handle.fetch_history()).to_json().encode()
        assert found_in(stored, [DIGITS, DIGITS[2:], WRITTEN, "1555 01777", known]) == {known}
    for ran in (started, back, await at_work.run("status", before.id), await at_work.run("show", before.id)):
        assert not found_in((ran.out + ran.err).encode(), [DIGITS, DIGITS[2:], WRITTEN])
    assert (await other.status()).result is None
    await other.cancel()


async def test_a_transfer_that_never_began_is_found_too(operated: Operated, keys_file: Path) -> None:
    keep(keys_file, f"2026 {OLD}")
    reference = ReferenceKeys.read(keys_file).reference("1042")
    transfer = await operated.start(Mode.COLD, "ring", provider="nowhere", references=(reference,))
    with pytest.raises(HookflashError, match="no provider 'nowhere'"):
        await transfer.wait()
    await operated.visible(f"TransferLegs = '{reference}'", 1)
    at_work = Operated(operated.client, HOOKFLASH_REFERENCE_KEYS_FILE=str(keys_file))
    assert await found(at_work, "--reference-of", "1042") == {transfer.id}
