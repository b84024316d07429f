"""Which region and edge of Twilio an account is asked in, by the hosts of the settings. Pure.

``{product}.{edge}.{region}.twilio.com``; without them it is us1: twilio.com/docs/global-infrastructure. Credentials are
good in one region only.
"""

import re
from typing import NamedTuple
from urllib.parse import urlsplit

from activities.telephony.twilio.settings import TwilioSettings
from hookflash._findings import Finding, failure, ok, warning

_HOST = re.compile(r"(?P<product>[a-z0-9-]+)(\.(?P<edge>[a-z0-9-]+)\.(?P<region>[a-z]+[0-9]+))?\.twilio\.com")


class _Host(NamedTuple):
    product: str
    edge: str
    region: str


def region(settings: TwilioSettings) -> Finding:
    """Tell where requests go, and whether calls and the records of their legs are in one region."""
    calls, records = _read(settings.base_url), _read(settings.sync_url)
    asked = (("HOOKFLASH_TWILIO_BASE_URL", "api", calls), ("HOOKFLASH_TWILIO_SYNC_URL", "sync", records))
    # What is wrong for sure comes first: a proxy in the place of one host does not hide it in the other.
    for variable, product, host in asked:
        if host is not None and host.product != product:
            remedy = f"https://{product}.twilio.com, or https://{product}.EDGE.REGION.twilio.com"
            return failure("region", f"{variable}: {host.product} is another product of Twilio's", remedy)
    if calls is None or records is None:
        variable, product, _ = next(it for it in asked if it[2] is None)
        remedy = f"unset it, or use https://{product}.EDGE.REGION.twilio.com, unless that is a proxy of yours"
        return warning("region", f"{variable}: this is no host of Twilio's", remedy)
    if calls.region != records.region:
        return warning(
            "region",
            f"calls are in {calls.region}, the records of their legs in {records.region}: a key is good in one of them",
            "HOOKFLASH_TWILIO_BASE_URL and HOOKFLASH_TWILIO_SYNC_URL: the same region in both",
        )
    return ok("region", f"{calls.region}, through the edge {calls.edge}")


def _read(url: str) -> _Host | None:
    found = _HOST.fullmatch(urlsplit(url).hostname or "")
    if found is None:
        return None
    return _Host(found["product"], found["edge"] or "ashburn", found["region"] or "us1")
