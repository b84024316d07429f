"""A running `python -m workers ingress`, and Twilio calling it."""

import asyncio
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit
from uuid import uuid4

from activities.telephony.twilio.callbacks import CallbackUrls
from tests.support.polling import eventually
from tests.support.ports import free_address
from tests.support.prometheus import Scrape, scrape
from tests.support.twilio_signing import CALL_SID, signed_form, validator
from tests.workers.asking import Answer, ask
from tests.workers.process import WorkerProcess, worker_process

PUBLIC = "https://hooks.example"
"""Where Twilio believes that it calls."""
NODE = "main"


@dataclass
class Secrets:
    """What an ingress is given, as files."""

    folder: Path
    token: str = field(default_factory=lambda: f"token-{uuid4()}")
    key: str = field(default_factory=lambda: f"{uuid4()}{uuid4()}")
    shared: str = field(default_factory=lambda: f"shared-{uuid4()}")

    def __post_init__(self) -> None:
        self._write("token", self.token)
        self._write("key", self.key)
        self._write("shared", f"webhooks_key_1 {self.shared}")
        self.urls = CallbackUrls(PUBLIC, NODE, self.key.encode())

    def change_token(self, token: str) -> None:
        self.token = token
        self._write("token", token)

    def variables(self) -> dict[str, str]:
        return {
            "HOOKFLASH_TWILIO_NODE": NODE,
            "HOOKFLASH_TWILIO_CALLBACK_URL": PUBLIC,
            "HOOKFLASH_TWILIO_CALLBACK_KEY_FILE": str(self.folder / "key"),
            "HOOKFLASH_TWILIO_AUTH_TOKEN_FILE": str(self.folder / "token"),
            "HOOKFLASH_TWILIO_SHARED_KEYS_FILE": str(self.folder / "shared"),
            "HOOKFLASH_TWILIO_MEDIA_URL": "https://media.example",
            "HOOKFLASH_INGRESS_ADDRESS": "127.0.0.1:0",
            # On a machine that does everything at once Temporal is slow, which is not what most tests are about.
            "HOOKFLASH_INGRESS_PATIENCE": "10",
            "HOOKFLASH_METRICS_ADDRESS": free_address(),
            "HOOKFLASH_HEALTH_ADDRESS": free_address(),
        }

    def _write(self, name: str, secret: str) -> None:
        beside = self.folder / f"{name}.new"
        beside.write_text(f"{secret}\n")
        beside.chmod(0o600)
        beside.rename(self.folder / name)


@dataclass
class Ingress:
    """A running ingress."""

    process: WorkerProcess
    address: str
    secrets: Secrets
    metrics: str
    health: str

    @property
    def urls(self) -> CallbackUrls:
        return self.secrets.urls

    async def call(self, url: str, form: Mapping[str, str], **changes: str) -> Answer:
        """Call a URL as Twilio does.

        Args:
            url: As Twilio was given it.
            form: What it tells.
            changes: Headers in place of those that Twilio sends.
        """
        body, headers = signed_form(url, form, self.secrets.token)
        return await self.send(url, body, **{**headers, **changes})

    async def fetch(self, url: str) -> Answer:
        """Fetch TwiML as Twilio does."""
        told = validator(self.secrets.token).compute_signature(url.partition("#")[0], {})
        return await self.send(url, None, "GET", **{"X-Twilio-Signature": told})

    async def send(self, url: str, body: bytes | None, how: str = "POST", /, **headers: str) -> Answer:
        """Send anything."""
        return await ask(self._here(url), body, method=how, **headers)

    async def tell(self, owner: str, leg: str, status: str, **more: str) -> Answer:
        """Tell what has become of a leg."""
        about = {"CallSid": CALL_SID, "CallStatus": status, "From": "+4915550100017", "SequenceNumber": "0"}
        return await self.call(self.urls.leg(owner, leg), {**about, **more})

    async def refused(self, **labels: str) -> float:
        return (await self.measured()).total("hookflash_webhooks_refused_total", **labels)

    async def measured(self) -> Scrape:
        return await scrape(self.metrics)

    def _here(self, url: str) -> str:
        split = urlsplit(url)
        return f"{self.address}{split.path}" + (f"?{split.query}" if split.query else "")


@asynccontextmanager
async def ingress_process(secrets: Secrets, connected: bool = True, /, **variables: str) -> AsyncGenerator[Ingress]:
    """Run an ingress.

    Args:
        secrets: What it is given. Its log goes into the same folder.
        connected: Whether to wait until it has reached Temporal.
        variables: Of its environment.
    """
    given = {**secrets.variables(), **variables}
    async with worker_process(secrets.folder / "log", "ingress", **given) as process:
        said, _, rest = (await process.ready()).partition(": ")
        assert said == "hookflash ingress ready"
        address, nodes = rest.split()
        assert nodes == f"nodes={NODE}"
        ingress = Ingress(
            process, address, secrets, given["HOOKFLASH_METRICS_ADDRESS"], given["HOOKFLASH_HEALTH_ADDRESS"]
        )

        async def is_ready() -> bool | None:
            return (await ask(f"http://{ingress.health}/readyz")).status == 200 or None

        if connected:
            await eventually(is_ready, "an ingress that has reached Temporal", 60)
        yield ingress


class TemporalsLine:
    """A line to Temporal that can be cut, and that can fall silent."""

    def __init__(self, target: str) -> None:
        self._host, _, self._port = target.rpartition(":")
        self._open = asyncio.Event()
        self._open.set()
        self._server: asyncio.Server | None = None
        self._ends: set[asyncio.StreamWriter] = set()
        self._moving: set[asyncio.Task[None]] = set()

    @property
    def address(self) -> str:
        assert self._server is not None
        host, port = self._server.sockets[0].getsockname()[:2]
        return f"{host}:{port}"

    def fall_silent(self) -> None:
        """Take everything, and hand on nothing until `heal`."""
        self._open.clear()

    def heal(self) -> None:
        self._open.set()

    async def __aenter__(self) -> "TemporalsLine":
        self._server = await asyncio.start_server(self._connect, "127.0.0.1", 0)
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._server is not None
        self._server.close()
        for task in self._moving:
            task.cancel()
        await asyncio.gather(*self._moving, return_exceptions=True)
        for end in self._ends:
            end.close()

    async def _connect(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        theirs, ours = await asyncio.open_connection(self._host, int(self._port))
        self._ends |= {writer, ours}
        for source, sink in ((reader, ours), (theirs, writer)):
            task = asyncio.create_task(self._move(source, sink))
            self._moving.add(task)
            task.add_done_callback(self._moving.discard)

    async def _move(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        try:
            while moved := await source.read(65536):
                await self._open.wait()
                sink.write(moved)
                await sink.drain()
        except OSError:
            pass
        finally:
            sink.close()
