"""The agent's keys: which of them are a feature code, and so a command."""

from collections.abc import Iterable
from datetime import datetime
from typing import NamedTuple

from hookflash import Actor, CommandName, FeatureCodes
from workflows.core import Command, DigitPressed, State, decide


class TypedCode(NamedTuple):
    """A code that the agent has pressed to its end."""

    code: str
    command: Command


class DigitCollector:
    """Collects the agent's keys until they are a code.

    A pause is measured when the next key is heard, and needs no timer: a code that was begun and given up costs
    nothing. It is measured by the times at which the engine hears of keys, so keys that an outage has kept back arrive
    as if they had been pressed in one go.
    """

    def __init__(self, codes: FeatureCodes | None) -> None:
        self._commands = {code: name for name, code in codes.codes.items()} if codes else {}
        self._timeout = codes.inter_digit_timeout if codes else None
        self._typed = ""
        self._last: datetime | None = None

    def hear(self, state: State, key: DigitPressed, at: datetime) -> TypedCode | None:
        """Return the code that a key has completed.

        Args:
            state: The transfer now: keys count while the agent is there to give commands.
            key: Who pressed what.
            at: When it was heard.
        """
        if not self._commands or key.leg != state.agent_leg or not state.agent.up:
            return None
        if self._last is not None and self._timeout is not None and at - self._last > self._timeout:
            self._typed = ""
        self._last = at
        self._typed = _longest_beginning(self._typed + key.digit, self._commands)
        name = self._commands.get(self._typed)
        if name is None:
            return None
        code, self._typed = self._typed, ""
        return TypedCode(code, _command(name))


def usable(codes: FeatureCodes | None, state: State) -> dict[CommandName, str]:
    """Return the codes that would be obeyed now."""
    if codes is None or not state.agent.up:
        return {}
    return {name: code for name, code in codes.codes.items() if not decide(state, _command(name)).refused}


def _command(name: CommandName) -> Command:
    return Command(name, by=Actor.AGENT)


def _longest_beginning(keys: str, codes: Iterable[str]) -> str:
    """Return what can still become a code: keys from the front are forgotten until the rest is the beginning of one."""
    ends = (keys[start:] for start in range(len(keys)))
    return next((end for end in ends if any(code.startswith(end) for code in codes)), "")
