"""Encryption of what Temporal stores, as a worker's settings want it."""

import logging

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
    if settings.encryption_keys_file is None:
        # A simulated exchange rings nobody: there is nothing to protect.
        level = logging.WARNING if settings.asterisk_nodes() else logging.INFO
        logger.log(level, "numbers and names are stored in clear: %s is not set", KEYS_FILE_VARIABLE)
        return data_converter
    try:
        found = encrypted(data_converter, settings.encryption_keys_file)
    except EncryptionError as error:
        raise SettingsError(f"{KEYS_FILE_VARIABLE}: {error}") from error
    assert isinstance(found.payload_codec, EncryptingCodec)
    logger.info("encrypting what is stored, with key %s", found.payload_codec.key_id)
    return found
