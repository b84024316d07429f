"""How operators find the transfers of a telephone number, without the number being in what they search.

    keys = ReferenceKeys.read("/run/secrets/hookflash-reference-keys")
    TransferRequest(..., references=(keys.reference("+49 30 1234567"),))

A reference is a keyed hash: whoever has the key can tell whether it belongs to a number, and nobody else can, although
there are few enough numbers to try them all. `docs/security.md` has the form, for other languages.
"""

import base64
import hashlib
import hmac
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from hookflash._keys import ID, KEY_BYTES, read_keys

KEYS_FILE_VARIABLE = "HOOKFLASH_REFERENCE_KEYS_FILE"
"""Environment variable with the path of the file with the keys, for the `hookflash` command."""

_DOMAIN = b"hookflash/reference/number/1\0"
"""What a hash of ours begins with: the same key used for something else never gives the same hash."""

_BYTES = 16
"""Half of the hash, as RFC 2104, 5, has it: enough that no two numbers meet, and short enough to be a word."""

_SEPARATORS = re.compile(r"[ \u00a0().\-/]")
_NUMBER = re.compile(r"\+[1-9][0-9]{6,14}|[0-9*#]{1,24}", re.ASCII)
_TRUNK_ZERO = re.compile(r"\(\s*0\s*\)")


def normalised(number: str) -> str:
    """Return the one form of a number that is hashed: digits, with ``+`` if it is an international one.

    Left out are ``tel:`` before it, and spaces, hyphens, dots, slashes and brackets in it: ``tel:+49-30-1234567``,
    ``+49 (30) 123 45 67`` and ``+49301234567`` are one. Nothing is guessed: a number without ``+`` is another one, as
    nobody can tell of which country it is (``030 1234567``), or whether it is an extension (``1042``).

    Args:
        number: E.164 with its ``+``, or the digits of an extension; ``*`` and ``#`` count as digits there.

    Raises:
        ValueError: It is no such number. The message never repeats it.
    """
    text = number.strip()
    if _TRUNK_ZERO.search(text):
        raise ValueError("leave the (0) out: it is not dialled from abroad")
    found = _SEPARATORS.sub("", re.sub(r"^tel:", "", text, flags=re.IGNORECASE))
    if not _NUMBER.fullmatch(found):
        raise ValueError("is no number such as +49 30 1234567, or the digits of an extension")
    return found


def reference(number: str, key_id: str, key: bytes) -> str:
    """Return the reference of a number: a word of up to 62 characters, such as ``ref.2026-11.q5n...``.

    The same number and key give the same reference for ever, whatever the version of this package.

    Args:
        number: See `normalised`.
        key_id: Id of the key, 1 to 31 letters, digits, dots, hyphens and underscores; it can be read in the reference.
        key: 32 random bytes.

    Raises:
        ValueError: It is no number, or no such key. The message repeats neither.
    """
    if not ID.fullmatch(key_id):
        raise ValueError("the id has to be 1 to 31 letters, digits, dots, hyphens and underscores")
    if len(key) != KEY_BYTES:
        raise ValueError(f"the key has to have {KEY_BYTES} bytes")
    digest = hmac.new(key, _DOMAIN + normalised(number).encode(), hashlib.sha256).digest()[:_BYTES]
    return f"ref.{key_id}.{base64.b32encode(digest).decode().rstrip('=').lower()}"


@dataclass(frozen=True)
class ReferenceKeys:
    """The keys of references: the first makes new ones, all of them find."""

    keys: Mapping[str, bytes] = field(repr=False)
    """Each key by its id."""

    @classmethod
    def read(cls, path: str | Path) -> "ReferenceKeys":
        """Read the file with the keys: one a line, as `ID BASE64`, in the form of the keys of the encryption.

        Raises:
            EncryptionError: It cannot be read, or something in it is wrong.
        """
        return cls(read_keys(Path(path)))

    def reference(self, number: str) -> str:
        """Return what a new transfer is given, by the first key.

        Raises:
            ValueError: See `reference`.
        """
        return self.references(number)[0]

    def references(self, number: str) -> tuple[str, ...]:
        """Return what transfers of a number may have been given, by each key, the first one's before the others.

        Raises:
            ValueError: See `reference`.
        """
        return tuple(reference(number, id, key) for id, key in self.keys.items())
