"""What people would hear: music, ringback and recordings."""

from collections.abc import AsyncIterator, Collection

from activities.telephony.asterisk.doctor.probe import Probe
from hookflash._findings import Finding, failure, ok, warning

RINGBACK = "tone:ring"


async def sounds(probe: Probe, music: Collection[str], recordings: Collection[str]) -> AsyncIterator[Finding]:
    """Listen to music and ringback, and see that recordings can be played.

    Raises:
        ProbeError: There was no way to listen.
    """
    unheard = await probe.unheard(RINGBACK, *(f"sound:{name}" for name in recordings))
    if RINGBACK not in unheard:
        yield ok("ringback", "there is a tone")
    else:
        remedy = "indications.conf: [general] country=us, and a complete [us]; see deploy/asterisk/etc/asterisk"
        yield failure("ringback", "there is no tone: an agent who waits for a target hears nothing", remedy)
    for name in music:
        if await probe.music(name):
            yield ok("music", f"{name} is heard on hold")
        else:
            remedy = f"musiconhold.conf: [{name}] with mode=files and directory=..., in which there is a recording"
            yield failure("music", f"{name} is silent: a customer on hold thinks that the call is lost", remedy)
    missing = [name for name in recordings if f"sound:{name}" in unheard]
    for name in missing:
        text = f"there is no {name}: whoever is to hear it hears nothing"
        yield warning("recordings", text, f"put {name}.wav (8 kHz, 16 bit, mono) into sounds/en of astdatadir")
    if recordings and not missing:
        yield ok("recordings", f"{', '.join(recordings)}")
