"""The doctor looks at an emulated account and a running ingress, both sound and broken."""

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta

import pytest
from aiohttp import web
from pydantic import SecretStr

from activities.telephony.twilio import TwilioSettings
from activities.telephony.twilio.callbacks import CallbackUrls
from activities.telephony.twilio.doctor import examine
from activities.telephony.twilio.doctor.hosts import region
from activities.telephony.twilio.tone import tone
from hookflash._findings import Finding, Level
from tests.providers.twilio_emulator import TwilioEmulator
from tests.providers.twilio_emulator.account import KeyKind
from tests.providers.twilio_emulator.emulator import ACCOUNT, AUTH_TOKEN, KEY, SECRET
from tests.providers.twilio_emulator.judge import Judge
from tests.providers.twilio_world import COMPANY
from tests.support.ports import NOBODY, free_address
from tests.workers.process import worker_process

CALLBACK_KEY = "k" * 32
NODE = "twilio"
HERE = [("region", "warning"), ("callback url", "warning")]
"""What is found wherever account and ingress are on this machine, as they are in these tests."""


@dataclass
class Patient:
    """An account as the settings have it."""

    emulator: TwilioEmulator
    callback_url: str
    account_sid: str = ACCOUNT
    secret: str = SECRET
    caller_id: str | None = COMPANY
    sync_service: str = "default"
    base_url: str = ""
    node: str = NODE
    callback_key: str = CALLBACK_KEY
    auth_token: str = AUTH_TOKEN
    found: list[Finding] = field(default_factory=lambda: list[Finding]())

    async def bad(self) -> list[tuple[str, str]]:
        """Have it examined, and return check and level of what is not as it should be, and is so of its own."""
        settings = TwilioSettings(
            account_sid=self.account_sid,
            api_key_sid=KEY,
            api_key_secret=SecretStr(self.secret),
            base_url=self.base_url or self.emulator.url,
            sync_url=self.emulator.url,
            sync_service=self.sync_service,
            caller_id=self.caller_id,
            request_timeout=timedelta(seconds=10),
        )
        urls = CallbackUrls(self.callback_url, self.node, self.callback_key.encode())
        self.found = [it async for it in examine(settings, urls, self.auth_token)]
        told = "\n".join(f"{it.text} {it.remedy}" for it in self.found)
        for secret in (COMPANY, self.secret, self.auth_token, self.callback_key):
            assert not secret or secret not in told
        assert all(it.remedy for it in self.found if it.level is not Level.OK)
        bad = [(it.check, it.level.value) for it in self.found if it.level is not Level.OK]
        assert [it for it in bad if it in HERE] == HERE
        return [it for it in bad if it not in HERE]

    def text(self, check: str) -> str:
        """Return what was found, and what to do."""
        (finding,) = (it for it in self.found if it.check == check)
        return f"{finding.text} -> {finding.remedy}"


