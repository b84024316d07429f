"""Workers and the command reach a Temporal that wants a certificate or an API key, by Temporal's own variables alone.

Temporal's development server speaks no TLS. So a front stands before it, as load balancers do: it judges whoever calls
by an authority of the test's own, and hands on what is said inside of TLS.
"""

import asyncio
import contextlib
import os
import ssl
import sys
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import NamedTuple

import pytest
from temporalio.client import Client

from tests.rig.certificates import Certificate, authority, signed_for
from tests.workers.process import ROOT, temporal_at, worker_process

pytestmark = pytest.mark.timeout(180)

HOST = "localhost"

FIVE_BITS = "012aceiost"
"""Characters that HPACK writes as their place in here, in five bits (RFC 7541, appendix B)."""
WORDS = "accessto01costs2"
"""What is given as an API key: of those characters only, and as long as ten whole bytes."""
BEARER = bytes.fromhex("ba51d85b14")
"""What HPACK makes of ``Bearer`` and the space behind it: five whole bytes."""


class Front(NamedTuple):
    """What stands before the server."""

    address: str
    heard: bytearray
    """What callers have said inside of TLS."""


class Papers(NamedTuple):
    """Whom the front believes, and what it shows itself."""

    authority: Certificate
    host: Certificate
    caller: Certificate
    others: Certificate
    """An authority that neither side knows."""
    stranger: Certificate
    """Signed by that one."""


@pytest.fixture(scope="module")
def papers(tmp_path_factory: pytest.TempPathFactory) -> Papers:
    folder = tmp_path_factory.mktemp("papers")
    ours, others = authority(folder, "ours"), authority(folder, "others")
    host, caller = (signed_for(name, ours, folder) for name in (HOST, "caller"))
    return Papers(ours, host, caller, others, signed_for("stranger", others, folder))


@asynccontextmanager
async def front(server: Client, papers: Papers, *, certificates: bool) -> AsyncGenerator[Front]:
    """Stand before a server.

    Args:
        server: A client of it.
        papers: What is shown, and what is believed.
        certificates: Whether whoever calls has to show one.
    """
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=papers.authority.certificate)
    context.load_cert_chain(papers.host.certificate, papers.host.key)
    context.set_alpn_protocols(["h2"])
    context.verify_mode = ssl.CERT_REQUIRED if certificates else ssl.CERT_NONE
    heard = bytearray()
    to = server.service_client.config.target_host.split(":")

    async def hand_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, kept: bytearray | None) -> None:
        with contextlib.suppress(OSError):  # one of the two has gone
            while some := await reader.read(65536):
                if kept is not None:
                    kept += some
                writer.write(some)
                await writer.drain()
        writer.close()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        inner_reader, inner_writer = await asyncio.open_connection(*to)
        await asyncio.gather(hand_on(reader, inner_writer, heard), hand_on(inner_reader, writer, None))

    listening = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=context)
    try:
        yield Front(f"{HOST}:{listening.sockets[0].getsockname()[1]}", heard)
    finally:
        listening.close()


def variables(client: Client, address: str, papers: Papers, shown: Certificate | None = None) -> dict[str, str]:
    """What an operator sets, but for an API key."""
    found = temporal_at(client) | {
        "TEMPORAL_ADDRESS": address,
        "TEMPORAL_TLS_SERVER_CA_CERT_PATH": str(papers.authority.certificate),
    }
    if shown is not None:
        found["TEMPORAL_TLS_CLIENT_CERT_PATH"] = str(shown.certificate)
        found["TEMPORAL_TLS_CLIENT_KEY_PATH"] = str(shown.key)
    return found


async def hookflash(*arguments: str, **variables: str) -> tuple[int, str]:
    """Run the command as a shell does; return its exit code and all that it said."""
    inherited = {name: it for name, it in os.environ.items() if not name.startswith(("HOOKFLASH_", "TEMPORAL_"))}
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", "from hookflash.cli import main; main()", *arguments),
        cwd=ROOT,
        env=inherited | variables,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    said, _ = await process.communicate()
    assert process.returncode is not None
    return process.returncode, said.decode()


TRANSFER = (
    "start",
    "--mode",
    "cold",
    "--customer",
    "sim:c",
    "--agent",
    "sim:a",
    "--target",
    "sim:bob?answer=0s",
    "--wait",
)


async def test_a_call_is_transferred_where_both_sides_show_certificates(
    own_namespace: Client, papers: Papers, tmp_path: Path
) -> None:
    async with front(own_namespace, papers, certificates=True) as guarded:
        shown = variables(own_namespace, guarded.address, papers, papers.caller)
        async with worker_process(tmp_path / "log", **shown) as worker:
            await worker.ready()
            code, said = await hookflash(*TRANSFER, **shown)
        assert (code, "connected" in said) == (0, True), said + worker.log
        assert BEARER not in guarded.heard, "a key was shown that nobody has given"


@pytest.mark.parametrize("who", ["nobody", "stranger"])
async def test_who_shows_no_certificate_or_a_strangers_is_not_let_in(
    own_namespace: Client, papers: Papers, tmp_path: Path, who: str
) -> None:
    async with front(own_namespace, papers, certificates=True) as guarded:
        shown = papers.stranger if who == "stranger" else None
        refused = variables(own_namespace, guarded.address, papers, shown)
        async with worker_process(tmp_path / "log", **refused) as worker:
            await worker.logs("no connection to Temporal yet")
            code, said = await hookflash("status", "simulator:sim:c", **refused)
        assert (code, "no Temporal server at" in said) == (3, True), said
        assert not guarded.heard, "something was said to a server that has not let us in"


async def test_nothing_is_said_to_a_server_whose_certificate_is_a_strangers(
    own_namespace: Client, papers: Papers, tmp_path: Path
) -> None:
    async with front(own_namespace, papers, certificates=False) as guarded:
        believed = variables(own_namespace, guarded.address, papers) | {
            "TEMPORAL_TLS_SERVER_CA_CERT_PATH": str(papers.others.certificate),
            "TEMPORAL_API_KEY": WORDS,
        }
        async with worker_process(tmp_path / "log", **believed) as worker:
            await worker.logs("no connection to Temporal yet")
            code, said = await hookflash("status", "simulator:sim:c", **believed)
        assert (code, "no Temporal server at" in said) == (3, True), said
        assert not guarded.heard


async def test_an_api_key_is_shown_inside_of_tls_and_never_told(
    own_namespace: Client, papers: Papers, tmp_path: Path
) -> None:
    bits = "".join(f"{FIVE_BITS.index(it):05b}" for it in WORDS)
    told = BEARER + int(bits, 2).to_bytes(len(bits) // 8, "big")
    async with front(own_namespace, papers, certificates=False) as guarded:
        given = variables(own_namespace, guarded.address, papers) | {"TEMPORAL_API_KEY": WORDS}
        async with worker_process(tmp_path / "log", **given, HOOKFLASH_LOG_LEVEL="DEBUG") as worker:
            await worker.ready()
            assert told in guarded.heard, "the worker shows no key"
            guarded.heard.clear()
            code, said = await hookflash(*TRANSFER, **given)
        assert (code, "connected" in said) == (0, True), said + worker.log
        assert told in guarded.heard
    assert WORDS not in worker.log + said
