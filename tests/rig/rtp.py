"""A phone's media: the session description it offers, and the RTP it sends and receives.

Only what the rig needs: PCMU in packets of 20 ms (RFC 3551) and key presses as telephone events (RFC 4733).
"""

from __future__ import annotations

import asyncio
import itertools
import random
import re
import struct
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from typing import cast

from tests.rig.datagrams import Address, Datagrams
from tests.rig.tones import PACKET_SAMPLES, SAMPLE_RATE, Heard, analyse, carries, is_audible, to_mulaw, tone

PCMU = 0
TELEPHONE_EVENT = 101
KEYS = "0123456789*#ABCD"  # event codes 0 to 15 (RFC 4733, section 3.2)
PACKET_SECONDS = PACKET_SAMPLES / SAMPLE_RATE
KEY_PACKETS = 5  # 100 ms; Asterisk takes 80 ms for a key press of the ordinary length
REMEMBERED_PACKETS = 6000  # two minutes

_HEADER = struct.Struct("!BBHII")
_EVENT = struct.Struct("!BBH")
_versions = itertools.count(random.getrandbits(30))


@dataclass(frozen=True, slots=True)
class Description:
    """The little of a session description (RFC 4566) that a call of the rig depends on."""

    address: Address
    direction: str = "sendrecv"

    def encode(self) -> bytes:
        """Write it as SDP."""
        host, port = self.address
        return "\r\n".join(
            [
                "v=0",
                f"o=- 1 {next(_versions)} IN IP4 {host}",
                "s=-",
                f"c=IN IP4 {host}",
                "t=0 0",
                f"m=audio {port} RTP/AVP {PCMU} {TELEPHONE_EVENT}",
                f"a=rtpmap:{PCMU} PCMU/{SAMPLE_RATE}",
                f"a=rtpmap:{TELEPHONE_EVENT} telephone-event/{SAMPLE_RATE}",
                f"a=fmtp:{TELEPHONE_EVENT} 0-15",
                "a=ptime:20",
                f"a={self.direction}",
                "",
            ]
        ).encode()

    @classmethod
    def decode(cls, body: bytes) -> Description | None:
        """Read SDP; None where it describes no audio."""
        text = body.decode(errors="replace")
        host = re.search(r"^c=IN IP4 (\S+)", text, re.MULTILINE)
        port = re.search(r"^m=audio (\d+)", text, re.MULTILINE)
        if host is None or port is None:
            return None
        direction = re.search(r"^a=(sendrecv|sendonly|recvonly|inactive)\s*$", text, re.MULTILINE)
        return cls((host[1], int(port[1])), direction[1] if direction else "sendrecv")


def first_sequence() -> int:
    """Return where the packets of a call begin to be counted: anywhere (RFC 3550, section 5.1)."""
    return random.getrandbits(15)


