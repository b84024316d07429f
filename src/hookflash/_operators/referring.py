"""The references of a number that an operator names, by the keys of this machine."""

import os
import sys
from typing import NamedTuple

from hookflash.errors import InvalidRequest
from hookflash.references import KEYS_FILE_VARIABLE, ReferenceKeys


class References(NamedTuple):
    """What a number is known by."""

    new: str
    """What a new transfer is given."""
    found: tuple[str, ...]
    """What transfers may have been given, by every key."""


def of_number(given: str) -> References:
    """Return the references of a number, or of the one on standard input.

    Args:
        given: The number, or ``-``: what stands in a command line is in the history of a shell, and is seen by `ps`.

    Raises:
        InvalidRequest: It is no number, or there are no keys. The message never repeats the number.
        EncryptionError: The keys cannot be used.
    """
    path = os.environ.get(KEYS_FILE_VARIABLE)
    if not path:
        raise InvalidRequest(f"--reference-of: needs the file with the keys of references, {KEYS_FILE_VARIABLE}")
    keys = ReferenceKeys.read(path)
    try:
        found = keys.references(_asked() if given == "-" else given)
    except ValueError as error:
        raise InvalidRequest(f"--reference-of: {error}") from None
    return References(found[0], found)


def _asked() -> str:
    if sys.stdin.isatty():
        sys.stderr.write("number: ")
        sys.stderr.flush()
    return sys.stdin.readline()
