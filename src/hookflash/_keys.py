"""The file with the keys of the encryption, which can be replaced while we run."""

import base64
import binascii
import logging
import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from hookflash.errors import EncryptionError

if TYPE_CHECKING:  # an extra, which only those who encrypt have
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

KEY_BYTES = 32
"""AES-256."""

# Shorter than any key, so that a key in the place of the id is not taken for one, and not repeated.
ID = re.compile(r"[A-Za-z0-9._-]{1,31}", re.ASCII)

logger = logging.getLogger(__name__)


class Keys(Protocol):
    """What is needed of a set of keys."""

    @property
    def source(self) -> str:
        """Where they come from, for messages."""
        ...

    def current(self) -> "tuple[str, AESGCM]":
        """Return the key that encrypts, with its id."""
        ...

    def find(self, id: str) -> "AESGCM | None":
        """Return the key with an id, None if there is none."""
        ...


class KeysFile:
    """Keys from a file with one key a line: its id, a space, 32 bytes in base64. The first encrypts, all decrypt.

    Empty lines and lines that begin with ``#`` are skipped. The file is read again when it has changed. While what it
    holds then makes no sense, the keys that it held before go on being used.
    """

    def __init__(self, path: Path) -> None:
        """Read the file.

        Raises:
            EncryptionError: It cannot be read, or something in it is wrong; or the package `cryptography` is missing.
        """
        self.source = str(path)
        self._path = path
        # Before it is read: what is written in between is then read at the next look.
        self._seen = self._looks()
        self._keys = _read(path)

    @property
    def ids(self) -> tuple[str, ...]:
        """The ids of all keys, the one that encrypts first."""
        self._look_again()
        return tuple(self._keys)

    def current(self) -> "tuple[str, AESGCM]":
        """Return the key that encrypts, with its id."""
        self._look_again()
        return next(iter(self._keys.items()))

    def find(self, id: str) -> "AESGCM | None":
        """Return the key with an id, None if there is none."""
        self._look_again()
        return self._keys.get(id)

    def _look_again(self) -> None:
        looks = self._looks()
        if looks == self._seen:
            return
        self._seen = looks
        before = tuple(self._keys)
        try:
            self._keys = _read(self._path)
        except EncryptionError as error:
            # It is replaced in this moment, or somebody has made a mistake: calls must go on.
            logger.warning("the keys that were there before are used on: %s", error)
        else:
            if tuple(self._keys) != before:
                logger.info("%s: encrypting with key %s, %d keys in all", self._path, *self._summary())

    def _summary(self) -> tuple[str, int]:
        return next(iter(self._keys)), len(self._keys)

    def _looks(self) -> tuple[int, int, int] | None:
        try:
            found = os.stat(self._path)
        except OSError:
            return None
        return found.st_mtime_ns, found.st_ino, found.st_size


def _read(path: Path) -> "dict[str, AESGCM]":
    """Read a file with keys, for the cipher.

    Raises:
        EncryptionError: See `KeysFile`.
    """
    try:
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM
    except ImportError as error:
        raise EncryptionError("encryption needs the package cryptography: install hookflash[encryption]") from error
    return {id: AESGCM(key) for id, key in read_keys(path).items()}


def read_keys(path: Path) -> dict[str, bytes]:
    """Read a file with one key a line, as `KeysFile` has it, in the order of the lines.

    Raises:
        EncryptionError: It cannot be read, or something in it is wrong. The message names file and line, and never
            repeats a key.
    """
    try:
        lines = path.read_text("ascii").splitlines()
    except OSError as error:
        raise EncryptionError(f"{path}: {error.strerror}") from error
    except UnicodeDecodeError:
        raise EncryptionError(f"{path}: not a file with one key a line, as ID BASE64") from None
    keys: dict[str, bytes] = {}
    for number, line in enumerate(lines, 1):
        fields = line.split()
        if not fields or fields[0].startswith("#"):
            continue
        try:
            id, key = _entry(fields)
            if id in keys:
                raise ValueError(f"there is another key {id} above")
        except ValueError as error:
            raise EncryptionError(f"{path}, line {number}: {error}") from None
        keys[id] = key
    if not keys:
        raise EncryptionError(f"{path}: there is no key in it")
    return keys


def _entry(fields: list[str]) -> tuple[str, bytes]:
    """Return the id and the key of a line.

    Raises:
        ValueError: Something is wrong. Nothing of the line is repeated before it is known which part is the key.
    """
    if len(fields) != 2:
        raise ValueError("has to be an id and a key, with a space between them")
    id, text = fields
    if not ID.fullmatch(id):
        raise ValueError("the id has to be 1 to 31 letters, digits, dots, hyphens and underscores")
    try:
        key = base64.b64decode(text, validate=True)
    except binascii.Error:
        raise ValueError(f"key {id} is not in base64") from None
    if len(key) != KEY_BYTES:
        raise ValueError(f"key {id} has {len(key)} bytes, not {KEY_BYTES}")
    return id, key
