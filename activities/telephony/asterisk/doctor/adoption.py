"""Whether calls of the dialplan can be taken over: the manager interface, and the context that they go through."""

from collections.abc import AsyncIterator, Collection, Iterator, Mapping

from activities.telephony.asterisk.adopting import AGENT, CONTEXT, CUSTOMER
from activities.telephony.asterisk.doctor.dialplan import BACKSTOP, INCLUDE, named
from activities.telephony.asterisk.doctor.probe import Probe
from activities.telephony.asterisk.manager import LoginRefused, Manager, Untrusted
from activities.telephony.asterisk.settings import AsteriskSettings, ManagerSettings
from activities.telephony.errors import OutcomeUnknown, ProtocolError, ProviderUnavailable
from hookflash._findings import Finding, failure, ok, warning

NEEDED = frozenset({"Setvar", "Redirect"})
"""What an adoption does."""
TOO_MUCH: Mapping[str, str] = {
    "Command": "run commands of the console",
    "ModuleLoad": "load modules",
    "Originate": "begin calls",
    "UpdateConfig": "change the configuration",
}
"""Action, and what its holder may do: one for each class that is more than ``call``."""


async def manager(settings: AsteriskSettings) -> AsyncIterator[Finding]:
    """Look at the manager interface, if there is one to be used. It changes nothing."""
    there = settings.manager
    if there is None:
        return
    if there.in_clear:
        text = "another machine without TLS: everybody on the way can read the password and redirect every call"
        remedy = (
            "manager.conf: tlsenable=yes, tlsbindaddr, tlscertfile, tlsprivatekey; and HOOKFLASH_ASTERISK_MANAGER_TLS"
        )
        yield warning("manager", text, remedy)
    try:
        async with Manager(there, settings.request_timeout) as connection:
            allowed = await connection.actions()
    except (ProviderUnavailable, ProtocolError, OutcomeUnknown) as error:
        yield failure("manager", str(error), _remedy(error, there))
        return
    for finding in _rights(there, allowed):
        yield finding


def _remedy(error: Exception, settings: ManagerSettings) -> str:
    if isinstance(error, LoginRefused):
        return (
            f"manager.conf: [{settings.username}] with the secret of HOOKFLASH_ASTERISK_MANAGER_PASSWORD, and permit= "
            "that lets this machine in; then 'manager reload'"
        )
    if isinstance(error, Untrusted):
        return (
            "the host in HOOKFLASH_ASTERISK_MANAGER_HOST must stand in the certificate (manager.conf: tlscertfile), "
            "and the authority that signed it in HOOKFLASH_ASTERISK_MANAGER_CA_FILE"
        )
    of_tls = "tlsenable=yes, tlsbindaddr, tlscertfile" if settings.tls else "port; with TLS it is another one"
    return (
        f"manager.conf: enabled=yes, bindaddr, {of_tls}; it must be that of HOOKFLASH_ASTERISK_MANAGER_HOST and "
        "HOOKFLASH_ASTERISK_MANAGER_PORT"
    )


def _rights(settings: ManagerSettings, allowed: Collection[str]) -> Iterator[Finding]:
    remedy = f"manager.conf: write = call in [{settings.username}], and no read; then 'manager reload'"
    if lacking := sorted(NEEDED.difference(allowed)):
        yield failure("manager", f"the user may not {' and '.join(lacking)}: no call can be taken over", remedy)
    elif more := [it for action, it in TOO_MUCH.items() if action in allowed]:
        yield warning("manager", f"the user may also {', '.join(more)}, which nothing here needs", remedy)
    else:
        way = "over TLS" if settings.tls else "without TLS"
        yield ok("manager", f"reached {way}; the user may redirect calls, and no more")


async def places(probe: Probe, settings: ManagerSettings, callers: Collection[str]) -> AsyncIterator[Finding]:
    """Look for what calls are taken through, and for where they are taken from.

    Args:
        probe: What to ask by.
        settings: What may be taken.
        callers: Contexts of the endpoints, as far as they can be seen.

    Raises:
        ProbeError: Asterisk cannot say.
    """
    bad = False
    if lacking := [it for it in (CUSTOMER, AGENT) if not await probe.exists(CONTEXT, it)]:
        bad = True
        text = f"[{CONTEXT}] has no extension {', '.join(lacking)}: whoever is taken over is lost"
        yield failure("adoption", text, INCLUDE)
    elif not await probe.exists(CONTEXT, BACKSTOP):
        bad = True
        text = f"[{CONTEXT}] has no extension {BACKSTOP}: who was taken over is hung up on if the engine stays dead"
        yield warning("adoption", text, INCLUDE)
    if lost := [it for it in settings.contexts if not await probe.has_context(it)]:
        bad = True
        remedy = "extensions.conf, or other names in HOOKFLASH_ASTERISK_MANAGER_CONTEXTS"
        yield failure("adoption", f"there is no {named(lost)}: no call is taken from there", remedy)
    if callers and not set(callers).intersection(settings.contexts):
        bad = True
        text = "the contexts of the endpoints are not listed, and whoever was called by Dial() is in one of them"
        remedy = f"HOOKFLASH_ASTERISK_MANAGER_CONTEXTS: add those of {named(callers)} that your agents are in"
        yield warning("adoption", text, remedy)
    if not bad:
        yield ok("adoption", f"[{CONTEXT}] is there; calls may be taken from {named(settings.contexts)}")
