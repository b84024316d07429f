"""Pure tones as voices: making them, and telling which of them are in what a phone received.

Every party of a test talks in a tone of its own and every announcement has one too, so that "the customer hears
the music and nobody else" is a statement about a spectrum. All frequencies are multiples of 10 Hz: over 100 ms
each then falls on a bin of its own and leaks into no other.
"""

from __future__ import annotations

import wave
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

SAMPLE_RATE = 8000
PACKET_SAMPLES = 160  # 20 ms, the default packet time of PCMU (RFC 3551, section 4.2)
GROUP_PACKETS = 5
GROUP_SAMPLES = GROUP_PACKETS * PACKET_SAMPLES
BIN_HZ = SAMPLE_RATE // GROUP_SAMPLES
AMPLITUDE = 6000  # four voices at once still stay below clipping
PRESENT = 400  # amplitude from which a tone counts as heard; mu-law's own noise stays far below
SHARE = 0.8  # of the 100 ms groups that must carry the tone

Samples = NDArray[np.int16]

ANNOUNCEMENTS: dict[str, tuple[int, ...]] = {
    "music": (440,),
    "accept": (620,),
    "notice": (720,),
    "fallback": (850,),
    "voicemail": (900,),
    "queue": (1150,),
    "ringback": (360, 520),
    "hold": (1450,),
    "reminder": (1550,),
    "join": (1850,),
    "warning": (1950,),
    "sorry": (2250,),
    "call-back": (2350,),
    "mailbox": (2650,),
    "beep": (2750,),
    "asking": (1220,),
    "harp": (3050,),
}
"""What Asterisk itself plays in the rig. Ringback is two tones; it is heard where both are."""

RECORDINGS: dict[str, int] = {
    "accept": 20,
    "notice": 1,
    "hold": 1,
    "reminder": 1,
    "join": 2,
    "warning": 2,
    "sorry": 1,
    "call-back": 1,
}
"""The announcements that are recordings, and their length in seconds: `accept` is the sound `hookflash-accept`.

That one is long enough for a test to hear it and to press a key meanwhile, a whisper to be heard together with talk.
"""

VOICES: dict[str, int] = {
    "customer": 1000,
    "agent": 1300,
    "target1": 1700,
    "target2": 2100,
    "target3": 2500,
    "supervisor": 2900,
    "frontdesk": 3300,
}
"""The tone in which each phone talks."""

SOUNDS: dict[str, tuple[int, ...]] = {
    **ANNOUNCEMENTS,
    **{name: (frequency,) for name, frequency in VOICES.items()},
}


def mulaw_table() -> Samples:
    """Return the linear value of each of the 256 mu-law octets (ITU-T G.711, table 2a)."""
    octet = ~np.arange(256, dtype=np.uint8)
    exponent = ((octet >> 4) & 7).astype(np.int32)
    mantissa = (octet & 15).astype(np.int32)
    magnitude = (((mantissa << 3) + 0x84) << exponent) - 0x84
    return np.where(octet & 0x80, -magnitude, magnitude).astype(np.int16)


MULAW = mulaw_table()
_ORDER = np.argsort(MULAW, kind="stable")
_SORTED = MULAW[_ORDER].astype(np.int32)


def to_mulaw(samples: Samples) -> bytes:
    """Encode linear samples, each as the octet whose value is nearest."""
    wanted = samples.astype(np.int32)
    above = np.clip(np.searchsorted(_SORTED, wanted), 1, len(_SORTED) - 1)
    nearest = np.where(wanted - _SORTED[above - 1] < _SORTED[above] - wanted, above - 1, above)
    return _ORDER[nearest].astype(np.uint8).tobytes()


def tone(frequency: int, seconds: int = 1) -> Samples:
    """Return a pure tone; a whole number of Hz over whole seconds, so that it loops without a click."""
    clock = np.arange(SAMPLE_RATE * seconds)
    return np.round(AMPLITUDE * np.sin(2 * np.pi * frequency * clock / SAMPLE_RATE)).astype(np.int16)


