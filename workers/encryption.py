"""Encryption of what Temporal stores, as a worker's settings want it."""

import logging
from pathlib import Path

from temporalio.converter import DataConverter

from hookflash.converter import data_converter
from hookflash.encryption import KEYS_FILE_VARIABLE, EncryptingCodec, encrypted
from hookflash.errors import EncryptionError
from workers.settings import Settings
from workers.variables import SettingsError

logger = logging.getLogger(__name__)


def converter(settings: Settings) -> DataConverter:
    """Return the data converter, with the keys where there are some, and log which it is.

    Raises:
        SettingsError: The file with the keys cannot be used.
    """
    # A simulated exchange rings nobody: there is nothing to protect.
    real = bool(settings.asterisk_nodes()) or settings.twilio_account_sid is not None
    return converter_with(settings.encryption_keys_file, warn=real)


def converter_with(keys: Path | None, *, warn: bool) -> DataConverter:
    """Return a data converter, and log which it is.

    Args:
        keys: File with the keys. None: nothing is encrypted.
        warn: Whether that is worth a warning.

    Raises:
        SettingsError: The file cannot be used.
    """
    if keys is None:
        level = logging.WARNING if warn else logging.INFO
        logger.log(level, "numbers and names are stored in clear: %s is not set", KEYS_FILE_VARIABLE)
        return data_converter
    try:
        found = encrypted(data_converter, keys)
    except EncryptionError as error:
        raise SettingsError(f"{KEYS_FILE_VARIABLE}: {error}") from error
    assert isinstance(found.payload_codec, EncryptingCodec)
    logger.info("encrypting what is stored, with key %s", found.payload_codec.key_id)
    return found
