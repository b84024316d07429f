"""The whole examination of an account."""

from collections.abc import AsyncIterator

from activities.telephony.errors import TelephonyError
from activities.telephony.twilio.callbacks import CallbackUrls
from activities.telephony.twilio.client import TwilioClient
from activities.telephony.twilio.doctor import account
from activities.telephony.twilio.doctor.hosts import region
from activities.telephony.twilio.doctor.webhooks import webhooks
from activities.telephony.twilio.settings import TwilioSettings
from hookflash._findings import Finding, Level, failure


async def examine(settings: TwilioSettings, urls: CallbackUrls, auth_token: str = "") -> AsyncIterator[Finding]:
    """Look at an account and at the ingress, and yield what is found. It rings nobody, and changes nothing.

    Args:
        settings: The account.
        urls: What it is given to call us back.
        auth_token: By which it signs. Default: unknown here, so nothing is signed.
    """
    yield region(settings)
    async for finding in _account(settings):
        yield finding
    # Whatever the account says: both may have to be repaired.
    async for finding in webhooks(urls, auth_token):
        yield finding


async def _account(settings: TwilioSettings) -> AsyncIterator[Finding]:
    client = TwilioClient(settings)
    try:
        async for finding in account.account(client):
            yield finding
            if finding.level is Level.FAILURE:
                return
        yield account.clock(client)
        yield await account.records(client)
        yield await account.caller_id(client, settings)
    except TelephonyError as error:
        yield failure("reachable", f"the examination was not finished: {error}", "repeat it; status.twilio.com")
    finally:
        await client.close()
