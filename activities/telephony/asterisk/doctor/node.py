"""What ARI shows of a node by itself: its version, its clock and its modules."""

import re
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta

from pydantic import AwareDatetime, BaseModel, TypeAdapter, ValidationError

from activities.telephony.asterisk.client import AriClient, CredentialsRefused, path
from activities.telephony.asterisk.settings import AsteriskSettings
from activities.telephony.errors import ProtocolError, ProviderUnavailable
from hookflash._findings import Finding, failure, ok, warning

TESTED = (22, 10)
"""Oldest version that Hookflash is tested with: the first that reports variables with events."""
SKEW = timedelta(seconds=2)
"""Difference of two clocks that nobody would notice."""

NEEDED: Mapping[str, str] = {
    "res_ari_channels": "no leg can be made or moved",
    "res_ari_bridges": "nobody can be connected",
    "res_ari_events": "nothing is ever learnt of a leg",
    "res_ari_applications": "the end of a leg is never learnt",
    "res_ari_endpoints": "a wrong destination cannot be told from a failure",
    "res_ari_playbacks": "no prompt can be ended",
    "res_stasis_answer": "res_ari_channels does not start",
    "res_stasis_playback": "res_ari_channels does not start",
    "res_stasis_recording": "res_ari_channels does not start",
    "res_stasis_snoop": "res_ari_channels does not start",
    "chan_pjsip": "no phone can be called",
    "bridge_simple": "two parties cannot talk",
    "bridge_softmix": "three parties cannot talk",
    "bridge_holding": "nobody can be put on hold",
    "res_musiconhold": "a customer on hold hears nothing",
    "pbx_config": "there is no dialplan, so no fallback",
    "func_timeout": "a customer on hold is lost when the engine is dead",
    "func_dialplan": "nothing is handed off, nobody hears a farewell",
}
"""Module, and what happens without it: transfers fail, or somebody is lost."""
USEFUL: Mapping[str, str] = {
    "app_playback": "there are no farewells and no announcements to who talks",
    "app_amd": "no machine is noticed",
    "func_channel": "who is left with a phone that is on hold hears nothing",
    "func_callerid": "the customer's number is not shown",
    "res_pjsip_caller_id": "the customer's number is not shown",
    "res_pjsip_header_funcs": "targets get no headers with the context",
    "res_pjsip_rfc3326": "phones that ring in vain are not told that somebody else has answered",
}
"""Module, and what is missing without it."""


class _System(BaseModel):
    version: str = ""


class _Info(BaseModel):
    system: _System


class _Ping(BaseModel):
    timestamp: AwareDatetime


class _Module(BaseModel):
    name: str
    status: str = ""


_MODULES = TypeAdapter(tuple[_Module, ...])


def transport(settings: AsteriskSettings) -> Finding:
    """Judge the way to the node."""
    if settings.in_clear:
        return warning(
            "transport",
            "http to another machine: everybody on the way can read the password and command every call",
            "http.conf: tlsenable=yes, tlsbindaddr, tlscertfile, tlsprivatekey; and https: in HOOKFLASH_ASTERISK_URL",
        )
    if settings.url.startswith("https:"):
        by = "HOOKFLASH_ASTERISK_CA_FILE" if settings.ca_file else "the authorities this machine trusts"
        return ok("transport", f"https, the certificate is judged by {by}")
    return ok("transport", "http on this machine")


async def reach(client: AriClient) -> Finding:
    """Ask the node for its version: the first request, which shows whether we are let in."""
    try:
        info = await client.get(path("asterisk", "info"), _Info.model_validate)
    except ProviderUnavailable as error:
        return failure("reachable", str(error), _way_to(str(error)))
    except CredentialsRefused:
        return failure(
            "credentials",
            "Asterisk does not know the user, or not with this password",
            "ari.conf: a section named as HOOKFLASH_ASTERISK_USERNAME with type=user and password=...; then "
            "'module reload res_ari.so'",
        )
    except ProtocolError as error:
        return failure("credentials", str(error), "ari.conf: permit= and acl= of the user must let this machine in")
    version = info.system.version if info is not None else ""
    found = re.match(r"(?:GIT-)?(\d+)\.(\d+)", version)
    if found is not None and (int(found[1]), int(found[2])) >= TESTED:
        return ok("version", f"Asterisk {version}")
    return warning(
        "version", f"Asterisk {version or 'of an unknown version'}", "use 22.10 or later: nothing else is tested"
    )


def _way_to(said: str) -> str:
    if "Certificate" in said:
        return (
            "the host in HOOKFLASH_ASTERISK_URL must stand in the certificate (http.conf: tlscertfile), and the "
            "authority that signed it in HOOKFLASH_ASTERISK_CA_FILE"
        )
    if "not by ARI" in said:
        return "HOOKFLASH_ASTERISK_URL ends in /ari; modules.conf: load = res_ari.so, load = res_ari_asterisk.so"
    return "http.conf: enabled=yes, bindaddr, bindport (https: tlsenable=yes, tlsbindaddr); is Asterisk running?"


async def clock(client: AriClient) -> Finding:
    """Compare the node's clock with ours."""
    before = datetime.now(UTC)
    try:
        ping = await client.get(path("asterisk", "ping"), _Ping.model_validate)
    except (ProtocolError, ValidationError):
        ping = None
    after = datetime.now(UTC)
    if ping is None:
        return warning("clock", "the node does not tell its time", "modules.conf: load = res_ari_asterisk.so")
    skew = max(before - ping.timestamp, ping.timestamp - after, timedelta(0))
    if skew <= SKEW:
        return ok("clock", "agrees with ours")
    return warning(
        "clock",
        f"differs from ours by {skew.total_seconds():.0f} s: nothing is timed by it, but logs cannot be compared",
        "keep both machines by NTP (chrony, systemd-timesyncd)",
    )


async def modules(client: AriClient) -> Iterator[Finding]:
    """Look for the modules that a transfer needs."""
    there = await client.get(path("asterisk", "modules"), _MODULES.validate_python)
    running = {module.name.removesuffix(".so") for module in there or () if module.status == "Running"}
    found = [
        *(_missing(name, lost, failure) for name, lost in NEEDED.items() if name not in running),
        *(_missing(name, lost, warning) for name, lost in USEFUL.items() if name not in running),
    ]
    return iter(found or [ok("modules", f"all {len(NEEDED) + len(USEFUL)} that are needed are running")])


def _missing(name: str, lost: str, judge: Callable[[str, str, str], Finding]) -> Finding:
    return judge("modules", f"{name} is not running: {lost}", f"modules.conf: load = {name}.so")
