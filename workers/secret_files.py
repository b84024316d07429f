"""Secrets that are kept in files, as secret stores provide them."""

import logging
import stat
from pathlib import Path

from pydantic import SecretStr

logger = logging.getLogger(__name__)


class SecretFile(SecretStr):
    """A secret that is read from its file whenever it is asked for, so that it can be replaced while we run."""

    def __init__(self, path: Path) -> None:
        """Read the file.

        Raises:
            OSError: It cannot be read.
            UnicodeDecodeError: It is no text.
        """
        super().__init__(_read(path))
        self.path = path

    def get_secret_value(self) -> str:
        """Return what the file holds now; what it last held, if it cannot be read."""
        try:
            self._secret_value = _read(self.path)
        except (OSError, UnicodeDecodeError) as error:
            # It is replaced in this moment, or was taken away: the old one may still be good.
            logger.warning("%s cannot be read again: %s", self.path, type(error).__name__)
        return self._secret_value

    @property
    def exposed(self) -> bool:
        """Whether every user of this machine may read it."""
        return is_exposed(self.path)


def is_exposed(path: Path) -> bool:
    """Return whether every user of this machine may read a file."""
    try:
        return bool(path.stat().st_mode & stat.S_IROTH)
    except OSError:
        return False


def _read(path: Path) -> str:
    return path.read_text().rstrip("\r\n")
