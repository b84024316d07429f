"""What every provider offers. Two verbs: make an arrangement true, and say what happens."""

from collections.abc import AsyncIterator, Mapping
from typing import Protocol

from activities.telephony.model import Arrangement, LegEvent, Observation, OwnedLegs, TransferAsked


class Telephony(Protocol):
    """A telephony provider node.

    Implementations must hold to these rules; ``tests/providers`` runs one contract suite over all of them.

    * ``arrange`` is level-triggered and idempotent. It reads the real state first, does only what is missing, and may
      be repeated at any time, also after a crash or a lost answer, with the same end: no second ring, no second room.
    * It returns when the provider has *accepted* everything, it never waits for an answer. Ringing is reported by
      ``events``, and by the next ``arrange``.
    * If a leg that must be ``in_room`` or ``on_hold`` is found ended, nothing is dialled or handed off: the
      observation says ``stands=False`` and the engine decides again.
    * Order: move out of the room, hang up who must not hear the customer, move in, music, dial, other hang-ups. Nobody
      overhears anybody, and a stop half-way leaves the customer with a person or music.
    * It is bounded to about two seconds in all, with short retries inside; a person is waiting.
    """

    replaces_listeners: bool
    """Whether who begins to listen, in any process, takes the events from who listened before, with nothing told twice
    or to nobody in between. One who goes may then stay until that."""

    async def arrange(self, wanted: Arrangement) -> Observation:
        """Make ``wanted`` true.

        Raises:
            ProviderUnavailable: Surely nothing was executed.
            OutcomeUnknown: An answer was lost; arrange again.
            ProtocolError: The provider refuses us.
            Unsupported: It can never do this.
        """
        ...

    def events(self) -> AsyncIterator[LegEvent | TransferAsked | None]:
        """Yield what happens to the legs of this node, from the moment of the first item on.

        The first item is ``None``: it says "listening from here on", and the caller then reconciles. ``None`` may also
        come later as a sign of life. Events of one leg are yielded in order; events of legs without an owner are not.
        Nor need be the end of a leg that an arrangement of its owner has released, if surely the answer to that one, or
        the next look, says all of it.
        That a phone asks for a transfer is told whoever owns its leg, and nothing else is done about it.

        Raises:
            ListenerReplaced: Somebody else listens now.
            ProviderUnavailable: The connection was lost.
        """
        ...

    async def owners(self) -> Mapping[str, OwnedLegs]:
        """Return the workflows that own live legs on this node, and what there is of these legs, with O(1) requests.

        It is as new as the moment of the call or newer, so whoever listens by then misses nothing between the two.

        Raises:
            ProviderUnavailable: The provider could not be reached.
        """
        ...

    async def decline(self, leg: str) -> None:
        """Tell a phone that nothing comes of the transfer it has asked for. Repeatable; a leg that is gone is fine.

        Raises:
            TelephonyError: As ``arrange``.
        """
        ...

    async def close(self) -> None:
        """Release connections. The calls go on."""
        ...
