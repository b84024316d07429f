#!/usr/bin/env python3
"""Unpack a real Asterisk below `.tools/asterisk`, without root and without touching the system's packages.

Debian's current releases carry Asterisk 22, but the stable ones a developer has often do not. So apt resolves and
downloads against a private root of its own, `dpkg-deb -x` unpacks, no maintainer script runs, and Asterisk is
started through the dynamic loader that came with it. It needs apt-get, dpkg-deb, Debian's archive keyring and amd64.

Exit codes: 0 it is there; 3 it cannot be had on this machine (one line says why, and the same line is left in
`.tools/asterisk.unavailable` for the tests to give as their reason to skip); anything else is a fault of this script.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import re
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

RECIPE = 2
"""Raise it whenever what is unpacked changes: an installation by another recipe is replaced."""

DEFAULT_MIRROR = "http://deb.debian.org/debian"
SUITES = ("forky", "sid")
# base-files brings the /lib and /lib64 links that the loader's path relies on. SIPp is a second SIP stack for the
# tests' phones, and tshark reads what went over the wire.
PACKAGES = ("asterisk", "asterisk-core-sounds-en-gsm", "base-files", "sip-tester", "tshark")
KEYRINGS = (
    Path("/usr/share/keyrings/debian-archive-keyring.gpg"),
    Path("/usr/share/keyrings/debian-archive-keyring.pgp"),
)
OLDEST_MAJOR = 22
STAMP = "installed.json"
ABANDONED_SECONDS = 3600
# What a running Asterisk and the two tools read; everything else in the packages (manuals, locales, tools) goes.
KEPT = (
    "lib",
    "lib64",
    "usr/bin/sipp",
    "usr/bin/tshark",
    "usr/lib64",
    "usr/lib/x86_64-linux-gnu",
    "usr/sbin/asterisk",
    "usr/share/asterisk",
)
# Unpacked as dependencies, large, and opened by no module of Asterisk.
DROPPED_LIBRARIES = ("perl", "perl-base", "gconv", "dri", "guile", "systemd")


class UnavailableError(Exception):
    """Asterisk cannot be had on this machine; the message is the one-line reason."""


def main() -> int:
    """Install Asterisk unless the right one is already there."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    default = Path(__file__).resolve().parents[1] / ".tools" / "asterisk"
    parser.add_argument("--into", type=Path, default=default, metavar="FOLDER", help="default: %(default)s")
    target: Path = parser.parse_args().into.absolute()
    excuse = target.with_name(f"{target.name}.unavailable")

    installed = read_stamp(target)
    if installed.get("recipe") == RECIPE:
        excuse.unlink(missing_ok=True)
        print(f"Asterisk {installed.get('version')} is already there")
        return 0

    target.parent.mkdir(parents=True, exist_ok=True)
    started = time.monotonic()
    try:
        stamp = install(target, os.environ.get("HOOKFLASH_DEBIAN_MIRROR") or DEFAULT_MIRROR)
    except UnavailableError as unavailable:
        reason = f"Asterisk is unavailable: {unavailable}"
        excuse.write_text(reason + "\n", encoding="utf-8")
        print(reason)
        return 3
    excuse.unlink(missing_ok=True)
    print(f"Asterisk {stamp['version']} from {stamp['suite']} in {time.monotonic() - started:.0f} s")
    return 0


def read_stamp(target: Path) -> dict[str, object]:
    """Return what an earlier run noted down about `target`; empty when there is nothing usable."""
    try:
        return json.loads((target / STAMP).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}


def install(target: Path, mirror: str) -> dict[str, object]:
    """Build in a folder beside `target` and rename it at the very end, so that no half of it is ever seen.

    Args:
        target: where Asterisk shall be.
        mirror: the URL of a Debian archive.

    Returns:
        The stamp that was written into `target`.

    Raises:
        UnavailableError: if this machine or this network cannot have it.
    """
    keyring = check_machine()
    if re.fullmatch(r"\S+://\S+", mirror) is None:
        raise UnavailableError(f"HOOKFLASH_DEBIAN_MIRROR is not a URL: {mirror!r}")
    prefix = f"{target.name}.building-"
    for abandoned in target.parent.glob(f"{prefix}*"):  # by a run that was killed
        if time.time() - abandoned.stat().st_mtime > ABANDONED_SECONDS:
            shutil.rmtree(abandoned, ignore_errors=True)
    with tempfile.TemporaryDirectory(prefix=prefix, dir=target.parent) as building:
        work = Path(building)
        suite = download(work / "apt", mirror, keyring)
        root = work / "root"
        unpack(work / "apt" / "var/cache/apt/archives", root)
        trim(root)
        stamp: dict[str, object] = {"recipe": RECIPE, "suite": suite, "version": version_of(root)}
        (root / STAMP).write_text(json.dumps(stamp) + "\n", encoding="utf-8")
        if target.exists():
            target.rename(work / "replaced")
        root.rename(target)
    return stamp


def check_machine() -> Path:
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


def download(apt: Path, mirror: str, keyring: Path) -> str:
    """Download the packages and all they depend on; return the suite they came from."""
    reason = ""
    for suite in SUITES:
        shutil.rmtree(apt, ignore_errors=True)
        environment = private_apt(apt, f"deb [signed-by={keyring}] {mirror} {suite} main\n")
        try:
            run(["apt-get", "-qq", "-o", "APT::Update::Error-Mode=any", "update"], environment)
            run(["apt-get", "-qq", "-y", "install", "--download-only", *PACKAGES], environment)
        except UnavailableError as unavailable:
            reason = str(unavailable)
        else:
            return suite
    raise UnavailableError(reason)


def private_apt(apt: Path, sources: str) -> dict[str, str]:
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


def unpack(archives: Path, root: Path) -> None:
    """Unpack every downloaded package into `root`, deleting each as soon as it is done."""
    root.mkdir()
    # The links of a merged /usr must stand before any package lays a real /lib beside them.
    packages = sorted(archives.glob("*.deb"), key=lambda path: (not path.name.startswith("base-files_"), path.name))
    for package in packages:
        run(["dpkg-deb", "-x", str(package), str(root)])
        package.unlink()


def trim(root: Path) -> None:
    """Delete what a running Asterisk never reads."""
    kept = {Path(name) for name in KEPT}
    for folder, folders, files in os.walk(root):
        here = Path(folder).relative_to(root)
        for name in [*folders, *files]:
            path = here / name
            if path in kept:
                if name in folders:
                    folders.remove(name)
            elif not any(path in keep.parents for keep in kept):
                if name in folders:
                    folders.remove(name)
                discard(root / path)
    for name in DROPPED_LIBRARIES:
        discard(root / "usr/lib/x86_64-linux-gnu" / name)


def discard(path: Path) -> None:
    """Delete a file, a link or a whole folder."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def version_of(root: Path) -> str:
    """Start the unpacked program once; return its version."""
    libraries = root / "usr/lib/x86_64-linux-gnu"
    loader = root / "usr/lib64/ld-linux-x86-64.so.2"
    said = run([str(loader), "--library-path", str(libraries), str(root / "usr/sbin/asterisk"), "-V"])
    found = re.match(r"Asterisk (\d+)(\S*)", said)
    if found is None or int(found[1]) < OLDEST_MAJOR:
        raise UnavailableError(f"the archive has {said.strip() or 'an unknown version'}, not Asterisk {OLDEST_MAJOR}")
    return found[1] + found[2]


if __name__ == "__main__":
    sys.exit(main())
