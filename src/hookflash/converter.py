"""How the contract travels: plain JSON, and an answer that names the field a caller got wrong.

By default Temporal answers bad input by failing the workflow *task*, again and again: the transfer is running for
ever, and nothing gets through to it, not even a cancel. Whoever sent it learns nothing. With this converter a bad
request fails the workflow, and a bad command fails the update, both as `InvalidRequest`.

It sees one input at a time, so half of the job is `workflows/guard.py`: the number of inputs, null and binary ones.

What is `Brief` travels without the fields that have their default. Every input and every answer stays in the history.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from types import UnionType
from typing import Any, Union, cast, get_args, get_origin

from pydantic import ValidationError
from pydantic_core import ErrorDetails, InitErrorDetails, PydanticCustomError, SchemaSerializer, from_json
from pydantic_core.core_schema import any_schema
from temporalio.api.common.v1 import Payload
from temporalio.contrib.pydantic import PydanticPayloadConverter
from temporalio.converter import DataConverter
from temporalio.exceptions import ApplicationError

from hookflash._base import Brief, FromCaller, Problem
from hookflash.encryption import RefusingCodec

INVALID_REQUEST = "InvalidRequest"
"""The `type` of the error that answers input we cannot accept. Trying again does not help."""

# An answer is read by a person, and kept in the history: nonsense by the megabyte gets a short one too.
_NAMED_IN_MESSAGE = 3
_NAMED_IN_DETAILS = 20
_LOOKED_AT = 100
_LONGEST_KEY = 64


@dataclass(frozen=True)
class Unreadable:
    """What a handler gets in place of an input that cannot be read, if it says that it takes one.

    The SDK drops a signal whose input cannot be decoded, and nobody hears of it but the worker's log. A handler
    declared as `def hold(self, order: Hold | Unreadable)` keeps the signal, so that the guard can tell the workflow.
    """

    error: ApplicationError
    """The answer it would have got as an update."""


def invalid_request(subject: str, problems: Sequence[Problem]) -> ApplicationError:
    """Return the error that tells a caller what is wrong with an input.

    Args:
        subject: What it should have been, for example `TransferRequest`.
        problems: Everything that is wrong with it.
    """
    named = [f"{it['field']}: {it['problem']}" if it["field"] else it["problem"] for it in problems]
    if len(named) > _NAMED_IN_MESSAGE:
        named[_NAMED_IN_MESSAGE:] = [f"and {len(named) - _NAMED_IN_MESSAGE} more"]
    return ApplicationError(
        f"invalid {subject}: {'; '.join(named)}",
        list(problems[:_NAMED_IN_DETAILS]),
        type=INVALID_REQUEST,
        non_retryable=True,
    )


def union_members(hint: object) -> tuple[object, ...]:
    """Return the alternatives of a union, or the hint itself."""
    return get_args(hint) if get_origin(hint) in (Union, UnionType) else (hint,)


@cache
def _what_is_expected(hint: object) -> tuple[list[object], list[str]]:
    """Return what a hint takes, without `Unreadable`, and the names of the caller's models in it."""
    return [member for member in union_members(hint) if not _is(member, Unreadable)], _models_from_caller(hint)


def _models_from_caller(hint: object) -> list[str]:
    """Return the names of the caller's models that a hint is, or is a union with."""
    return [
        member.__name__
        for member in union_members(hint)
        if isinstance(member, type) and any(_is(base, FromCaller) for base in member.__mro__)
    ]


def _is(found: object, ours: type) -> bool:
    # By name: a workflow whose sandbox does not pass `hookflash` through has its own copies of these classes, and
    # would silently be without protection.
    return isinstance(found, type) and (found.__module__, found.__qualname__) == (
        ours.__module__,
        ours.__qualname__,
    )


_as_json = SchemaSerializer(any_schema()).to_json


