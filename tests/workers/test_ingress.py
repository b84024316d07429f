"""The ingress as Twilio calls it: a process of its own, and a real Temporal server behind it."""

import asyncio
import json
import signal
import socket
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from temporalio.client import Client, WorkflowHandle

from hookflash import Evidence, ProviderEvent, names
from tests.support.polling import eventually
from tests.support.twilio_signing import CALL_SID, signed_form
from tests.workers.asking import ask
from tests.workers.ingress_process import NODE, PUBLIC, Ingress, Secrets, TemporalsLine, ingress_process
from tests.workers.process import temporal_at
from tests.workers.recorder import Recorder

pytestmark = pytest.mark.timeout(120)

Handle = WorkflowHandle[Any, Any]


@pytest.fixture(scope="module")
async def ingress(client: Client, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Ingress]:
    secrets = Secrets(tmp_path_factory.mktemp("ingress"))
    async with ingress_process(secrets, **temporal_at(client)) as running:
        yield running


@pytest.fixture
async def transfer(client: Client, recorder_queue: str) -> Handle:
    """A workflow that records what it is told."""
    return await client.start_workflow(Recorder.run, id=f"transfer:{NODE}:{uuid4()}", task_queue=recorder_queue)


def owner_of(transfer: Handle) -> str:
    assert transfer.result_run_id is not None
    return names.owner_token(transfer.id, transfer.result_run_id)


async def heard(transfer: Handle) -> list[ProviderEvent]:
    return await transfer.query(Recorder.heard)


async def test_what_twilio_tells_is_signalled_before_it_is_answered(ingress: Ingress, transfer: Handle) -> None:
    owner = owner_of(transfer)
    assert (await ingress.tell(owner, "leg-1", "initiated")).status == 204
    for status in ("ringing", "in-progress"):
        assert (await ingress.tell(owner, "leg-1", status)).status == 204
    answer = await ingress.tell(owner, "leg-1", "busy", SipResponseCode="486")
    assert (answer.status, answer.body) == (204, b"")
    assert await heard(transfer) == [
        ProviderEvent(kind="ringing", leg="leg-1"),
        ProviderEvent(kind="answered", leg="leg-1"),
        ProviderEvent(kind="ended", leg="leg-1", cause="busy", evidence=Evidence(sip_status=486, text="busy")),
    ]


async def test_what_is_told_again_counts_once_whoever_tells_it(ingress: Ingress, transfer: Handle) -> None:
    url, pressed = ingress.urls.screen(owner_of(transfer), "leg-1"), {"CallSid": CALL_SID, "Digits": "1"}
    # Twilio trying again, and somebody who has got hold of it: only what is signed cannot be changed.
    for token in ("first", "first", "made-up"):
        answer = await ingress.call(url, pressed, **{"I-Twilio-Idempotency-Token": token})
        assert answer.status == 200
    at_once = await asyncio.gather(*(ingress.call(url, pressed) for _ in range(10)))
    assert {it.status for it in at_once} == {200}
    assert await heard(transfer) == [ProviderEvent(kind="digit", leg="leg-1", digit="1")]


async def test_another_key_in_the_next_turn_is_another_event(ingress: Ingress, transfer: Handle) -> None:
    url = ingress.urls.screen(owner_of(transfer), "leg-1").partition("#")[0]
    for turn in ("", "?turn=1", "?turn=2"):
        assert (await ingress.call(url + turn, {"CallSid": CALL_SID, "Digits": "5"})).status == 200
    assert [it.digit for it in await heard(transfer)] == ["5", "5", "5"]


async def test_a_process_that_is_killed_has_nothing_to_lose(
    client: Client, recorder_queue: str, tmp_path: Path
) -> None:
    secrets = Secrets(tmp_path)
    transfer = await client.start_workflow(Recorder.run, id=f"transfer:{NODE}:{uuid4()}", task_queue=recorder_queue)
    owner = owner_of(transfer)
    async with ingress_process(secrets, **temporal_at(client)) as first:
        assert (await first.tell(owner, "leg-1", "ringing")).status == 204
        first.process.send(signal.SIGKILL)
        await first.process.end()
    async with ingress_process(secrets, **temporal_at(client)) as second:
        # Twilio has not got its answer, and tells it again; the URL was made before.
        assert (await second.tell(owner, "leg-1", "ringing")).status == 204
        assert (await second.tell(owner, "leg-1", "in-progress")).status == 204
        second.process.send(signal.SIGTERM)
        assert await second.process.end() == 0
    assert [it.kind for it in await heard(transfer)] == ["ringing", "answered"]


