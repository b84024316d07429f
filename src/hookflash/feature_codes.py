"""Keys by which the agent gives commands during a transfer (DTMF feature codes)."""

from datetime import timedelta
from itertools import permutations
from typing import Annotated, Self

from pydantic import Field, StringConstraints, model_validator

from hookflash._base import FromCaller
from hookflash.vocabulary import CommandName

FeatureCode = Annotated[str, StringConstraints(pattern=r"^[0-9*#A-D]{1,4}$")]
"""One to four keys of a telephone: ``0`` to ``9``, ``*``, ``#`` and ``A`` to ``D`` (RFC 4733 section 3.2)."""


class FeatureCodes(FromCaller):
    """What the agent can press during a transfer, each code the same as the command of that name.

    A code is obeyed at its last key, so none may be the beginning of another. The keys of customer and target mean
    nothing here. Whoever talks with the agent hears the keys too, where the provider passes them on.
    """

    cancel: FeatureCode | None = None
    """Give up: the customer goes back to the agent. Default: no code."""
    complete: FeatureCode | None = None
    """The agent leaves; in ``consult`` the target does. Default: no code."""
    conference: FeatureCode | None = None
    """All three talk. Default: no code."""
    swap: FeatureCode | None = None
    """Customer and target change places. Default: no code."""
    hold: FeatureCode | None = None
    """Put the customer on hold. Default: no code."""
    unhold: FeatureCode | None = None
    """Bring customer and agent together. Default: no code."""
    inter_digit_timeout: Annotated[timedelta, Field(gt=timedelta(0), le=timedelta(seconds=10))] = timedelta(seconds=2)
    """Longest time between two keys of a code, as the engine hears of them; what was pressed before a longer pause is
    forgotten. Default: 2 seconds."""

    @property
    def codes(self) -> dict[CommandName, str]:
        """The commands that have a code."""
        commands = (CommandName(name) for name in FeatureCodes.model_fields if name in set(CommandName))
        found = {command: getattr(self, command.value) for command in commands}
        return {command: code for command, code in found.items() if code is not None}

    @model_validator(mode="after")
    def _none_begins_with_another(self) -> Self:
        for (name, code), (other, longer) in permutations(self.codes.items(), 2):
            if code == longer:
                raise ValueError(f"{other.value}: {code} is the code of {name.value} already")
            if longer.startswith(code):
                raise ValueError(f"{name.value}: {code} is the beginning of {longer}, the code of {other.value}")
        return self
