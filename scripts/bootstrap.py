"""Sets the checkout up: a pinned uv in `.tools/uv`, then the locked dependencies in `.venv`.

It needs a Python of its own version range and nothing else: on a fresh Debian neither pip nor venv is
installed. It is silent and quick when there is nothing to do.
"""

import hashlib
import importlib.util
import os
import platform
import re
import shutil
import ssl
import subprocess
import sys
import tempfile
import urllib.request
import zipfile
from pathlib import Path

# Before any annotation below is evaluated: an older Python must get this line, not a TypeError.
if not (3, 11) <= sys.version_info[:2] < (3, 14):
    sys.exit(
        f"hookflash: needs Python 3.11, 3.12 or 3.13, and {sys.executable} is {platform.python_version()}; "
        "choose another, as in: PYTHON=python3.12 make test"
    )

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
STAMP = VENV / "bootstrap.stamp"
UV = ROOT / ".tools" / "uv" / "bin" / "uv"

UV_VERSION = "0.13.8"
# Where PyPI keeps uv's wheels (the same host that uv.lock names), and what must be in them.
UV_WHEELS = {
    ("Linux", "x86_64"): (
        "c5/32/52ee34636aea1ab3f8baeeae1c3599461b8cddfb379862cc72ac61b8d91c/"
        "uv-0.13.8-py3-none-manylinux_2_17_x86_64.manylinux2014_x86_64.whl",
        "e18a57b8b352eb7c8feb317b9f6f533c8f0ad9673fd6cf34bbe3cf1a9f6a8984",
    ),
    ("Linux", "aarch64"): (
        "80/ce/f5eba24d8ec7fa566f9d50d1a69dbf9510137c30366b9f16dbeaf9b9dae4/"
        "uv-0.13.8-py3-none-manylinux_2_28_aarch64.whl",
        "5337c30bb893b4f9ce0ceb921ba2da0d13f649da644f40ad3bef84083bef0203",
    ),
    ("Darwin", "x86_64"): (
        "be/7a/fd8a719c0198f8f8341847fc33b377f25ac79f7c4a56dbce5ceb086f239c/uv-0.13.8-py3-none-macosx_10_12_x86_64.whl",
        "b7124ca1956ec2e476a1003ea5715a15f0266afaec37f4dc9c6972ba8183e6d1",
    ),
    ("Darwin", "arm64"): (
        "84/46/deb3a1eb3020575e41d1f9840c07185761d8d4c25cd6f58e813afb017476/uv-0.13.8-py3-none-macosx_11_0_arm64.whl",
        "62b6943c7fd64fac6854f780bea6e0359e5a5bc3241f83ee357bb38276afac49",
    ),
}
FILES = "https://files.pythonhosted.org/packages/"
CAUSE = re.compile(r"^\s*(?:cause|Caused by): (.+)$", re.MULTILINE)


class SetupError(Exception):
    """Why the set-up cannot be done, in one line for a person."""


def say(line: str) -> None:
    """Prints a line of progress at once, also into a pipe."""
    print(f"hookflash: {line}", flush=True)


def interpreter() -> Path:
    """The interpreter that `.venv` is made from.

    Resolved, because inside an activated `.venv` the running one is a link in the folder to be replaced.
    """
    return Path(sys.executable).resolve()


def state() -> str:
    """Everything that `.venv` depends on. Contents, not times: a git checkout touches the latter."""
    digest = hashlib.sha256()
    for part in ("uv.lock", "pyproject.toml", "scripts/bootstrap.py"):
        digest.update((ROOT / part).read_bytes())
    # A virtual environment works neither in another place nor with another interpreter.
    return f"{ROOT}\n{interpreter()} {platform.python_version()}\n{digest.hexdigest()}\n"


def is_set_up() -> bool:
    """Whether an earlier run has done all of it."""
    return (
        STAMP.is_file()
        and STAMP.read_text() == state()
        and (VENV / "bin" / "python").exists()  # False also for a link to an interpreter that was removed
        and UV.is_file()
    )


def uv_is_pinned() -> bool:
    """Whether `.tools/uv` holds a uv of the pinned version that runs."""
    try:
        out = subprocess.run([UV, "--version"], capture_output=True, text=True, check=True).stdout
    except (OSError, subprocess.CalledProcessError):
        return False
    return out.split()[1:2] == [UV_VERSION]


