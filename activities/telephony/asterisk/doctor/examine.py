"""The whole examination of a node."""

from collections.abc import AsyncIterator
from dataclasses import dataclass

from activities.telephony.asterisk.client import AriClient, InternalError
from activities.telephony.asterisk.doctor import adoption, node
from activities.telephony.asterisk.doctor.dialplan import endpoint_contexts, hooks
from activities.telephony.asterisk.doctor.endpoints import Endpoint, endpoints, judged
from activities.telephony.asterisk.doctor.probe import Probe, ProbeError, probe
from activities.telephony.asterisk.doctor.sounds import sounds
from activities.telephony.asterisk.settings import AsteriskSettings
from activities.telephony.errors import ProtocolError, TelephonyError
from hookflash._findings import Finding, Level, failure, ok, warning


@dataclass(frozen=True, slots=True)
class Expectations:
    """What transfers on this node will use. The defaults are those of the contract."""

    music: tuple[str, ...] = ("default",)
    """Classes of ``policy.hold_music``."""
    recordings: tuple[str, ...] = ("hookflash-accept",)
    """Prompts, announcements and farewells."""
    places: tuple[str, ...] = ("hookflash-fallback",)
    """Where customers are handed off to: ``context[,extension[,priority]]``."""


async def examine(settings: AsteriskSettings, expected: Expectations) -> AsyncIterator[Finding]:
    """Look at a node and yield what is found. It rings nobody, and leaves nothing behind.

    Raises:
        InvalidAddressError: A place is none.
    """
    yield node.transport(settings)
    client = AriClient(settings)
    try:
        reached = await node.reach(client)
        yield reached
        if reached.level is Level.FAILURE:
            return
        yield await node.clock(client)
        async for finding in _inside(client, settings, expected):
            yield finding
    except (TelephonyError, InternalError) as error:
        yield failure(
            "reachable", f"the examination was not finished: {error}", "look into Asterisk's log, and repeat it"
        )
    finally:
        await client.close()


async def _inside(client: AriClient, settings: AsteriskSettings, expected: Expectations) -> AsyncIterator[Finding]:
    for finding in await node.modules(client):
        yield finding
    async for finding in adoption.manager(settings):
        yield finding
    phones = await endpoints(client)
    for finding in judged(phones, settings.trunk):
        yield finding
    try:
        async with probe(client, settings) as made:
            yield ok("permissions", "the user may command calls, and listen to their events")
            async for finding in _by_probe(made, settings, expected, phones):
                yield finding
    except ProtocolError as error:
        yield failure("permissions", str(error), f"ari.conf: read_only=no in [{settings.username}]")
    except ProbeError as error:
        yield failure("permissions", str(error), "look into Asterisk's log for why; nothing else could be examined")


async def _by_probe(
    probe: Probe, settings: AsteriskSettings, expected: Expectations, phones: tuple[Endpoint, ...]
) -> AsyncIterator[Finding]:
    yield await _variables(probe)
    contexts = sorted({it.context for it in phones if it.context})
    parts = [
        ("dialplan", hooks(probe, expected.places, expected.recordings)),
        ("302 guard", endpoint_contexts(probe, contexts)),
        ("sounds", sounds(probe, expected.music, expected.recordings)),
    ]
    if settings.manager is not None:
        parts.append(("adoption", adoption.places(probe, settings.manager, contexts)))
    for check, findings in parts:
        try:
            async for finding in findings:
                yield finding
        except ProbeError as error:
            yield warning(check, f"could not be examined: {error}", "repair what is said above, and repeat this")


async def _variables(probe: Probe) -> Finding:
    if await probe.reports_variables():
        return ok("variables", "are reported, so that any worker can go on where another one stopped")
    return failure("variables", "are not reported: no transfer would work", "use Asterisk 22.10 or later")
