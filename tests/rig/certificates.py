"""Certificates for tests, by openssl: an authority of our own, and what it signs."""

import subprocess
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Certificate:
    """A certificate and its key, in PEM."""

    certificate: Path
    key: Path


def authority(folder: Path, name: str) -> Certificate:
    """Make an authority that nobody knows yet."""
    made = _files(folder, name)
    _openssl(made, "-subj", f"/CN={name}")
    return made


def signed_for(host: str, by: Certificate, folder: Path) -> Certificate:
    """Make a certificate for a host."""
    made = _files(folder, host)
    _openssl(
        made,
        *("-subj", f"/CN={host}", "-addext", f"subjectAltName=DNS:{host}"),
        *("-addext", "basicConstraints=critical,CA:FALSE"),
        *("-CA", str(by.certificate), "-CAkey", str(by.key)),
    )
    return made


def _files(folder: Path, name: str) -> Certificate:
    folder.mkdir(parents=True, exist_ok=True)
    return Certificate(folder / f"{name}.pem", folder / f"{name}.key")


def _openssl(made: Certificate, *arguments: str) -> None:
    # openssl comes with ca-certificates, without which no machine fetches anything.
    command = ("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", *arguments)
    files = ("-keyout", str(made.key), "-out", str(made.certificate))
    done = subprocess.run((*command, *files), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