def wheel_from_pip(folder: Path) -> Path | None:
    """Gets uv's wheel by way of pip, if there is one: it knows its company's index and certificates."""
    if importlib.util.find_spec("pip") is None:
        return None
    hashes = " ".join(f"--hash=sha256:{digest}" for _, digest in UV_WHEELS.values())
    (folder / "uv.txt").write_text(f"uv=={UV_VERSION} {hashes}\n")
    command = [sys.executable, "-m", "pip", "--disable-pip-version-check", "download", "--quiet"]
    command += ["--no-deps", "--only-binary=:all:", "--require-hashes", "--retries=1", "--timeout=20"]
    command += ["--dest", str(folder), "--requirement", str(folder / "uv.txt")]
    if subprocess.run(command, capture_output=True, check=False).returncode != 0:
        return None
    return next(folder.glob("uv-*.whl"), None)


def wheel_from_pypi(folder: Path) -> Path:
    """Gets uv's wheel straight from PyPI, for a machine without pip."""
    platform_name = (platform.system(), platform.machine())
    if platform_name not in UV_WHEELS:
        raise SetupError(f"no uv is pinned for {' '.join(platform_name)}: put uv {UV_VERSION} at {UV}")
    path, digest = UV_WHEELS[platform_name]
    try:
        with urllib.request.urlopen(FILES + path, timeout=60) as response:
            content = response.read()
    except OSError as error:  # URLError and time-outs are OSErrors
        reason = getattr(error, "reason", error)
        raise SetupError(f"cannot download uv, and the first set-up needs the network: {reason}") from error
    if hashlib.sha256(content).hexdigest() != digest:
        raise SetupError(f"the downloaded {path.rsplit('/', 1)[1]} is not the pinned one (sha256 differs)")
    wheel = folder / path.rsplit("/", 1)[1]
    wheel.write_bytes(content)
    return wheel


def install_uv() -> None:
    """Puts the pinned uv into `.tools/uv`."""
    say(f"getting uv {UV_VERSION} into .tools/uv")
    UV.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=UV.parent) as name:
        folder = Path(name)
        wheel = wheel_from_pip(folder) or wheel_from_pypi(folder)
        with zipfile.ZipFile(wheel) as archive:
            binary = folder / "uv"
            binary.write_bytes(archive.read(f"uv-{UV_VERSION}.data/scripts/uv"))
        binary.chmod(0o755)
        binary.replace(UV)  # at once: a run that was interrupted leaves no half a uv
    if not uv_is_pinned():
        raise SetupError(f"{UV} does not run on this machine")


def has_certificates() -> bool:
    """Whether this machine has a store of certificates.

    Then uv is to trust what all else on the machine trusts, such as the proxy of a company; alone it has its own.
    """
    paths = ssl.get_default_verify_paths()
    return bool(paths.cafile) or bool(paths.capath and any(Path(paths.capath).iterdir()))


def sync() -> None:
    """Makes `.venv` what uv.lock says."""
    say(f"installing the locked dependencies into .venv (Python {platform.python_version()})")
    if STAMP.is_file() and STAMP.read_text().partition("\n")[0] != str(ROOT):
        shutil.rmtree(VENV)  # the checkout was moved: uv would keep scripts that name the old place
    environment = {key: value for key, value in os.environ.items() if key not in {"VIRTUAL_ENV", "UV_PYTHON"}}
    # Never an interpreter from elsewhere: the one that was chosen is the one to be tested.
    environment |= {"UV_PROJECT_ENVIRONMENT": str(VENV), "UV_PYTHON_DOWNLOADS": "never"}
    if has_certificates():
        environment.setdefault("UV_SYSTEM_CERTS", "true")
    # Compiled once here: every worker process that a test starts would otherwise compile the SDK again.
    command = [UV, "sync", "--locked", "--no-progress", "--compile-bytecode", "--python", interpreter()]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    if done.returncode == 0:
        return
    causes = CAUSE.findall(done.stderr)
    if "error sending request" in done.stderr and causes:
        raise SetupError(f"cannot download the dependencies, and this set-up needs the network: {causes[-1]}")
    sys.stderr.write(done.stderr)
    raise SetupError(f"uv sync ended with {done.returncode}, see above")


def main() -> int:
    """Does what is missing.

    Returns:
        The exit code: 0 set up, 1 not.
    """
    if is_set_up():
        return 0
    try:
        if not uv_is_pinned():
            install_uv()
        sync()
    except SetupError as error:
        print(f"hookflash: {error}", file=sys.stderr)
        return 1
    STAMP.write_text(state())
    return 0


if __name__ == "__main__":
    sys.exit(main())
