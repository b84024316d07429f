"""What Temporal stores of a transfer, so that only holders of a key can read it.

    client = await TransferClient.connect(encryption_keys_file="/run/secrets/hookflash-keys")

AES-256-GCM in the form of Temporal's own samples, so that their codecs for Go and TypeScript read and write it too:
metadata `encoding` and `encryption-key-id`; data of 12 random bytes (the nonce), ciphertext and tag. Inside is the
whole payload with its metadata. The keys come from a file, see `docs/security.md`.
"""

import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from temporalio.api.common.v1 import Payload
from temporalio.converter import DataConverter, DefaultFailureConverterWithEncodedAttributes, PayloadCodec

from hookflash._keys import ID, Keys, KeysFile
from hookflash.errors import EncryptionError

__all__ = ["KEYS_FILE_VARIABLE", "EncryptingCodec", "KeysFile", "RefusingCodec", "encrypted"]

KEYS_FILE_VARIABLE = "HOOKFLASH_ENCRYPTION_KEYS_FILE"
"""Environment variable with the path of the file with the keys."""

ENCODING = b"binary/encrypted"
KEY_ID = "encryption-key-id"

_NONCE_BYTES = 12  # of random bits, as NIST SP 800-38D, 8.2.2, has it for up to 2^32 messages per key
_TAG_BYTES = 16


def encrypted(converter: DataConverter, keys_file: str | Path) -> DataConverter:
    """Return a data converter that encrypts all payloads, and the texts of failures with them.

    What is in clear, from before there were keys or from somebody who has none, can still be read.

    Args:
        converter: What makes the payloads, `hookflash.converter.data_converter` as a rule.
        keys_file: The file with the keys. It is read again when it changes.

    Raises:
        EncryptionError: The file cannot be used, or the package `cryptography` is missing.
    """
    return replace(
        converter,
        payload_codec=EncryptingCodec(KeysFile(Path(keys_file))),
        failure_converter_class=DefaultFailureConverterWithEncodedAttributes,
    )


class EncryptingCodec(PayloadCodec):
    """Encrypts with the current key, and decrypts with whichever key was used."""

    def __init__(self, keys: Keys) -> None:
        self._keys = keys

    @property
    def key_id(self) -> str:
        """Id of the key that encrypts now."""
        return self._keys.current()[0]

    async def encode(self, payloads: Sequence[Payload]) -> list[Payload]:
        """See base class."""
        return [self._encrypt(payload) for payload in payloads]

    async def decode(self, payloads: Sequence[Payload]) -> list[Payload]:
        """Decrypt what is encrypted, and leave the rest alone, also what only looks so: the converter answers it.

        Raises:
            EncryptionError: A key is missing, or is not the one that was used. In a worker this fails the workflow
                task, which is tried again until the key is there: the transfer itself does not fail.
        """
        return [self._decrypt(payload) for payload in payloads]

    def _encrypt(self, payload: Payload) -> Payload:
        id, key = self._keys.current()
        nonce = os.urandom(_NONCE_BYTES)
        data = nonce + key.encrypt(nonce, payload.SerializeToString(), None)
        return Payload(metadata={"encoding": ENCODING, KEY_ID: id.encode()}, data=data)

    def _decrypt(self, payload: Payload) -> Payload:
        from cryptography.exceptions import InvalidTag

        id = key_id(payload)
        if id is None:
            return payload
        key = self._keys.find(id)
        if key is None:
            raise EncryptionError(f"this is encrypted with key {id!r}, which is not in {self._keys.source}")
        nonce, data = payload.data[:_NONCE_BYTES], payload.data[_NONCE_BYTES:]
        try:
            return Payload.FromString(key.decrypt(nonce, data, None))
        except InvalidTag:
            raise EncryptionError(
                f"this was not encrypted with key {id!r} of {self._keys.source}, or has been changed since"
            ) from None


class RefusingCodec(PayloadCodec):
    """The codec of those who have no keys: what is encrypted is refused with a clear word, all the rest left alone.

    Without it a worker that lacks the keys would take an encrypted request for a wrong one, and end the transfer.
    """

    async def encode(self, payloads: Sequence[Payload]) -> list[Payload]:
        """See base class."""
        return list(payloads)

    async def decode(self, payloads: Sequence[Payload]) -> list[Payload]:
        """See base class.

        Raises:
            EncryptionError: A payload is encrypted.
        """
        for payload in payloads:
            if (id := key_id(payload)) is not None:
                told = f"this is encrypted with key {id!r}"
                raise EncryptionError(f"{told}, and there are no keys here: set {KEYS_FILE_VARIABLE}")
        return list(payloads)


def key_id(payload: Payload) -> str | None:
    """Return the id of the key that a payload is encrypted with, None if no key of anybody could decrypt it."""
    if payload.metadata.get("encoding") != ENCODING or len(payload.data) < _NONCE_BYTES + _TAG_BYTES:
        return None
    id = payload.metadata.get(KEY_ID, b"").decode("ascii", errors="replace")
    return id if ID.fullmatch(id) else None