async def test_what_is_not_twilios_is_refused_and_nobody_hears_of_it(
    ingress: Ingress, transfer: Handle, tmp_path: Path
) -> None:
    owner = owner_of(transfer)
    url, form = ingress.urls.leg(owner, "leg-1"), {"CallSid": CALL_SID, "CallStatus": "completed"}
    body, headers = signed_form(url, form, ingress.secrets.token)
    unsigned = {name: it for name, it in headers.items() if name != "X-Twilio-Signature"}
    others_body, others = signed_form(url, form, "the token of another account")
    of_others = Secrets(tmp_path).urls.leg(owner, "leg-1")
    forged = f"{PUBLIC}/twilio/{NODE}/leg/WyJhIl0/AAAAAAAAAAAAAAAAAAAAAA"
    elsewhere = url.replace(f"/{NODE}/", "/unknown/")
    refusals = [
        (await ingress.send(url, body, **unsigned), 401, "no_signature"),
        (await ingress.send(url, others_body, **others), 403, "wrong_signature"),
        (await ingress.send(url, body + b"&Digits=1", **headers), 403, "wrong_signature"),
        (await ingress.send(f"{url.partition('#')[0]}?a=b", body, **headers), 403, "wrong_signature"),
        (await ingress.call(of_others, form), 403, "forged_path"),
        (await ingress.call(forged, form), 403, "forged_path"),
        (await ingress.call(url.partition("#")[0][:-1], form), 403, "forged_path"),
        (
            await ingress.call(url, form, **{"X-Twilio-Webhooks-Signature-Settings": "key=x,algorithm=HMAC_SHA256"}),
            403,
            "unknown_key",
        ),
        (await ingress.call(elsewhere, form), 404, "unknown_path"),
        (await ingress.send(f"{PUBLIC}/", b""), 404, "unknown_path"),
        (await ingress.send(url, body, "PUT", **headers), 405, "method"),
        (await ingress.call(url, form, **{"Content-Type": "application/json"}), 415, "content_type"),
        (await ingress.call(url, {**form, "Filler": "x" * 70_000}), 413, "too_large"),
        (await ingress.call(url, {"CallSid": CALL_SID}), 400, "malformed"),
        (await ingress.call(url, {**form, "CallSid": "+4915550100017"}), 400, "malformed"),
    ]
    assert [it.status for it, *_ in refusals] == [status for _, status, _ in refusals]
    assert await heard(transfer) == []
    for reason in {reason for *_, reason in refusals}:
        assert await ingress.refused(reason=reason) >= sum(it == reason for *_, it in refusals), reason
    assert refusals[-2][0].body == b"CallStatus: missing\n"
    assert refusals[-1][0].body == b"CallSid: has to be CA and 32 hexadecimal digits\n"


async def test_a_shared_key_is_as_good_as_the_token_which_may_change(
    client: Client, transfer: Handle, tmp_path: Path
) -> None:
    secrets = Secrets(tmp_path)
    url = secrets.urls.leg(owner_of(transfer), "leg-1")
    async with ingress_process(secrets, **temporal_at(client)) as ingress:
        body, headers = signed_form(
            url, {"CallSid": CALL_SID, "CallStatus": "ringing"}, secrets.shared, key_id="webhooks_key_1"
        )
        assert (await ingress.send(url, body, **headers)).status == 204
        answered = {"CallSid": CALL_SID, "CallStatus": "in-progress"}
        body, headers = signed_form(url, answered, secrets.token)
        secrets.change_token("another token")
        assert (await ingress.send(url, body, **headers)).status == 403
        assert (await ingress.call(url, answered)).status == 204
    assert [it.kind for it in await heard(transfer)] == ["ringing", "answered"]


async def test_what_a_request_says_of_its_host_is_not_believed(ingress: Ingress, transfer: Handle) -> None:
    url, form = ingress.urls.leg(owner_of(transfer), "leg-1"), {"CallSid": CALL_SID, "CallStatus": "ringing"}
    assert (await ingress.call(url, form, Host="evil.example", **{"X-Forwarded-Host": "evil.example"})).status == 204
    body, headers = signed_form(url.replace("hooks.example", "evil.example"), form, ingress.secrets.token)
    assert (await ingress.send(url, body, **headers, Host="evil.example")).status == 403


async def test_what_comes_late_is_answered_and_changes_nothing(
    ingress: Ingress, client: Client, transfer: Handle
) -> None:
    owner = owner_of(transfer)
    await transfer.signal(Recorder.over)
    await transfer.result()
    assert (await ingress.tell(owner, "leg-1", "completed")).status == 204
    assert (await ingress.tell("transfer:main:never/there", "leg-1", "completed")).status == 204
    assert (await ingress.tell("", "leg-1", "completed")).status == 204
    assert await ingress.refused(reason="temporal") == 0


