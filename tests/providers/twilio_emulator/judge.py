"""Twilio's own OpenAPI description judges what the provider asks and what the emulator answers.

The description has faults; those that matter here are mended (``_mend``). It describes success only, so refusals are
not judged, and it lets unknown parameters pass, so those are looked up here.
"""

import json
import re
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any, cast
from urllib.parse import parse_qsl

from openapi_core import OpenAPI
from openapi_core.exceptions import OpenAPIError
from openapi_core.testing import MockRequest, MockResponse

from tests.providers.twilio_emulator.emulator import Exchanged

FOLDER = Path(__file__).resolve().parents[3] / ".tools" / "twilio_api"
FILES = {
    "/2010-04-01/": ("twilio_api_v2010.json", "https://api.twilio.com"),
    "/v1/Services/": ("twilio_sync_v1.json", "https://sync.twilio.com"),
}


_ID = re.compile(r"[0-9a-f]{32}")


class Judge:
    """Judges requests and answers."""

    def __init__(self) -> None:
        self._descriptions = {prefix: _Description(*of) for prefix, of in FILES.items()}

    @staticmethod
    def installed() -> "Judge | None":
        """Return a judge, None where the description is not installed."""
        return _judge() if (FOLDER / "installed.json").is_file() else None

    def complaints(self, exchanged: Sequence[Exchanged]) -> list[str]:
        """Return what is wrong with requests and answers. Of those that only look, one of each kind is enough."""
        kinds = {(_kind(it) if it.method == "GET" else number): it for number, it in enumerate(exchanged)}
        return [fault for it in kinds.values() for fault in self._of_one(it)]

    def _of_one(self, it: Exchanged) -> list[str]:
        description = next((one for prefix, one in self._descriptions.items() if it.path.startswith(prefix)), None)
        return description.complaints(it) if description is not None else [f"{it.path}: no description has this path"]


@cache
def _judge() -> Judge:
    return Judge()


class _Description:
    def __init__(self, file: str, host: str) -> None:
        self._spec = _mend(json.loads((FOLDER / file).read_text()))
        self._host = host
        self._api = OpenAPI.from_dict(self._spec)

    def complaints(self, it: Exchanged) -> list[str]:
        what = f"{it.method} {it.path}"
        content_type = it.headers.get("Content-Type", "application/x-www-form-urlencoded").partition(";")[0]
        request = MockRequest(
            self._host,
            it.method.lower(),
            it.path,
            args=dict(it.query),
            headers=it.headers,
            data=it.body,
            content_type=content_type,
        )
        try:
            self._api.validate_request(request)
            if it.status < 300:
                response = MockResponse(it.answer, status_code=it.status, content_type="application/json")
                self._api.validate_response(request, response)
        except OpenAPIError as error:
            return [f"{what}, answered {it.status}: {error!r} {error.__cause__!r}"]
        return [f"{what}: {name} is no parameter of this request" for name in self._unknown(it)]

    def _unknown(self, it: Exchanged) -> list[str]:
        operation = self._operation(it)
        body = operation.get("requestBody", {}).get("content", {}).get("application/x-www-form-urlencoded", {})
        known = {one["name"] for one in operation.get("parameters", [])} | set(
            body.get("schema", {}).get("properties", {})
        )
        given = {name for name, _ in it.query} | {
            name for name, _ in parse_qsl(it.body.decode(), keep_blank_values=True)
        }
        return sorted(given - known)

    def _operation(self, it: Exchanged) -> dict[str, Any]:
        paths = cast("dict[str, dict[str, Any]]", self._spec["paths"])
        for template, operations in paths.items():
            if _fits(template, it.path) and it.method.lower() in operations:
                shared = operations.get("parameters", [])
                operation = operations[it.method.lower()]
                return {**operation, "parameters": [*shared, *operation.get("parameters", [])]}
        return {}


def _kind(it: Exchanged) -> tuple[object, ...]:
    return it.method, _ID.sub("", it.path), tuple(name for name, _ in it.query), it.status, len(it.answer) // 500


def _fits(template: str, path: str) -> bool:
    wanted, given = template.split("/"), path.split("/")
    return len(wanted) == len(given) and all(
        (it.startswith("{") and there.endswith(it.partition("}")[2])) or it == there
        for it, there in zip(wanted, given, strict=True)
    )


def _mend(spec: dict[str, Any]) -> dict[str, Any]:
    """Mend what is wrong in the description itself: why a conference has ended is null as long as it has not."""
    reason = spec["components"]["schemas"].get("conference_enum_reason_conference_ended")
    if reason is not None:
        reason["nullable"] = True
        reason["enum"] = [*reason["enum"], None]
    return spec