class Media:
    """One call's RTP socket: talks in one tone, presses keys, and remembers what it heard."""

    def __init__(self, frequency: int) -> None:
        voice = to_mulaw(tone(frequency))
        self._voice = [voice[start : start + PACKET_SAMPLES] for start in range(0, len(voice), PACKET_SAMPLES)]
        self._source = random.getrandbits(32)
        self._sequence = first_sequence()
        self._clock = random.getrandbits(31)
        self._spoken = 0
        self._keys: deque[tuple[bool, int, bytes]] = deque()
        self._last_key: tuple[int, int] | None = None
        self._packets: deque[tuple[float, bytes]] = deque(maxlen=REMEMBERED_PACKETS)
        self._socket: Datagrams | None = Datagrams(self._take)
        self.local = self._socket.local
        """Where this end receives."""
        self.remote: Address | None = None
        self.talking = True
        self.keys = ""
        """The keys the far end has pressed so far."""
        self.keys_sent = asyncio.Event()
        """Set while no key of this end is waiting to be sent."""
        self.keys_sent.set()

    def close(self) -> None:
        """Close the socket; what was heard stays."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None
        self._keys.clear()
        self.keys_sent.set()

    def _take(self, data: bytes, at: float) -> None:
        """Remember a packet."""
        if len(data) < _HEADER.size or data[0] >> 6 != 2:
            return
        flags, kind, _, clock, source = cast("tuple[int, int, int, int, int]", _HEADER.unpack_from(data))
        payload = data[_HEADER.size + 4 * (flags & 15) :]
        if kind & 0x7F == PCMU and len(payload) == PACKET_SAMPLES:
            self._packets.append((at, payload))
        elif kind & 0x7F == TELEPHONE_EVENT and len(payload) >= _EVENT.size:
            self._hear_key(source, clock, payload[0])

    def _hear_key(self, source: int, clock: int, code: int) -> None:
        # All packets of one press carry the time of its begin (RFC 4733, section 2.2).
        if code < len(KEYS) and (source, clock) != self._last_key:
            self._last_key = (source, clock)
            self.keys += KEYS[code]

    def press(self, keys: str, packets: int = KEY_PACKETS) -> None:
        """Queue key presses, to be sent in the place of the voice.

        Args:
            keys: Which.
            packets: How long each is held down, in packets of 20 ms, at most 400.
        """
        self.keys_sent.clear()
        for key in keys:
            code = KEYS.index(key.upper())
            for packet in range(1, packets + 1):
                event = _EVENT.pack(code, 10, packet * PACKET_SAMPLES)
                self._keys.append((packet == 1, packet - 1, event))
            # The end is sent three times, in case one is lost (RFC 4733, section 2.5.1.4).
            end = _EVENT.pack(code, 0x80 | 10, packets * PACKET_SAMPLES)
            self._keys.extend((False, packets + repeat, end) for repeat in range(3))
            # A pause keeps two presses of the same key apart.
            self._keys.extend((False, -1, b"") for _ in range(KEY_PACKETS))

    @property
    def spoken(self) -> int:
        """How many packets of voice were sent so far."""
        return self._spoken

    def tick(self) -> None:
        """Send this moment's packet; called every 20 ms."""
        if self._socket is None or self.remote is None:
            return
        self._clock = (self._clock + PACKET_SAMPLES) & 0xFFFFFFFF
        if self._keys:
            begins, age, event = self._keys.popleft()
            if age >= 0:
                began = (self._clock - age * PACKET_SAMPLES) & 0xFFFFFFFF
                self._send(TELEPHONE_EVENT | (0x80 if begins else 0), began, event)
                return
        else:
            self.keys_sent.set()
        if self.talking:
            self._send(PCMU, self._clock, self._voice[self._spoken % len(self._voice)])
            self._spoken += 1

    def _send(self, kind: int, clock: int, payload: bytes) -> None:
        if self._socket is not None and self.remote is not None:
            self._sequence = (self._sequence + 1) & 0xFFFF
            self._socket.send(_HEADER.pack(0x80, kind, self._sequence, clock, self._source) + payload, self.remote)

    def heard(self, since: float, until: float) -> Heard:
        """Tell what arrived between two moments of the loop's clock."""
        payloads = [payload for arrived, payload in self._packets if since <= arrived < until]
        return analyse(payloads, round((until - since) / PACKET_SECONDS))

    def ever_heard(self, since: float, until: float) -> frozenset[str]:
        """Return every sound that was there for at least one group of packets."""
        payloads = [payload for arrived, payload in self._packets if since <= arrived < until]
        return analyse(payloads, len(payloads), share=0.0).sounds

    def longest_silence(self, since: float, until: float) -> float:
        """Return the longest time without an audible packet, the edges of the window included."""
        audible = [arrived for arrived, payload in self._packets if since <= arrived < until and is_audible(payload)]
        return max(after - before for before, after in itertools.pairwise([since, *audible, until]))

    def first_heard(self, sound: str, since: float) -> float | None:
        """Return when the first packet with a sound arrived after a moment: how soon somebody is heard (+-20 ms)."""
        return next(self.all_heard(sound, since), None)

    def all_heard(self, sound: str, since: float) -> Iterator[float]:
        """Yield when packets with a sound arrived after a moment."""
        return (arrived for arrived, payload in self._packets if arrived >= since and carries(payload, sound))