async def test_who_owns_a_leg_by_now_is_told(
    ingress: Ingress, client: Client, recorder_queue: str, transfer: Handle
) -> None:
    owner = owner_of(transfer)
    await transfer.signal(Recorder.over)
    await transfer.result()
    watch_id = names.supervision_id(*names.owning_run(owner))  # pyright: ignore[reportArgumentType] it names a run
    watch = await client.start_workflow(Recorder.run, id=watch_id, task_queue=recorder_queue)
    assert (await ingress.tell(owner, "leg-1", "in-progress")).status == 204
    assert [it.kind for it in await heard(watch)] == ["answered"]

    await watch.signal(Recorder.over)
    await watch.result()
    again = await client.start_workflow(Recorder.run, id=transfer.id, task_queue=recorder_queue)
    for former in (owner, owner_of(watch)):
        assert (await ingress.tell(former, "leg-1", "completed")).status == 204
    assert [it.kind for it in await heard(again)] == ["ended", "ended"]
    assert [it.kind for it in await heard(watch)] == ["answered"]

    await again.signal(Recorder.over)
    await again.result()
    last_id = names.supervision_id(*names.owning_run(owner_of(again)))  # pyright: ignore[reportArgumentType] as above
    last = await client.start_workflow(Recorder.run, id=last_id, task_queue=recorder_queue)
    for former in (owner, owner_of(watch), owner_of(again)):
        assert (await ingress.tell(former, "leg-1", "completed", Duration="17")).status == 204
    assert [it.kind for it in await heard(last)] == ["ended", "ended", "ended"]


async def test_what_temporal_did_not_take_is_in_the_log_with_the_leg_and_its_transfer(
    client: Client, transfer: Handle, tmp_path: Path
) -> None:
    owner = owner_of(transfer)
    async with TemporalsLine(client.service_client.config.target_host) as line:
        more = {"HOOKFLASH_INGRESS_PATIENCE": "0.8", "HOOKFLASH_LOG_FORMAT": "json"}
        variables = {**temporal_at(client), "TEMPORAL_ADDRESS": line.address, **more}
        async with ingress_process(Secrets(tmp_path), **variables) as ingress:
            line.fall_silent()
            assert (await ingress.tell(owner, "leg-1", "ringing")).status == 503
            lines = [json.loads(it) for it in ingress.process.log.splitlines()]
    (refused,) = [it for it in lines if "a webhook was refused (temporal)" in it["message"]]
    assert (refused["leg"], f"{refused['transfer']}/{refused['run']}") == ("leg-1", owner)


async def test_temporal_that_does_not_answer_has_twilio_try_again_and_the_leg_asked_again(
    client: Client, transfer: Handle, tmp_path: Path
) -> None:
    owner = owner_of(transfer)
    async with TemporalsLine(client.service_client.config.target_host) as line:
        short = {"HOOKFLASH_INGRESS_PATIENCE": "0.8"}
        variables = {**temporal_at(client), "TEMPORAL_ADDRESS": line.address, **short}
        async with ingress_process(Secrets(tmp_path), **variables) as ingress:
            line.fall_silent()
            began = time.monotonic()
            answer = await ingress.tell(owner, "leg-1", "ringing")
            assert (answer.status, answer.headers["retry-after"]) == (503, "1")
            # What Twilio waits for is five times that; what a busy machine makes of 0.8 s is not judged.
            assert time.monotonic() - began < 10
            pressed = await ingress.call(
                ingress.urls.screen(owner, "leg-1", "", "prompt"), {"CallSid": CALL_SID, "Digits": "1"}
            )
            assert (pressed.status, b"prompt.mp3" in pressed.body) == (200, True)
            assert await ingress.refused(reason="temporal", provider=NODE) == 2
            # What needs no Temporal goes on.
            assert (await ingress.fetch(ingress.urls.hold("opus"))).status == 200
            assert (await ask(f"http://{ingress.health}/readyz")).status == 200
            line.heal()

            async def told() -> bool | None:
                return (await ingress.tell(owner, "leg-1", "ringing")).status == 204 or None

            await eventually(told, "Temporal's answer", 30)

            async def known() -> list[ProviderEvent] | None:
                events = await heard(transfer)
                return events if any(it.kind == "ringing" for it in events) else None

            events = await eventually(known, "the event", 30)
            # However often it was tried, and although the first try may have got through after all.
            assert [it.kind for it in events if it.kind == "ringing"] == ["ringing"]