class ContractPayloadConverter(PydanticPayloadConverter):
    """JSON by pydantic; `InvalidRequest` where an input is no valid `FromCaller`.

    Anything else that cannot be read, an activity's result for example, raises as it does in the SDK: that is a
    fault of ours, and the workflow waits until it is repaired.
    """

    def to_payloads(self, values: Sequence[Any]) -> list[Payload]:
        """See base class."""
        others = super().to_payloads
        return [_in_brief(it) if isinstance(it, Brief) else others([it])[0] for it in values]

    def from_payloads(self, payloads: Sequence[Payload], type_hints: list[type] | None = None) -> list[Any]:
        """See base class.

        Raises:
            ApplicationError: A caller's input is invalid; the type is `InvalidRequest`.
        """
        if type_hints is not None and len(type_hints) == len(payloads):
            return [self._read(*pair) for pair in zip(payloads, type_hints, strict=True)]
        if type_hints == []:
            # No hints means a handler without parameters. The SDK drops what it is given, so that the guard cannot see
            # it, and the caller would be told that all is well.
            problem = Problem(field="", problem=f"no input expected, {len(payloads)} given")
            raise invalid_request("input", [problem])
        if len(payloads) < 2:
            return super().from_payloads(payloads, type_hints)
        # The SDK gives no hints when a caller sent the wrong number of inputs. The guard is going to refuse them,
        # if only they can be decoded.
        try:
            return super().from_payloads(payloads)
        except (KeyError, RuntimeError, ValueError):
            problem = Problem(field="", problem=f"{len(payloads)} inputs were given, and cannot be read")
        raise invalid_request("input", [problem])

    def _read(self, payload: Payload, hint: type) -> Any:  # noqa: ANN401 what the hint says
        expected, models = _what_is_expected(hint)
        tolerant = len(expected) < len(union_members(hint))
        if not tolerant and not models:
            return self._read_ours(payload, hint)

        encoding = payload.metadata.get("encoding", b"")
        # Null and binary data bypass validation. They are left to the guard, which can also tell the workflow.
        if encoding == b"binary/null":
            return None
        if encoding == b"binary/plain":
            return payload.data
        if encoding != b"json/plain":
            told = _printable(encoding.decode(errors="replace")) or "without encoding"
            problems = [Problem(field="", problem=f"Input should be JSON, not {told}")]
        else:
            try:
                wanted = cast("type", cast("Any", Union)[tuple(expected)])
                return super().from_payloads([payload], [wanted])[0]
            except ValidationError as error:
                problems = _problems(error, payload.data)
        # Not in the except block: pydantic's error quotes the input, and would be logged as the context of this one.
        subject = " or ".join(models or [getattr(it, "__name__", str(it)) for it in expected])
        refusal = invalid_request(subject, problems)
        if tolerant:
            return Unreadable(refusal)
        raise refusal

    def _read_ours(self, payload: Payload, hint: type) -> Any:  # noqa: ANN401 what the hint says
        try:
            return super().from_payloads([payload], [hint])[0]
        except ValidationError as error:
            told = error.errors(include_url=False, include_input=False)
            found = [
                InitErrorDetails(
                    type=PydanticCustomError(cast("Any", it["type"]), cast("Any", it["msg"])), loc=it["loc"], input=None
                )
                for it in told[:_LOOKED_AT]
            ]
            silent = ValidationError.from_exception_data(error.title, found, hide_input=True)
        # Not in the except block: the error of before quotes the input, and would be logged.
        raise silent


def _in_brief(value: Brief) -> Payload:
    return Payload(metadata={"encoding": b"json/plain"}, data=_as_json(value, exclude_defaults=True))


def _problems(error: ValidationError, data: bytes) -> list[Problem]:
    # Capped, as this runs inside a workflow task, and two megabytes of nonsense would take longer than a task may.
    errors = error.errors(include_url=False, include_input=False)[:_LOOKED_AT]
    body: object = from_json(data) if any(it["loc"] for it in errors) else None
    problems: list[Problem] = []
    for it in errors:
        depth = len(it["loc"])
        if it["type"] == "too_short" and any(len(e["loc"]) > depth and e["loc"][:depth] == it["loc"] for e in errors):
            continue  # only because the items that are there are invalid, and those have been named
        problem = _problem(it, body)
        if problem not in problems:  # members of a union may complain about the same thing in the same words
            problems.append(problem)
    return problems


def _problem(error: ErrorDetails, body: object) -> Problem:
    path = _path(error, body)
    context = error.get("ctx", {})
    message = error["msg"]
    if error["type"] in ("union_tag_invalid", "union_tag_not_found"):
        # Pydantic names the union here, not the field that selects its member, and quotes what was sent.
        path.append(context["discriminator"].strip("'"))
        tags = context.get("expected_tags")
        message = f"Input should be one of {tags}" if tags else "Field required"
    elif error["type"] == "value_error":
        message = str(context["error"])
    return Problem(field=".".join(path), problem=message)


def _path(error: ErrorDetails, body: object) -> list[str]:
    """Follow pydantic's location through what was sent; leave out the steps that are names of union members."""
    path: list[str] = []
    tagged: object = None
    for step in error["loc"]:
        # The name of a union's member, once: the member may have a field of that very name.
        if isinstance(body, dict) and body is not tagged and cast("dict[str, object]", body).get("kind") == step:
            tagged = cast("object", body)
            continue
        try:
            body = cast("Any", body)[step]
        except (LookupError, TypeError):
            continue
        path.append(_printable(str(step)))
    if error["type"] == "missing":
        path.append(str(error["loc"][-1]))
    return path


def _printable(key: str) -> str:
    # Names of unknown fields are the caller's text, and end up in logs and in the UI.
    return re.sub(r"[^\w.:+/-]", "?", key[:_LONGEST_KEY], flags=re.ASCII)


data_converter = DataConverter(payload_converter_class=ContractPayloadConverter, payload_codec=RefusingCodec())
"""The data converter of every client and worker of transfers that has no keys: `hookflash.encryption.encrypted` makes
one of it that has."""
