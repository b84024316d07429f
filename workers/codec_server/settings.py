"""Settings of the codec server: variables ``HOOKFLASH_CODEC_SERVER_*``, and the file with the keys."""

import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from hookflash.encryption import KEYS_FILE_VARIABLE, KeysFile
from hookflash.errors import EncryptionError
from workers.secret_files import SecretFile
from workers.variables import SettingsError, Variable

PREFIX = "HOOKFLASH_CODEC_SERVER_"
ADDRESS, TOKENS_FILE, UI_ORIGINS = f"{PREFIX}ADDRESS", f"{PREFIX}TOKENS_FILE", f"{PREFIX}UI_ORIGINS"
DEFAULT_ADDRESS = "127.0.0.1:8081"
SHORTEST_TOKEN = 20
"""Characters."""

VARIABLES = (
    Variable(KEYS_FILE_VARIABLE, "", "File with the keys, the same as that of the workers."),
    Variable(TOKENS_FILE, "", "File with who may ask, one a line: a name for the log, a space, a token."),
    Variable(ADDRESS, DEFAULT_ADDRESS, "Host and port to listen on."),
    Variable(UI_ORIGINS, "", "Origins of Temporal UIs, as http://localhost:8233, with commas between. Unset: no UI."),
)

_ORIGIN = re.compile(r"https?://[a-z0-9.-]+(:[0-9]{1,5})?")


class Tokens:
    """Who may ask. The file is read anew for every question, so that a token can be taken away at once."""

    def __init__(self, file: SecretFile) -> None:
        """Check the file.

        Raises:
            SettingsError: A line is wrong, or there is none.
        """
        self._file = file
        for number, line in enumerate(file.get_secret_value().splitlines(), 1):
            fields = line.split()
            if fields and (len(fields) != 2 or len(fields[1]) < SHORTEST_TOKEN):
                told = f"has to be a name and a token of {SHORTEST_TOKEN} characters or more"
                raise SettingsError(f"{TOKENS_FILE}: line {number}: {told}")
        if not list(self.all()):
            raise SettingsError(f"{TOKENS_FILE}: there is no token in it")

    def all(self) -> Iterator[tuple[str, str]]:
        """Yield each name with its token. A line that has become wrong since counts as none."""
        for line in self._file.get_secret_value().splitlines():
            fields = line.split()
            if len(fields) == 2 and len(fields[1]) >= SHORTEST_TOKEN:
                yield fields[0], fields[1]


@dataclass(frozen=True)
class CodecServerSettings:
    """What an operator sets."""

    host: str
    port: int
    keys: KeysFile
    tokens: Tokens
    ui_origins: frozenset[str]


def load(environ: Mapping[str, str] = os.environ) -> CodecServerSettings:
    """Read the environment.

    Raises:
        SettingsError: Something is wrong; the variable is named.
    """
    for name in (KEYS_FILE_VARIABLE, TOKENS_FILE):
        if not environ.get(name):
            raise SettingsError(f"{name}: not set")
    host, _, port = (environ.get(ADDRESS) or DEFAULT_ADDRESS).rpartition(":")
    if not host or not port.isdecimal() or int(port) > 65535:
        raise SettingsError(f"{ADDRESS}: has to be HOST:PORT")
    origins = frozenset(it.strip().rstrip("/") for it in environ.get(UI_ORIGINS, "").split(",") if it.strip())
    for origin in origins:
        if not _ORIGIN.fullmatch(origin):
            raise SettingsError(f"{UI_ORIGINS}: has to be a list of origins, as https://temporal.example")
    try:
        keys = KeysFile(Path(environ[KEYS_FILE_VARIABLE]))
    except EncryptionError as error:
        raise SettingsError(f"{KEYS_FILE_VARIABLE}: {error}") from error
    try:
        tokens = Tokens(SecretFile(Path(environ[TOKENS_FILE])))
    except OSError as error:
        raise SettingsError(f"{TOKENS_FILE}: the file cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise SettingsError(f"{TOKENS_FILE}: the file is no text") from error
    return CodecServerSettings(host.strip("[]"), int(port), keys, tokens, origins)
