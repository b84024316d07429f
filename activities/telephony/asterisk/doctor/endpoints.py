"""The phones and the trunk, as far as ARI shows how they are configured."""

import asyncio
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from pydantic import BaseModel, TypeAdapter

from activities.telephony.asterisk.addresses import TECHNOLOGY
from activities.telephony.asterisk.client import AriClient, InternalError, path
from activities.telephony.errors import OutcomeUnknown, TelephonyError
from hookflash._findings import Finding, failure, ok, warning

MOST = 500
"""Endpoints looked at: their contexts and habits come from a few templates."""
AT_ONCE = 16


class _Endpoint(BaseModel):
    resource: str


class _Attribute(BaseModel):
    attribute: str
    value: str = ""


_ENDPOINTS = TypeAdapter(tuple[_Endpoint, ...])
_ATTRIBUTES = TypeAdapter(tuple[_Attribute, ...])


@dataclass(frozen=True, slots=True)
class Endpoint:
    """An endpoint; what nobody could see is empty."""

    name: str
    context: str = ""
    redirect_method: str = ""
    send_connected_line: str = ""


async def endpoints(client: AriClient) -> tuple[Endpoint, ...]:
    """Return the endpoints of the node with how they are configured.

    Raises:
        TelephonyError: As ``AriClient.get``.
    """
    named = await client.get(path("endpoints", TECHNOLOGY), _ENDPOINTS.validate_python) or ()
    gate = asyncio.Semaphore(AT_ONCE)

    async def look(name: str) -> Endpoint:
        async with gate:
            return await _endpoint(client, name)

    return tuple(await asyncio.gather(*(look(it.resource) for it in named[:MOST])))


async def _endpoint(client: AriClient, name: str) -> Endpoint:
    where = path("asterisk", "config", "dynamic", "res_pjsip", "endpoint", name)
    try:
        found = await client.get(where, _ATTRIBUTES.validate_python)
    except (TelephonyError, InternalError, OutcomeUnknown):
        found = None
    told = {it.attribute: it.value for it in found or ()}
    return Endpoint(name, told.get("context", ""), told.get("redirect_method", ""), told.get("send_connected_line", ""))


def judged(found: Iterable[Endpoint], trunk: str | None) -> Iterator[Finding]:
    """Judge endpoints, and the one that numbers are dialled through."""
    known = {it.name: it for it in found}
    if not known:
        yield warning("endpoints", "there is none: nobody can be called", "pjsip.conf: a section with type=endpoint")
    elif unseen := [name for name, it in known.items() if not it.context]:
        text = f"the configuration of {len(unseen)} of {len(known)} cannot be seen, so nor what can be forwarded where"
        yield warning("endpoints", text, "modules.conf: load = res_ari_asterisk.so, res_sorcery_config.so")
    else:
        yield ok("endpoints", f"{len(known)}, whose calls come into {_contexts(known.values())}")
    followers = sorted(name for name, it in known.items() if it.redirect_method == "uri_pjsip")
    if followers:
        text = f"Asterisk calls whomever {', '.join(followers)} names in a 302, past every rule about whom we may call"
        yield failure("302 guard", text, "pjsip.conf: redirect_method=user (the default) at these endpoints")
    if trunk is not None:
        yield _trunk(trunk, known.get(trunk))


def _contexts(found: Iterable[Endpoint]) -> str:
    return ", ".join(f"[{context}]" for context in sorted({it.context for it in found}))


def _trunk(name: str, trunk: Endpoint | None) -> Finding:
    if trunk is None:
        remedy = f"pjsip.conf: [{name}] with type=endpoint, or another HOOKFLASH_ASTERISK_TRUNK"
        return failure("trunk", f"there is no endpoint {name}: no number can be called", remedy)
    if trunk.send_connected_line in {"yes", "true"}:
        text = f"{name} is told by Asterisk itself who is connected to whom"
        return warning("trunk", text, f"pjsip.conf: send_connected_line=no in [{name}]")
    return ok("trunk", f"{name} is there")
