"""A short tone as a file, for whoever is asked to press a key: nobody sits in silence before a question."""

import io
import math
import wave
from array import array
from functools import cache

HERTZ, SECONDS, SILENCE = 1220, 0.5, 2.5
"""As on every other provider, see `activities/telephony/asterisk/sounds.py`."""
CONTENT_TYPE = "audio/wav"

_RATE = 8000
_LOUDNESS = 8000
"""Of 32767: heard, and no fright."""


@cache
def tone() -> bytes:
    """Return the tone and the silence after it, as WAV."""
    heard = (math.sin(2 * math.pi * HERTZ * at / _RATE) for at in range(int(_RATE * SECONDS)))
    samples = array("h", [int(_LOUDNESS * it) for it in heard] + [0] * int(_RATE * SILENCE))
    file = io.BytesIO()
    with wave.open(file, "wb") as written:
        written.setnchannels(1)
        written.setsampwidth(2)
        written.setframerate(_RATE)
        written.writeframes(samples.tobytes())
    return file.getvalue()
