"""Advisories in files, in the format of OSV (https://ossf.github.io/osv-schema/): read, judged and served.

Such are https://github.com/pypa/advisory-database and OSV's own export. `uv audit` reads no files, it asks a service.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Generator, Iterable
from contextlib import contextmanager
from datetime import datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import yaml
from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

Advisory = dict[str, Any]
"""As the format has it."""


def advisories(folder: Path) -> Generator[Advisory]:
    """Read all that a folder and those in it have; other files may lie among them."""
    for path in folder.rglob("*"):
        read: Any = None
        if path.suffix == ".json":
            read = json.loads(path.read_text())
        elif path.suffix == ".yaml":
            # Without types: a version 1.10 is no number, and JSON has no dates.
            read = yaml.load(path.read_text(), Loader=yaml.CBaseLoader)
        if isinstance(read, dict) and {"id", "modified", "affected"} <= read.keys():
            yield read


def newest(found: Iterable[Advisory]) -> datetime:
    """When the database was last tended: the last change of any advisory."""
    return max(datetime.fromisoformat(it["modified"]) for it in found)


def concerns(advisory: Advisory, name: str, version: str) -> bool:
    """Tell whether an advisory is about this version of a Python package: it lists it, or has it in a range."""
    return "withdrawn" not in advisory and any(
        it["package"]["ecosystem"] == "PyPI"
        and canonicalize_name(it["package"]["name"]) == canonicalize_name(name)
        and (version in it.get("versions", ()) or any(_within(its, Version(version)) for its in it.get("ranges", ())))
        for it in advisory["affected"]
    )


def _within(versions: dict[str, Any], version: Version) -> bool:
    """Tell by the last event that this version has reached."""
    if versions["type"] != "ECOSYSTEM":
        return False  # it is about commits
    inside = False
    for what, at in sorted((it for event in versions["events"] for it in event.items()), key=lambda it: _order(it[1])):
        if what == "last_affected":
            inside = inside and version <= _order(at)
        elif version >= _order(at):
            inside = what == "introduced"
    return inside


def _order(version: str) -> Version:
    """What is no version of Python (a few old advisories name a date) comes before all, as OSV's 0 does."""
    try:
        return Version("0.dev0" if version == "0" else version)
    except InvalidVersion:
        return Version("0.dev0")


@contextmanager
def serving(known: list[Advisory]) -> Generator[str]:
    """Answer as OSV does (https://google.github.io/osv.dev/api/) at the URL given, on this machine only."""

    class Service(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            asked: Any = json.loads(self.rfile.read(int(self.headers["content-length"])))["queries"]
            self._answer({"results": [{"vulns": self._found(**query)} for query in asked]})

        def do_GET(self) -> None:
            self._answer(next(it for it in known if self.path.endswith(f"/vulns/{it['id']}")))

        def log_message(self, format: str, *args: object) -> None:
            pass  # nobody reads it

        def _found(self, package: dict[str, str], version: str) -> list[dict[str, str]]:
            found = (it for it in known if concerns(it, package["name"], version))
            return [{"id": it["id"], "modified": it["modified"]} for it in found]

        def _answer(self, body: object) -> None:
            told = json.dumps(body).encode()
            self.send_response(200)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(told)))
            self.end_headers()
            self.wfile.write(told)

    with ThreadingHTTPServer(("127.0.0.1", 0), Service) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/"
        finally:
            server.shutdown()
            thread.join()
