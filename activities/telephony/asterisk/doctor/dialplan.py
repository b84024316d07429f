"""The places in the dialplan that the engine sends legs to, and that nobody may be forwarded into."""

from collections.abc import AsyncIterator, Collection

from activities.telephony.asterisk.addresses import dialplan_place
from activities.telephony.asterisk.doctor.probe import Probe
from activities.telephony.asterisk.sounds import MACHINES, RECORDINGS
from hookflash._findings import Finding, failure, ok, warning

GUARD = "hookflash-guard"
"""Label of the line of a context that refuses forwarded calls."""
FORWARDED_TO = ("+15550100", "0015550100", "15550100", "2000", "frontdesk")
"""What a phone may ask to be forwarded to. Only ever looked up, never dialled."""
BACKSTOP = "T"
INCLUDE = 'extensions.conf: #include "hookflash/extensions.conf" (from deploy/asterisk)'


async def hooks(probe: Probe, places: Collection[str], recordings: Collection[str]) -> AsyncIterator[Finding]:
    """Look for the contexts that the engine uses.

    Args:
        probe: What to ask by.
        places: Where customers are handed off to: ``context[,extension[,priority]]``.
        recordings: Names that farewells and announcements have.

    Raises:
        ProbeError: Asterisk cannot say.
        InvalidAddressError: That is no place.
    """
    missing = False
    for place in places:
        context, extension, priority = dialplan_place(place)
        if not await probe.exists(context, extension, str(priority)):
            missing = True
            text = f"there is no {context},{extension},{priority}: a customer whom nobody takes cannot go there"
            yield failure("dialplan", text, f"extensions.conf: [{context}] with exten => {extension},{priority},...")
    for name in recordings or ("hookflash-farewell",):
        if not await probe.exists(RECORDINGS, name):
            missing = True
            text = f"[{RECORDINGS}] has no extension for {name}: no farewell, no announcement to who talks"
            yield warning("dialplan", text, INCLUDE)
            break
    if not await probe.exists(MACHINES, "s"):
        missing = True
        yield warning("dialplan", f"there is no [{MACHINES}]: no machine is noticed", INCLUDE)
    if not missing:
        yield ok("dialplan", f"fallback, [{RECORDINGS}] and [{MACHINES}] are there")


async def endpoint_contexts(probe: Probe, contexts: Collection[str]) -> AsyncIterator[Finding]:
    """Judge the contexts that calls of phones begin in.

    Raises:
        ProbeError: Asterisk cannot say.
    """
    lost = [it for it in contexts if not await probe.exists(it, BACKSTOP)]
    if lost:
        text = f"no extension {BACKSTOP} in {named(lost)}: a customer on hold is hung up on if the engine stays dead"
        yield warning("back-stop", text, f"extensions.conf: exten => {BACKSTOP},1,Goto(hookflash-fallback,s,1)")
    elif contexts:
        yield ok("back-stop", f"extension {BACKSTOP} in every context that calls come from")
    open_ = [it for it in contexts if await _can_be_forwarded_into(probe, it)]
    if open_:
        text = (
            f"{named(open_)} would take calls that a phone forwards by a 302: not those of the engine, which follows "
            "none, but those that your own call control or Dial() rings it for"
        )
        line = f'1({GUARD}),GotoIf($["${{CHANNEL(channeltype)}}" = "Local"]?refuse)'
        yield warning(
            "302 guard", text, f"extensions.conf: exten => PATTERN,{line} before all else; see docs/providers.md"
        )
    elif contexts:
        yield ok("302 guard", "no context of an endpoint takes forwarded calls")


async def _can_be_forwarded_into(probe: Probe, context: str) -> bool:
    for number in FORWARDED_TO:
        if await probe.exists(context, number) and not await probe.exists(context, number, GUARD):
            return True
    return False


def named(contexts: Collection[str]) -> str:
    """Return contexts as they stand in the file."""
    return ", ".join(f"[{context}]" for context in sorted(contexts))
