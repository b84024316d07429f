"""Names of spans: the route of a request, without what is in it."""

import pytest

from activities.telephony.asterisk.client import path
from activities.telephony.asterisk.tracing import route


@pytest.mark.parametrize(
    ("segments", "said"),
    [
        (("channels",), "/channels"),
        (("channels", "hf-1f3a", "variable"), "/channels/{id}/variable"),
        (("channels", "+4930123456"), "/channels/{id}"),
        (("bridges", "hold/music", "addChannel"), "/bridges/{id}/addChannel"),
        (("recordings", "live", "carol", "pause"), "/recordings/live/{id}/pause"),
        (("asterisk", "info"), "/asterisk/info"),
        (("endpoints", "PJSIP", "bob"), "/endpoints/{id}/{id}"),
    ],
)
def test_a_route_says_what_is_asked_and_of_nobody(segments: tuple[str, ...], said: str) -> None:
    assert route(path(*segments)) == said
