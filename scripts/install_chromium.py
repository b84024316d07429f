"""Sees to it that there is a Chromium for the tests that open the Temporal UI.

One on PATH is taken as it is. Else Debian's package is installed, if we may. Exit code 3 means that there
is none and why is in `.tools/chromium.unavailable`, for the tests to print as their reason to be skipped.
"""

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
UNAVAILABLE = ROOT / ".tools" / "chromium.unavailable"
NAMES = ("chromium", "chromium-browser", "google-chrome")
EXIT_UNAVAILABLE = 3
RETRY_AFTER_S = 24 * 3600
"""How long a failed installation is not tried again, so that a repeated `make test` stays quick."""


def find_chromium() -> str | None:
    """The path of a Chromium that runs.

    It is started once: Ubuntu's package is a stub that only tells you to install a snap.
    """
    for name in NAMES:
        path = shutil.which(name)
        if path is None:
            continue
        try:
            subprocess.run([path, "--version"], capture_output=True, check=True, timeout=30)
        except (OSError, subprocess.SubprocessError):
            continue
        return path
    return None


def as_root() -> list[str] | None:
    """What makes root of a command without asking for a password, None if nothing does."""
    if os.geteuid() == 0:
        return []
    sudo = shutil.which("sudo")
    if sudo is not None:
        allowed = subprocess.run([sudo, "-n", "true"], capture_output=True, check=False)
        if allowed.returncode == 0:
            return [sudo, "-n"]
    return None


def install() -> str | None:
    """Installs Debian's Chromium.

    Returns:
        Why that cannot be done, None when it was.
    """
    prefix = as_root()
    if shutil.which("apt-get") is None:
        return "no Chromium on PATH, and without apt-get it is not installed by itself"
    if prefix is None:
        return "no Chromium on PATH, and no right to install it (neither root nor sudo without a password)"
    print("hookflash: installing Debian's chromium", flush=True)
    apt = [*prefix, "env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "-qq"]
    # Its result does not matter: one source out of reach is an error, and the package may be had anyway.
    subprocess.run([*apt, "update"], capture_output=True, check=False)
    # A font of its own: on a machine that never had a screen the pages would be full of boxes.
    command = [*apt, "-o", "DPkg::Lock::Timeout=120", "install", "-y", "--no-install-recommends"]
    command += ["chromium", "fonts-dejavu-core"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        last = (done.stderr.strip().splitlines() or ["no message"])[-1]
        return f"no Chromium on PATH, and apt-get cannot install it: {last}"
    if find_chromium() is None:
        return "no Chromium that runs: the distribution's package is a stub"
    return None


def failed_lately() -> str | None:
    """The reason of an earlier failure that is still to be believed."""
    if os.environ.get("HOOKFLASH_REQUIRE") == "all" or not UNAVAILABLE.is_file():
        return None
    if time.time() - UNAVAILABLE.stat().st_mtime > RETRY_AFTER_S:
        return None
    return UNAVAILABLE.read_text().strip() or None


def main() -> int:
    """Finds or installs a Chromium.

    Returns:
        The exit code: 0 there is one, 3 there is none.
    """
    if find_chromium() is not None:
        UNAVAILABLE.unlink(missing_ok=True)
        return 0
    reason = failed_lately()
    if reason is None:
        reason = install()
        if reason is None:
            UNAVAILABLE.unlink(missing_ok=True)
            return 0
        UNAVAILABLE.parent.mkdir(exist_ok=True)
        UNAVAILABLE.write_text(reason + "\n")
    print(f"hookflash: browser tests cannot run: {reason}", file=sys.stderr)
    return EXIT_UNAVAILABLE


if __name__ == "__main__":
    sys.exit(main())
