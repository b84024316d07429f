"""What the client says of answers: what is certain, and nothing that was sent."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
from aiohttp import web
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from pydantic import SecretStr, ValidationError

from activities.telephony.errors import OutcomeUnknown, ProtocolError, ProviderUnavailable
from activities.telephony.twilio.client import NotAllowedError, RateLimited, RefusedError, TwilioClient
from activities.telephony.twilio.resources import Call
from activities.telephony.twilio.settings import TwilioSettings

ACCOUNT, KEY = "AC" + "a" * 32, "SK" + "b" * 32
NUMBER = "+14155550142"
SECRET = "top-secret"
CALL = {"sid": "CA" + "1" * 32, "status": "in-progress"}


class Server:
    """Answers as it is told."""

    def __init__(self) -> None:
        self.status = 200
        self.body = b"{}"
        self.headers: dict[str, str] = {}
        self.delay = 0.0
        self.cut = False
        self.asked: list[str] = []
        self.url = ""

    async def answer(self, request: web.Request) -> web.Response:
        self.asked.append(f"{request.method} {request.path}")
        await asyncio.sleep(self.delay)
        if self.cut and request.transport is not None:
            request.transport.abort()
        return web.Response(status=self.status, body=self.body, headers=self.headers, content_type="application/json")


@pytest.fixture
async def server() -> AsyncIterator[Server]:
    server = Server()
    application = web.Application()
    application.add_routes([web.route("*", "/{tail:.*}", server.answer)])
    runner = web.AppRunner(application)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    host, port = runner.addresses[0][:2]
    server.url = f"http://{host}:{port}"
    yield server
    await runner.cleanup()


@pytest.fixture
async def client(server: Server) -> AsyncIterator[TwilioClient]:
    client = TwilioClient(settings(base_url=server.url))
    yield client
    await client.close()


def settings(**more: object) -> TwilioSettings:
    given = {"account_sid": ACCOUNT, "api_key_sid": KEY, "api_key_secret": SecretStr(SECRET)}
    return TwilioSettings.model_validate(given | {"request_timeout": timedelta(seconds=0.5)} | more)


async def post(client: TwilioClient) -> None:
    await client.post(f"{client.account}/Calls.json", [("To", NUMBER)])


async def get(client: TwilioClient) -> Call | None:
    return await client.get(f"{client.account}/Calls/{CALL['sid']}.json", Call.model_validate, [("To", NUMBER)])


ERROR = b'{"code": 21220, "message": "no %s", "status": 400}' % NUMBER.encode()


@pytest.mark.parametrize(
    ("status", "body", "posted", "got"),
    [
        (400, ERROR, RefusedError, ProtocolError),
        (404, b"<html>", ProviderUnavailable, ProviderUnavailable),
        (401, b'{"code": 20003}', NotAllowedError, NotAllowedError),
        (403, b"", NotAllowedError, NotAllowedError),
        (429, b'{"code": 20429}', RateLimited, RateLimited),
        (500, b"", OutcomeUnknown, ProviderUnavailable),
        (503, b'{"code": 20503}', OutcomeUnknown, ProviderUnavailable),
        (302, b"", ProviderUnavailable, ProviderUnavailable),
    ],
)
async def test_an_answer_says_whether_anything_was_done(
    server: Server, client: TwilioClient, status: int, body: bytes, posted: type[Exception], got: type[Exception]
) -> None:
    server.status, server.body = status, body
    for attempt, expected in ((post, posted), (get, got)):
        with pytest.raises(expected) as raised:
            await attempt(client)
        assert type(raised.value) is expected
        assert str(status) in str(raised.value)
        for private in (NUMBER, SECRET, "http://"):
            assert private not in str(raised.value)
    assert len(server.asked) == 2, "nothing is tried again by itself"


async def test_what_is_not_there_is_nothing(server: Server, client: TwilioClient) -> None:
    server.status, server.body = 404, b'{"code": 20404, "message": "not found", "status": 404}'
    assert await get(client) is None


async def test_what_makes_no_sense_is_said(server: Server, client: TwilioClient) -> None:
    server.body = b'{"sid": "CA1", "status": "dreaming"}'
    with pytest.raises(ProtocolError, match="was not answered by Twilio"):
        await get(client)


async def test_too_many_requests_say_when_to_come_back(server: Server, client: TwilioClient) -> None:
    server.status, server.headers = 429, {"Retry-After": "2"}
    with pytest.raises(RateLimited) as raised:
        await post(client)
    assert (raised.value.retry_after, raised.value.kind) == (timedelta(seconds=2), ProviderUnavailable.kind)


@pytest.mark.parametrize("slow", [True, False])
async def test_without_an_answer_nobody_knows(server: Server, client: TwilioClient, slow: bool) -> None:
    server.delay, server.cut = (5.0, False) if slow else (0.0, True)
    with pytest.raises(OutcomeUnknown):
        await post(client)
    with pytest.raises(ProviderUnavailable):
        await get(client)


async def test_what_was_not_sent_was_not_done() -> None:
    client = TwilioClient(settings(base_url="http://127.0.0.1:9"))
    with pytest.raises(ProviderUnavailable, match="was not sent"):
        await post(client)
    await client.close()
    with pytest.raises(ProviderUnavailable, match="are closed"):
        await post(client)


async def test_a_secret_is_read_for_every_request(server: Server) -> None:
    class Changing(SecretStr):
        def get_secret_value(self) -> str:
            secrets.append("x")
            return super().get_secret_value()

    secrets: list[str] = []
    client = TwilioClient(settings(base_url=server.url).model_copy(update={"api_key_secret": Changing("x")}))
    await post(client)
    await post(client)
    assert len(secrets) == 2
    await client.close()


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("base_url", "http://twilio.example"),
        ("sync_url", "ftp://sync.twilio.com"),
        ("places_url", "https://flows.example/?x=1"),
        ("account_sid", "AC123"),
        ("api_key_sid", "key"),
        ("caller_id", "4155550100"),
        ("sync_service", "mine"),
    ],
)
def test_settings_that_are_wrong_name_their_field(field: str, value: str) -> None:
    with pytest.raises(ValidationError) as raised:
        settings(**{field: value})
    assert [it["loc"] for it in raised.value.errors()] == [(field,)]
    assert SECRET not in str(raised.value)


async def test_a_request_is_a_span_of_what_it_was_made_for_and_names_its_route_only(
    client: TwilioClient, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = InMemorySpanExporter()
    tracing = TracerProvider(shutdown_on_exit=False)
    tracing.add_span_processor(SimpleSpanProcessor(kept))
    monkeypatch.setattr(trace, "get_tracer", tracing.get_tracer)
    with tracing.get_tracer("tests").start_as_current_span("RunActivity:arrange") as above:
        await client.post(f"{client.account}/Calls/{CALL['sid']}.json", [("To", NUMBER)])
        await client.get(f"{client.account}/Calls.json", str, [("To", NUMBER)])
        server.cut = True
        with pytest.raises(OutcomeUnknown):
            await client.delete(f"{client.account}/Conferences/CF1/Participants/{NUMBER}.json")
    *requests, _ = kept.get_finished_spans()
    assert [it.name for it in requests] == [
        "POST /2010-04-01/Accounts/{id}/Calls/{id}.json",
        "GET /2010-04-01/Accounts/{id}/Calls.json",
        "DELETE /2010-04-01/Accounts/{id}/Conferences/{id}/Participants/{id}.json",
    ]
    assert {it.parent.span_id for it in requests if it.parent} == {above.get_span_context().span_id}
    first, _, last = (it.attributes or {} for it in requests)
    assert first["http.response.status_code"] == 200
    assert last["error.type"] == "ServerDisconnectedError"
    for private in (NUMBER, ACCOUNT, SECRET):
        assert private not in "".join(it.to_json() for it in requests)
