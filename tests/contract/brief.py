"""Any value that a model can have, made out of its fields: for tests that hold for every model that travels."""

import types
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from enum import Enum
from typing import Annotated, Any, Literal, Union, cast, get_args, get_origin

from hypothesis import strategies as st
from pydantic import AwareDatetime, BaseModel, TypeAdapter, ValidationError

from hookflash import AnotherTarget, Target, TransferRequest

SAMPLES: dict[Any, tuple[object, ...]] = {
    str: ("", "a", "sim:a", "a-17", "claims,s,1", "*1", "Überfall \u2028", "1763773200.17", "56a390f3"),
    int: (0, 1, 2, 16, 486),
    bool: (True, False),
    timedelta: tuple(timedelta(seconds=it) for it in (0, 0.25, 1, 10, 20, 300, 3600)),
    datetime: (datetime(2026, 11, 22, 18, 23, 58, 990953, UTC), datetime(2026, 1, 1, tzinfo=UTC)),
    AwareDatetime: (datetime(2026, 11, 22, 18, 23, 58, 990953, UTC), datetime(2026, 1, 1, tzinfo=UTC)),
}
"""Some of these, whichever a field takes: the empty ones and the defaults of many fields are among them."""


def instances(model: type[BaseModel]) -> st.SearchStrategy[BaseModel]:
    """Return a strategy for the instances of a model, with any of its fields given or left to their defaults."""

    def make(given: dict[str, Any]) -> BaseModel | None:
        try:
            return model(**_agreeing(model, given))
        except ValidationError:
            return None

    required = {name: _of_field(model, name) for name, field in model.model_fields.items() if field.is_required()}
    optional = {name: _of_field(model, name) for name in model.model_fields if name not in required}
    return (
        st.fixed_dictionaries(required, optional=optional).map(make).filter(bool).map(lambda it: cast("BaseModel", it))
    )


def _of_field(model: type[BaseModel], name: str) -> st.SearchStrategy[Any]:
    field = model.model_fields[name]
    hint: Any = field.annotation
    for constraint in field.metadata:
        hint = Annotated[hint, constraint]
    return _of(hint)


def _of(hint: Any) -> st.SearchStrategy[Any]:  # noqa: ANN401 any annotation
    origin, parts = get_origin(hint), get_args(hint)
    if origin is Annotated:
        return _allowed(hint, _of(parts[0]))
    if origin in (Union, types.UnionType):
        return st.one_of(*(_of(it) for it in parts))
    if origin is Literal:
        return st.sampled_from(parts)
    if origin is tuple:
        return st.lists(_of(parts[0]), max_size=3).map(tuple)
    if origin in (dict, Mapping):
        return st.dictionaries(_of(parts[0]), _of(parts[1]), max_size=2)
    if hint is type(None):
        return st.none()
    if issubclass(hint, BaseModel):
        return instances(hint)
    return st.sampled_from(tuple(hint)) if issubclass(hint, Enum) else st.sampled_from(SAMPLES[hint])


def _allowed(hint: Any, values: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:  # noqa: ANN401 any annotation
    adapter: TypeAdapter[Any] = TypeAdapter(hint)

    def fits(value: object) -> bool:
        try:
            adapter.validate_python(value)
        except ValidationError:
            return False
        return True

    return values.filter(fits)


def _agreeing(model: type[BaseModel], given: dict[str, Any]) -> dict[str, Any]:
    """Return the same without what only rules between fields forbid, which chance would hardly ever keep."""
    if model is Target:
        given = {"address": "sim:a", **given, "leg": None}
        given["directory"] = None if given["address"] else given.get("directory") or "night"
    if model is AnotherTarget:
        given["target"] = given["target"].model_copy(update={"with_previous": False})
    if model is TransferRequest:
        first, *others = given["targets"] or (Target(address="sim:a"),)
        given["targets"] = (first.model_copy(update={"with_previous": False}), *others)
        given["customer"] = given["customer"].model_copy(update={"leg": "carol", "address": "sim:carol"})
        agent = {"leg": "anna", "consulting_leg": None, "address": "sim:anna"}
        given["agent"] = given["agent"].model_copy(update=agent)
    return given
