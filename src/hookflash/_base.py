"""Bases of the contract's models, and what is said of a wrong one."""

from typing import TypedDict

from pydantic import BaseModel, ConfigDict


class Problem(TypedDict):
    """One thing that is wrong with an input; a list of them is the first detail of the error."""

    field: str
    """Dotted path, for example `targets.0.address`. Empty: the input as a whole."""
    problem: str
    """What is wrong there, never with the value that was sent: it may be a phone number."""


class FromCaller(BaseModel):
    """Base of everything callers send: a wrong or unknown field is answered, never ignored."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)


class Reported(BaseModel):
    """Base of everything the engine or a provider reports: a newer sender may add fields.

    Who reads it finds every field there, also those that have their default.
    """

    model_config = ConfigDict(frozen=True, extra="ignore", use_attribute_docstrings=True)


class Brief:
    """Base of what is kept many times over and read by ourselves: its payload leaves out what has its default.

    So such a default is for ever: what was written before would be read with the new one.
    """
