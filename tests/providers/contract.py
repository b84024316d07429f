"""The words of the contract suite: a transfer as an engine would have a provider carry it out, step by step."""

import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TypedDict, Unpack

from activities.telephony.model import (
    Announcement,
    Arrangement,
    Dial,
    Observation,
    Phase,
    Placement,
    SeenLeg,
    WantedLeg,
)
from tests.providers.world import Manner, Party, World, eventually, expect


class Wishes(TypedDict, total=False):
    """What an arrangement says beside everybody's place."""

    expired: Iterable[Party]
    """Whose ringing time is up. Default: nobody's."""
    ring_timeout: float
    """How long phones may ring, in seconds. Default: 20."""
    keep_room: bool
    """Whether the room is still needed. Default: it is."""
    announcements: Mapping[Party, Announcement]
    """What is to be played to whom. Default: nothing."""
    farewells: Mapping[Party, str]
    """Recording that somebody hears who is released. Default: nobody hears one."""
    dial: Mapping[str, object]
    """Further fields of every ``Dial``. Default: none."""


@dataclass
class Transfer:
    """A call between customer and agent, and the arrangements made for it as an engine would."""

    world: World
    customer: Party
    agent: Party
    owner: str = field(default_factory=lambda: f"transfer:test:{uuid.uuid4().hex}")
    room: str = field(default_factory=lambda: f"room-{uuid.uuid4().hex}")
    known: dict[str, Phase] = field(default_factory=lambda: dict[str, Phase]())
    """How far the engine knows each leg to have come."""

    @classmethod
    async def of_a_new_call(cls, world: World) -> "Transfer":
        """Place a call and begin its transfer."""
        customer, agent = await world.place_call()
        await expect(world, {customer: {agent.name}, agent: {customer.name}})
        known = {customer.leg: Phase.ANSWERED, agent.leg: Phase.ANSWERED}
        return cls(world, customer, agent, known=known)

    async def target(self, manner: Manner = Manner.RING, name: str = "target") -> Party:
        """Put a phone in place for somebody who is to take over."""
        return Party(name, f"hf-{uuid.uuid4().hex}", await self.world.phone(name, manner))

    def wanted(self, placements: Mapping[Party, Placement], **wishes: Unpack[Wishes]) -> Arrangement:
        """Return the arrangement that puts everybody in their place."""
        late = {party.leg for party in wishes.get("expired", ())}
        return Arrangement(
            owner=self.owner,
            room=self.room,
            keep_room=wishes.get("keep_room", True),
            legs=tuple(
                WantedLeg(
                    leg=party.leg,
                    name=party.name,
                    placement=placement,
                    known=self.known.get(party.leg, Phase.NEW),
                    dial=_dial(party, wishes.get("ring_timeout", 20.0), wishes.get("dial", {})),
                    expired=party.leg in late,
                    place=self.world.place if placement == Placement.HANDED_OFF else "",
                    announcement=wishes.get("announcements", {}).get(party),
                    farewell=wishes.get("farewells", {}).get(party, ""),
                )
                for party, placement in placements.items()
            ),
        )

    async def arrange(self, placements: Mapping[Party, Placement], **wishes: Unpack[Wishes]) -> Observation:
        """Make it so, once, and remember what was seen."""
        wanted = self.wanted(placements, **wishes)
        observation = await self.world.provider.arrange(wanted)
        assert [seen.leg for seen in observation.legs] == [leg.leg for leg in wanted.legs]
        for seen in observation.legs:
            self.known[seen.leg] = max(seen.phase, self.known.get(seen.leg, Phase.NEW))
        return observation

    async def until_answered(self, party: Party, placements: Mapping[Party, Placement]) -> None:
        """Repeat the arrangement until it shows that somebody has answered."""

        async def answered() -> bool:
            return seen(await self.arrange(placements), party).phase == Phase.ANSWERED

        await eventually(self.world, answered, lambda: f"{party.name} has not answered")

    async def until_it_rings(self, party: Party, times: int = 1) -> None:
        """Wait until the party's phone was rung so often."""

        async def rung() -> bool:
            return await self.world.rings(party) == times

        await eventually(self.world, rung, lambda: f"{party.name} was not rung {times} times")


def seen(observation: Observation, party: Party) -> SeenLeg:
    """Return what was observed of a party's leg."""
    return next(leg for leg in observation.legs if leg.leg == party.leg)


def _dial(party: Party, ring_timeout: float, more: Mapping[str, object]) -> Dial | None:
    if not party.address:
        return None
    asked = {"prompt": "hookflash-accept", "accept_timeout": timedelta(minutes=1)}
    given = {"address": party.address, "ring_timeout": timedelta(seconds=ring_timeout), **asked}
    return Dial.model_validate(given | dict(more))
