"""Bases of the contract's models."""

from pydantic import BaseModel, ConfigDict


class FromCaller(BaseModel):
    """Base of everything callers send: a wrong or unknown field is answered, never ignored."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)


class Reported(BaseModel):
    """Base of everything the engine or a provider reports: a newer sender may add fields."""

    model_config = ConfigDict(frozen=True, extra="ignore", use_attribute_docstrings=True)
