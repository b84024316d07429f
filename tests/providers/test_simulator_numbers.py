"""Which numbers the simulated exchange lets phones show."""

import pytest

from activities.telephony.model import Placement
from tests.providers.test_simulator_sounds import ANNA, BOB, CAROL, EVE, Call

IN_ROOM, ON_HOLD, RINGING, GONE = Placement.IN_ROOM, Placement.ON_HOLD, Placement.RINGING, Placement.GONE


@pytest.fixture
def call() -> Call:
    return Call()


@pytest.mark.parametrize(
    ("caller_id_of", "shown"), [("", "100"), ("sim:nobody", "100"), (ANNA, "100"), (CAROL, "carol"), (EVE, "eve")]
)
async def test_the_number_that_a_phone_is_shown(call: Call, caller_id_of: str, shown: str) -> None:
    dial: dict[str, object] = {"caller_id": "100", "caller_id_of": caller_id_of}
    call.exchange.hang_up(ANNA)
    await call.arrange({CAROL: ON_HOLD, EVE: RINGING})
    await call.arrange({CAROL: ON_HOLD, EVE: RINGING, BOB: RINGING}, dial=dial)
    assert call.exchange.legs[BOB].shown == shown


@pytest.mark.parametrize(
    ("placement", "shows", "shown"),
    [(IN_ROOM, CAROL, "carol"), (IN_ROOM, "", "100"), (IN_ROOM, "sim:nobody", "100"), (ON_HOLD, CAROL, "100")],
)
async def test_the_number_that_a_phone_shows_from_now_on(
    call: Call, placement: Placement, shows: str, shown: str
) -> None:
    await call.arrange({CAROL: IN_ROOM, ANNA: GONE, BOB: RINGING}, dial={"caller_id": "100"})
    call.exchange.answer(BOB)
    assert call.exchange.legs[BOB].shown == "100"
    placements = {CAROL: IN_ROOM if placement is IN_ROOM else ON_HOLD, BOB: placement}
    await call.arrange(placements, shows={BOB: shows})
    assert call.exchange.legs[BOB].shown == shown
