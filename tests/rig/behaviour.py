"""Scripts for phones: what a phone does with a call that comes in."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Behaviour:
    """What a phone does with a call that comes in."""

    final: int | None = 200
    """The final status; None rings on until the caller gives up."""
    after: float = 0.1
    """Seconds from the INVITE to the final status."""
    provisional: int | None = 180
    hang_up_after: float | None = None
    """Seconds from the answer to this end's BYE."""
    headers: tuple[tuple[str, str], ...] = ()
    """Headers of the final response, such as the Contact of a 302."""
    updated: int = 200
    """The answer to every change of the call: a re-INVITE or an UPDATE."""
    dead: bool = False
    """Ignores the call altogether, its CANCEL too."""

    @classmethod
    def answers(cls, after: float = 0.1, hang_up_after: float | None = None) -> Behaviour:
        """Ring, then answer; perhaps hang up later."""
        return cls(after=after, hang_up_after=hang_up_after)

    @classmethod
    def rings(cls) -> Behaviour:
        """Ring until the caller gives up."""
        return cls(final=None)

    @classmethod
    def refuses(cls, status: int, after: float = 0.0, headers: tuple[tuple[str, str], ...] = ()) -> Behaviour:
        """Give a final status other than 200; rings first when that takes a while."""
        return cls(final=status, after=after, provisional=180 if after else None, headers=headers)

    @classmethod
    def busy(cls) -> Behaviour:
        """Be engaged: 486."""
        return cls.refuses(486)

    @classmethod
    def declines(cls, after: float = 0.0) -> Behaviour:
        """Reject the call: 603."""
        return cls.refuses(603, after)

    @classmethod
    def tries(cls) -> Behaviour:
        """Send 100 Trying and never anything else."""
        return cls(final=None, provisional=100)

    @classmethod
    def silent(cls) -> Behaviour:
        """Give no response at all, as a phone without power."""
        return cls(dead=True)
