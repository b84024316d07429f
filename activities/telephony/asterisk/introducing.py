"""Whom phones show as their partner once customer and target are left to themselves. Pure."""

from collections.abc import Iterator

from activities.telephony.asterisk.addresses import partner_functions
from activities.telephony.asterisk.scene import Scene
from activities.telephony.asterisk.state import SHOWN, Caller, Picture
from activities.telephony.asterisk.steps import Note, Step
from activities.telephony.model import Placement, WantedLeg


def unintroduced(leg: WantedLeg, picture: Picture, trunk: str | None) -> bool:
    """Return whether a leg's phone has yet to be told whom to show.

    Only a phone of the company is: whoever is behind a trunk has no business with the customer's number.
    """
    channel = picture.channels.get(leg.leg)
    if channel is None or not leg.shows or leg.placement is not Placement.IN_ROOM:
        return False
    ours = channel.endpoint not in ("", trunk)
    there = channel.up and channel.controlled and picture.in_room(leg.leg)
    return ours and there and channel.variable(SHOWN) != leg.shows


def introductions(scene: Scene) -> Iterator[Step]:
    """Yield what makes phones show their partners.

    It is noted for whom this was done, also where there was nothing to be told, so that it is done and looked up once.
    """
    for leg in scene.legs:
        if unintroduced(leg, scene.picture, scene.settings.trunk):
            partner = scene.picture.partners.get(leg.shows, Caller())
            # Asterisk itself tells the two who are left when somebody leaves a room of three, and a phone that was
            # rung with this number shows it since then.
            known = partner.number in ("", scene.channels[leg.leg].connected.number)
            functions = () if known else partner_functions(partner.number, partner.name)
            yield Note(leg.leg, ((SHOWN, leg.shows),), functions)
