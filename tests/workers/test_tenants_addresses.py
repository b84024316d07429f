"""Which addresses a tenant may ring: what the patterns of the tenants' file mean."""

import pytest

from activities.admission import Tenant


@pytest.mark.parametrize("address", ["sip:a@dear.example", "sip:a@DEAR.example", "sip:a@Dear.Example"])
def test_what_is_denied_stays_so_in_any_case(address: str) -> None:
    """The host of a SIP URI is the same in capitals (RFC 3261, 19.1.4)."""
    tenant = Tenant(allow=("sip:*",), deny=("sip:*@dear.EXAMPLE",))
    assert not tenant.allows(address)
    assert tenant.allows("sip:a@cheap.example")


def test_what_is_allowed_is_allowed_as_it_is_written() -> None:
    assert Tenant(allow=("client:Anna",)).allows("client:Anna")
    assert not Tenant(allow=("client:Anna",)).allows("client:anna")
