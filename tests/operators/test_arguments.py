"""What operators may get wrong: named at once, with exit code 2. In this process, to save starting one for each."""

import base64
from pathlib import Path
from typing import cast

import pytest
from temporalio.client import Client

from hookflash.cli import run


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["watch", "simulator:x", "--step", "soon"], "argument --step: 'soon' is no duration"),
        (["watch", "simulator:x", "--step", "1ms"], "argument --step: has to be between 100ms and 1h"),
        (["show", "simulator:x", "--json", "--format", "svg"], "--json: is a format of its own"),
        (["doctor", "freeswitch"], "unrecognized arguments: freeswitch"),
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
        (["list", "--reference-of", "030 5550177"], "--reference-of: needs the file with the keys of references"),
        (["start", "--reference-of", "030 5550177", "--mode", "cold"], "needs the file with the keys of references"),
        (["start", "--request", "-", "--reference-of", "-"], "--reference-of: standard input is the request's"),
        (["list", "--limit", "0"], "argument --limit: '0' is no number of 1 or more"),
        (["list", "--stage", "dancing"], "argument --stage: invalid choice: 'dancing'"),
        (["list", "--tenant", "a' OR 'b"], "argument --tenant: has to be a word without quotation marks"),
    ],
    ids=" ".join,
)
async def test_wrong_arguments_are_named(
    client: Client,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    arguments: list[str],
    told: str,
) -> None:
    monkeypatch.setenv("TEMPORAL_ADDRESS", client.service_client.config.target_host)
    monkeypatch.delenv("HOOKFLASH_REFERENCE_KEYS_FILE", raising=False)
    try:
        code = await run(arguments)
    except SystemExit as stopped:  # argparse's own way
        code = cast("int", stopped.code)
    printed = capsys.readouterr()
    assert (code, printed.out) == (2, "")
    assert told in printed.err.splitlines()[-1]


@pytest.mark.parametrize("command", ["list", "report", "start"])
async def test_what_is_no_number_is_not_repeated(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path, command: str
) -> None:
    keys_file = tmp_path / "keys"
    keys_file.write_text(f"k {base64.b64encode(bytes(32)).decode()}\n")
    monkeypatch.setenv("HOOKFLASH_REFERENCE_KEYS_FILE", str(keys_file))
    assert await run([command, "--reference-of", "+49 (0)30 5550177"]) == 2
    keys_file.write_text("")
    assert await run([command, "--reference-of", "+49 30 5550177"]) == 2
    printed = capsys.readouterr()
    assert "5550177" not in printed.out + printed.err
    assert [line.split(": ", 2)[1] for line in printed.err.splitlines()] == ["--reference-of", str(keys_file)]