def write_wav(path: Path, frequency: int, seconds: int) -> None:
    """Write a tone as the wav that Asterisk plays without conversion: 8 kHz, mono, 16 bit."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(SAMPLE_RATE)
        file.writeframes(tone(frequency, seconds).astype("<i2").tobytes())


@dataclass(frozen=True, slots=True)
class Heard:
    """What arrived at a phone's ear in one window of time."""

    sounds: frozenset[str]
    """Names of the sounds that went on all through the window."""
    packets: int
    expected: int
    """Packets that uninterrupted media would have brought."""
    strange: tuple[int, ...] = ()
    """Loud frequencies (Hz) that belong to nobody."""

    @property
    def no_media(self) -> bool:
        """Whether not a single packet came, which is more than silence."""
        return self.packets == 0

    @property
    def steady(self) -> bool:
        """Whether the media came without a hole worth speaking of."""
        return self.packets >= self.expected * SHARE

    def __str__(self) -> str:
        if self.no_media:
            return "no media"
        heard = " + ".join(sorted(self.sounds)) or "silence"
        strange = f", unknown tones at {', '.join(map(str, self.strange))} Hz" if self.strange else ""
        return f"{heard}{strange} ({self.packets} of {self.expected} packets)"


def is_audible(payload: bytes) -> bool:
    """Whether a packet carries anything loud enough to be heard."""
    return int(np.abs(MULAW[np.frombuffer(payload, dtype=np.uint8)]).max(initial=0)) > PRESENT


def carries(payload: bytes, sound: str) -> bool:
    """Whether a single packet carries a sound.

    So short a time tells neighbouring frequencies apart badly (Goertzel's filter is 50 Hz wide here), hence a higher
    threshold than that of `analyse`: good for the moment when a voice begins, not for proving its absence.
    """
    samples = MULAW[np.frombuffer(payload, dtype=np.uint8)].astype(np.float64)
    return all(
        2 * abs(np.dot(samples, _turns(frequency, len(samples)))) / len(samples) > AMPLITUDE / 4
        for frequency in SOUNDS[sound]
    )


@cache
def _turns(frequency: int, length: int) -> NDArray[np.complex128]:
    clock = np.arange(length) / SAMPLE_RATE
    return np.exp(-2j * np.pi * frequency * clock)


def analyse(payloads: list[bytes], expected: int, share: float = SHARE) -> Heard:
    """Tell which sounds are in mu-law packets that came one after the other.

    Args:
        payloads: packets of 20 ms in the order of their arrival.
        expected: how many packets there would be without a hole.
        share: a sound is in the answer when it is in more than this share of the 100 ms groups.
    """
    whole = len(payloads) // GROUP_PACKETS
    octets = np.frombuffer(b"".join(payloads[: whole * GROUP_PACKETS]), dtype=np.uint8)
    if whole == 0 or len(octets) != whole * GROUP_SAMPLES:
        return Heard(frozenset(), len(payloads), expected)
    groups = MULAW[octets].reshape(whole, GROUP_SAMPLES).astype(np.float64)
    amplitudes = np.abs(np.fft.rfft(groups, axis=1)) * 2 / GROUP_SAMPLES
    present = (amplitudes > PRESENT).mean(axis=0) > share
    sounds = frozenset(
        name for name, frequencies in SOUNDS.items() if all(present[frequency // BIN_HZ] for frequency in frequencies)
    )
    known = {frequency for name in sounds for frequency in SOUNDS[name]}
    mean = amplitudes.mean(axis=0)
    strange = tuple(
        index * BIN_HZ
        for index in range(1, len(mean) - 1)
        if present[index] and index * BIN_HZ not in known and mean[index] == mean[index - 1 : index + 2].max()
    )
    return Heard(sounds, len(payloads), expected, strange)


def analyse_wav(file: wave.Wave_read) -> frozenset[str]:
    """Tell which sounds go all through a recording of 8 kHz, mono and 16 bit, as Asterisk writes it."""
    samples = np.frombuffer(file.readframes(file.getnframes()), dtype="<i2").astype(np.int16)
    octets = to_mulaw(samples)
    packets = [octets[start : start + PACKET_SAMPLES] for start in range(0, len(octets), PACKET_SAMPLES)]
    whole = [packet for packet in packets if len(packet) == PACKET_SAMPLES]
    return analyse(whole, len(whole)).sounds