@pytest.fixture(scope="module")
async def ingress(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[str]:
    """Run an ingress, and return where it is. It needs no Temporal for what the doctor asks."""
    address = free_address()
    variables = {
        "TEMPORAL_ADDRESS": NOBODY,
        "HOOKFLASH_TWILIO_CALLBACK_URL": f"http://{address}",
        "HOOKFLASH_TWILIO_CALLBACK_KEY": CALLBACK_KEY,
        "HOOKFLASH_TWILIO_AUTH_TOKEN": AUTH_TOKEN,
        "HOOKFLASH_INGRESS_ADDRESS": address,
    }
    log = tmp_path_factory.mktemp("ingress") / "log"
    async with worker_process(log, "ingress", **variables) as process:
        await process.ready()
        yield f"http://{address}"


@pytest.fixture
async def patient(ingress: str) -> AsyncIterator[Patient]:
    async with TwilioEmulator() as emulator:
        emulator.account.numbers[COMPANY] = True
        yield Patient(emulator, ingress)


async def test_a_sound_account(patient: Patient) -> None:
    assert await patient.bad() == []
    checks = [it.check for it in patient.found]
    assert checks == [
        *("region", "credentials", "account", "clock", "records", "caller id"),
        *("callback url", "ingress", "signatures", "auth token"),
    ]


@pytest.mark.twilio_api
async def test_all_that_is_asked_is_there_and_answered_as_twilio_describes_it(patient: Patient) -> None:
    judge = Judge.installed()
    assert judge is not None
    patient.emulator.account.key = KeyKind.MAIN
    patient.emulator.account.verified.add(COMPANY)
    assert await patient.bad() == []
    patient.emulator.account.numbers.clear()
    assert await patient.bad() == []
    exchanged = patient.emulator.exchanged
    assert judge.complaints(exchanged) == []
    assert {it.method for it in exchanged} == {"GET"}
    asked = {it.path.rpartition("/")[2].removesuffix(".json") for it in exchanged}
    assert asked == {ACCOUNT, "Calls", "Documents", "IncomingPhoneNumbers", "OutgoingCallerIds"}


# --- the account


@pytest.mark.parametrize("of", [{"secret": "a wrong secret"}, {"account_sid": "AC" + "f" * 32}])
async def test_credentials_that_are_none_of_the_account(patient: Patient, of: dict[str, str]) -> None:
    for name, value in of.items():
        setattr(patient, name, value)
    assert await patient.bad() == [("credentials", "failure")]
    assert "HOOKFLASH_TWILIO_API_KEY_SECRET" in patient.text("credentials")


async def test_a_suspended_account_is_named_to_who_may_ask(patient: Patient) -> None:
    patient.emulator.account.status = "suspended"
    patient.emulator.account.key = KeyKind.MAIN
    assert await patient.bad() == [("account", "failure")]
    assert "is suspended" in patient.text("account")
    # To another key it looks like a wrong one.
    patient.emulator.account.key = KeyKind.STANDARD
    assert await patient.bad() == [("credentials", "failure")]
    assert "suspended" in patient.text("credentials")


async def test_a_trial_calls_few(patient: Patient) -> None:
    patient.emulator.account.kind = "Trial"
    patient.emulator.account.key = KeyKind.MAIN
    assert await patient.bad() == [("account", "warning")]


async def test_nobody_answers(patient: Patient) -> None:
    patient.base_url = f"http://{NOBODY}"
    assert await patient.bad() == [("reachable", "failure")]
    # The ingress is looked at all the same.
    assert patient.text("signatures")


async def test_twilio_is_out_of_order(patient: Patient) -> None:
    patient.emulator.faults.outage = True
    assert await patient.bad() == [("reachable", "failure")]


async def test_a_clock_that_is_wrong(patient: Patient) -> None:
    patient.emulator.account.clock_ahead = timedelta(minutes=2)
    assert await patient.bad() == [("clock", "warning")]


async def test_records_need_sync(patient: Patient) -> None:
    patient.emulator.account.key = KeyKind.WITHOUT_SYNC
    assert await patient.bad() == [("records", "failure")]
    patient.emulator.account.key = KeyKind.STANDARD
    patient.sync_service = "IS" + "0" * 32
    assert await patient.bad() == [("records", "failure")]
    assert "HOOKFLASH_TWILIO_SYNC_SERVICE" in patient.text("records")


# --- the number


async def test_a_verified_number_may_be_shown(patient: Patient) -> None:
    patient.emulator.account.numbers.clear()
    patient.emulator.account.verified.add(COMPANY)
    assert await patient.bad() == []
    assert "verified" in patient.text("caller id")


async def test_a_number_of_nobody_may_not_be_shown(patient: Patient) -> None:
    # Twilio finds this one too, for the other is a part of it.
    patient.emulator.account.numbers = {f"{COMPANY}7": True}
    patient.emulator.account.verified.add(f"{COMPANY}8")
    assert await patient.bad() == [("caller id", "failure")]


async def test_a_number_for_messages_cannot_call(patient: Patient) -> None:
    patient.emulator.account.numbers[COMPANY] = False
    assert await patient.bad() == [("caller id", "failure")]


async def test_without_a_number_targets_may_fail(patient: Patient) -> None:
    patient.caller_id = None
    assert await patient.bad() == [("caller id", "warning")]


async def test_a_key_that_may_not_read_numbers_proves_nothing(patient: Patient) -> None:
    patient.emulator.account.key = KeyKind.WITHOUT_NUMBERS
    assert await patient.bad() == [("caller id", "warning")]


# --- the ingress


async def test_there_is_no_ingress(patient: Patient) -> None:
    patient.callback_url = f"http://{NOBODY}"
    assert await patient.bad() == [("ingress", "failure")]


async def test_the_ingress_is_for_another_node(patient: Patient) -> None:
    patient.node = "other"
    assert await patient.bad() == [("ingress", "failure")]
    assert "HOOKFLASH_TWILIO_NODE" in patient.text("ingress")


@pytest.mark.parametrize(("status", "said"), [(200, "somebody else"), (401, "in front of"), (502, "in front of")])
async def test_something_else_is_where_the_ingress_should_be(patient: Patient, status: int, said: str) -> None:
    async with answering(status, b"welcome") as patient.callback_url:
        assert await patient.bad() == [("ingress", "failure")]
    assert said in patient.text("ingress")


async def test_whoever_takes_what_nobody_has_signed_is_found(patient: Patient) -> None:
    async with answering(200, tone()) as patient.callback_url:
        assert await patient.bad() == [("signatures", "failure"), ("auth token", "failure")]
    assert "not signed" in patient.text("signatures")


@pytest.mark.parametrize("of", [{"auth_token": "another token"}, {"callback_key": "x" * 32}])
async def test_what_twilio_signs_would_be_refused(patient: Patient, of: dict[str, str]) -> None:
    for name, value in of.items():
        setattr(patient, name, value)
    assert await patient.bad() == [("auth token", "failure")]


async def test_without_the_token_nothing_is_signed(patient: Patient) -> None:
    patient.auth_token = ""
    assert await patient.bad() == []
    assert "not known here" in patient.text("auth token")


@asynccontextmanager
async def answering(status: int, body: bytes) -> AsyncGenerator[str]:
    """Run a server that answers everything alike, and give its URL."""

    async def answered(request: web.Request) -> web.StreamResponse:
        return web.Response(status=status, body=body)

    application = web.Application()
    application.add_routes([web.route("*", "/{tail:.*}", answered)])
    runner = web.AppRunner(application, access_log=None)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        host, port = runner.addresses[0][:2]
        yield f"http://{host}:{port}"
    finally:
        await runner.cleanup()


# --- hosts of Twilio's


@pytest.mark.parametrize(
    ("base_url", "sync_url", "level", "said"),
    [
        ("https://api.twilio.com", "https://sync.twilio.com", Level.OK, "us1, through the edge ashburn"),
        (
            "https://api.dublin.ie1.twilio.com",
            "https://sync.dublin.ie1.twilio.com",
            Level.OK,
            "ie1, through the edge du",
        ),
        ("https://api.dublin.us1.twilio.com", "https://sync.twilio.com", Level.OK, "us1, through the edge dublin"),
        ("https://api.sydney.au1.twilio.com", "https://sync.twilio.com", Level.WARNING, "calls are in au1"),
        ("https://sync.twilio.com", "https://sync.twilio.com", Level.FAILURE, "BASE_URL: sync is another product"),
        ("https://api.twilio.com", "https://api.twilio.com", Level.FAILURE, "SYNC_URL: api is another product"),
        ("https://twilio.proxy.example", "https://sync.twilio.com", Level.WARNING, "BASE_URL: this is no host"),
        ("https://api.twilio.com.example", "https://sync.twilio.com", Level.WARNING, "BASE_URL: this is no host"),
        ("https://twilio.proxy.example", "https://api.twilio.com", Level.FAILURE, "SYNC_URL: api is another product"),
    ],
)
def test_the_region_is_read_from_the_hosts(base_url: str, sync_url: str, level: Level, said: str) -> None:
    settings = TwilioSettings(
        account_sid=ACCOUNT, api_key_sid=KEY, api_key_secret=SecretStr(""), base_url=base_url, sync_url=sync_url
    )
    found = region(settings)
    assert found.level is level
    assert said in found.text
