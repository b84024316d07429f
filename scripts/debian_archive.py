"""Packages from Debian's archive, without root and without a trace in the system's own package management.

It needs apt-get, dpkg-deb, Debian's archive keyring and amd64.
"""

from __future__ import annotations

import os
import platform
import re
import shutil
import subprocess
import sys
from pathlib import Path

from unpacking import UnavailableError

DEFAULT_MIRROR = "http://deb.debian.org/debian"
SUITES = ("forky", "sid")
KEYRINGS = (
    Path("/usr/share/keyrings/debian-archive-keyring.gpg"),
    Path("/usr/share/keyrings/debian-archive-keyring.pgp"),
)


def fetch(apt: Path, command: list[str]) -> str:
    """Have apt get packages from the first suite that has them; return that suite.

    Args:
        apt: Where its private root shall be.
        command: What gets them.

    Raises:
        UnavailableError: This machine or this network cannot have them.
    """
    keyring = _keyring()
    mirror = os.environ.get("HOOKFLASH_DEBIAN_MIRROR") or DEFAULT_MIRROR
    if re.fullmatch(r"\S+://\S+", mirror) is None:
        raise UnavailableError(f"HOOKFLASH_DEBIAN_MIRROR is not a URL: {mirror!r}")
    reason = ""
    for suite in SUITES:
        shutil.rmtree(apt, ignore_errors=True)
        environment = _private_apt(apt, f"deb [signed-by={keyring}] {mirror} {suite} main\n")
        try:
            run(["apt-get", "-qq", "-o", "APT::Update::Error-Mode=any", "update"], environment)
            run(command, environment)
        except UnavailableError as unavailable:
            reason = str(unavailable)
        else:
            return suite
    raise UnavailableError(reason)


def run(command: list[str], environment: dict[str, str] | None = None) -> str:
    """Run a command and return its output; when it fails, its first line of complaint becomes the reason."""
    done = subprocess.run(command, env=environment, capture_output=True, text=True, errors="replace", check=False)
    if done.returncode:
        complaints = [line.strip() for line in (done.stderr + done.stdout).splitlines() if line.strip()]
        # apt warns before it fails; its errors are the better reason.
        errors = [line for line in complaints if line.startswith(("E:", "dpkg-deb: error"))]
        reason = (errors or complaints or [f"exit code {done.returncode}"])[0]
        raise UnavailableError(f"{Path(command[0]).name} failed: {reason}")
    return done.stdout


def _keyring() -> Path:
    """Return the archive keyring, after everything else that is needed was found."""
    if sys.platform != "linux" or platform.machine() != "x86_64":
        raise UnavailableError(f"it is installed for Linux on amd64 only, not {sys.platform} {platform.machine()}")
    for program in ("apt-get", "dpkg-deb"):
        if shutil.which(program) is None:
            raise UnavailableError(f"{program} is not on this machine")
    for keyring in KEYRINGS:
        if keyring.is_file():
            return keyring
    raise UnavailableError("Debian's archive keyring is missing (package debian-archive-keyring)")


def _private_apt(apt: Path, sources: str) -> dict[str, str]:
    """Lay out an apt root that inherits nothing from the machine's; return the environment that selects it."""
    for folder in (
        *(f"etc/apt/{name}.d" for name in ("apt.conf", "preferences", "sources.list", "trusted.gpg")),
        "var/lib/apt/lists/partial",
        "var/cache/apt/archives/partial",
        "var/lib/dpkg",
    ):
        (apt / folder).mkdir(parents=True)
    status = apt / "var/lib/dpkg/status"
    status.touch()
    (apt / "etc/apt/sources.list").write_text(sources, encoding="utf-8")
    configuration = apt / "apt.conf"
    # Check-Valid-Until and Check-Date: a machine's or a mirror's clock may be off; the signature is still verified.
    configuration.write_text(
        f"""\
Dir "{apt}/";
Dir::State::status "{status}";
APT::Architecture "amd64";
APT::Architectures "amd64";
APT::Install-Recommends "false";
APT::Sandbox::User "";
Acquire::Languages "none";
Acquire::Check-Valid-Until "false";
Acquire::Check-Date "false";
Acquire::Retries "2";
Acquire::http::Timeout "30";
Acquire::https::Timeout "30";
""",
        encoding="utf-8",
    )
    return {**os.environ, "APT_CONFIG": str(configuration), "LC_ALL": "C", "DEBIAN_FRONTEND": "noninteractive"}