async def test_before_temporal_is_there_music_is_played_and_events_are_to_be_told_again(tmp_path: Path) -> None:
    nobody = {"TEMPORAL_ADDRESS": "127.0.0.1:1", "TEMPORAL_NAMESPACE": "default"}
    async with ingress_process(Secrets(tmp_path), False, **nobody) as ingress:
        assert (await ingress.fetch(ingress.urls.hold("opus"))).body.endswith(
            b'<Response><Play loop="0">https://media.example/opus.mp3</Play></Response>'
        )
        assert (await ingress.tell("transfer:main:a/b", "leg-1", "ringing")).status == 503
        ready = await ask(f"http://{ingress.health}/readyz")
        assert (ready.status, ready.body) == (503, b'{"ready": false, "reasons": ["not connected to Temporal"]}')
        assert (await ask(f"http://{ingress.health}/livez")).status == 200
        ingress.process.send(signal.SIGTERM)
        assert await ingress.process.end() == 0


async def test_more_than_it_can_hold_is_to_be_told_again(client: Client, transfer: Handle, tmp_path: Path) -> None:
    owner = owner_of(transfer)
    async with TemporalsLine(client.service_client.config.target_host) as line:
        variables = {
            **temporal_at(client),
            "TEMPORAL_ADDRESS": line.address,
            "HOOKFLASH_INGRESS_AT_ONCE": "3",
        }
        async with ingress_process(Secrets(tmp_path), **variables) as ingress:
            line.fall_silent()
            burst = [asyncio.create_task(ingress.tell(owner, f"leg-{number}", "ringing")) for number in range(8)]
            for _ in range(5):  # those beyond the three are answered at once
                done, _ = await asyncio.wait(burst, return_when=asyncio.FIRST_COMPLETED)
                (answered,) = list(done)[:1]
                assert answered.result().status == 503
                burst.remove(answered)
            assert await ingress.refused(reason="overloaded") == 5
            line.heal()
            assert [it.status for it in await asyncio.gather(*burst)] == [204, 204, 204]
    assert len(await heard(transfer)) == 3


async def test_a_burst_is_taken(ingress: Ingress, transfer: Handle) -> None:
    owner = owner_of(transfer)
    answers = await asyncio.gather(*(ingress.tell(owner, f"leg-{number}", "ringing") for number in range(100)))
    # A busy machine may be too slow for some. Those are told again, and count once.
    for number, answer in enumerate(answers):
        assert answer.status in (204, 503)

        async def told(number: int = number) -> bool | None:
            return (await ingress.tell(owner, f"leg-{number}", "ringing")).status == 204 or None

        if answer.status == 503:
            await eventually(told, "an answer", 30)
    assert sorted(it.leg for it in await heard(transfer)) == sorted(f"leg-{number}" for number in range(100))


async def test_a_body_that_does_not_come_is_not_waited_for(ingress: Ingress) -> None:
    def half() -> bytes:
        host, port = ingress.address.removeprefix("http://").split(":")
        with socket.create_connection((host, int(port)), timeout=30) as connection:
            connection.sendall(
                b"POST /twilio/main/leg/a/b HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n"
                b"Content-Type: application/x-www-form-urlencoded\r\n\r\na=1"
            )
            return connection.recv(1000)

    assert (await asyncio.to_thread(half)).startswith(b"HTTP/1.1 408")
    assert await ingress.refused(reason="too_slow") == 1


async def test_it_counts_what_it_takes_and_nobody_else_makes_up_a_label(ingress: Ingress, transfer: Handle) -> None:
    before = await ingress.measured()
    await ingress.tell(owner_of(transfer), "leg-1", "ringing")
    await ingress.fetch(ingress.urls.hold("opus"))
    await ingress.send(f"{PUBLIC}/twilio/{uuid4()}/leg/a/b", b"")
    after = await ingress.measured()
    received = "hookflash_webhooks_received_total"
    for kind in ("leg", "hold"):
        grown = [it.total(received, kind=kind, provider=NODE) for it in (before, after)]
        assert grown[1] - grown[0] == 1
    for name in (received, "hookflash_webhooks_refused_total"):
        assert {labels["provider"] for labels, _ in after.series(name)} <= {NODE, "none"}


async def test_it_shows_that_it_takes_webhooks(ingress: Ingress) -> None:
    shown = (await ingress.measured()).series("hookflash_ingress_up")
    assert [(labels["provider"], value) for labels, value in shown] == [(NODE, 1.0)]


async def test_its_log_says_why_it_refuses_and_nothing_of_people(ingress: Ingress, transfer: Handle) -> None:
    url = ingress.urls.leg(owner_of(transfer), "leg-1")
    await ingress.call(url, {"CallSid": "+4915550100017", "CallStatus": "ringing", "CallerName": "Zebulon Quux"})
    await ingress.process.logs("a webhook was refused (malformed): ")
    for private in ("5550100017", "Zebulon", ingress.secrets.token, ingress.secrets.key, ingress.secrets.shared):
        assert private not in ingress.process.log
    assert url not in ingress.process.log
