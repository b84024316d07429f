"""A disk that is small enough to be filled: a file system in memory, which only processes of ours see."""

import contextlib
import os
import subprocess
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path

_ENTER = ("unshare", "--user", "--map-root-user", "--mount")


@cache
def unavailable() -> str | None:
    """Return why there can be none here, None where there can."""
    try:
        done = subprocess.run([*_ENTER, "mount", "-t", "tmpfs", "tmpfs", "/mnt"], capture_output=True, check=False)
    except OSError as error:
        return f"no unshare ({error})"
    return None if done.returncode == 0 else f"no file systems of one's own: {done.stderr.decode().strip()}"


@dataclass
class SmallDisk:
    """A disk at a folder, for processes that are started by `inside`. All others see an empty folder there."""

    folder: Path
    _holder: subprocess.Popen[bytes]
    """Keeps it, whoever else is killed."""

    def inside(self, command: Sequence[str | Path]) -> list[str | Path]:
        """Return a command that runs another one where the disk is to be seen. Both are one process."""
        enter = ("nsenter", "--target", str(self._holder.pid), "--user", "--mount", "--preserve-credentials")
        return [*enter, *command]

    @property
    def content(self) -> Path:
        """What is on it, for this process."""
        return Path(f"/proc/{self._holder.pid}/root{self.folder}")

    def fill(self) -> None:
        """Leave not a byte free."""
        filler = os.open(self.content / "filler", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        while os.statvfs(self.content).f_bavail > 0:  # whoever else writes there may have given some back meanwhile
            for size in (1 << 20, 1 << 12, 1):
                with contextlib.suppress(OSError):
                    while os.write(filler, bytes(size)) == size:
                        pass
        os.close(filler)

    def clear(self) -> None:
        """Give the room back that was taken to fill it."""
        (self.content / "filler").unlink()


@contextmanager
def small_disk(folder: Path, megabytes: int) -> Generator[SmallDisk]:
    """Give a disk. It is gone afterwards with all that is on it, so whoever uses it has to end before."""
    keep = f'mkdir "$0" && mount -t tmpfs -o size={megabytes}m tmpfs "$0" && echo mounted && exec sleep infinity'
    with subprocess.Popen([*_ENTER, "sh", "-c", keep, folder], stdout=subprocess.PIPE) as holder:
        try:
            assert holder.stdout is not None
            assert holder.stdout.readline() == b"mounted\n"
            yield SmallDisk(folder, holder)
        finally:
            holder.kill()
