"""What the REST interface shows of an account: whether it lets us in, is active, and has the number that is shown."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

from pydantic import BaseModel

from activities.telephony.errors import ProtocolError, ProviderUnavailable
from activities.telephony.twilio.client import NotAllowedError, TwilioClient
from activities.telephony.twilio.resources import CallPage
from activities.telephony.twilio.settings import TwilioSettings
from hookflash._findings import Finding, failure, ok, warning

SKEW = timedelta(seconds=3)
"""Difference of two clocks that nobody would notice. Twilio tells its own in whole seconds."""
KEY = "HOOKFLASH_TWILIO_API_KEY_SID and HOOKFLASH_TWILIO_API_KEY_SECRET"


class _Account(BaseModel):
    status: str
    type: str = ""


class _Capabilities(BaseModel):
    voice: bool = False


class _Number(BaseModel):
    phone_number: str | None = None
    capabilities: _Capabilities | None = None


class _Owned(BaseModel):
    incoming_phone_numbers: tuple[_Number, ...]


class _Verified(BaseModel):
    outgoing_caller_ids: tuple[_Number, ...]


async def account(client: TwilioClient) -> AsyncIterator[Finding]:
    """Ask who we are, and for calls as the listener does. A failure is the last finding: nothing more can be asked.

    Of the account itself only its main keys may ask (twilio.com/docs/iam/api-keys), so it says nothing that they may
    not; and one that is suspended refuses everything else.
    """
    try:
        # Asked first: where it may be asked at all, it says why everything else is refused.
        found = await client.get(f"{client.account}.json", _Account.model_validate)
    except NotAllowedError:
        found = None
    except ProviderUnavailable as error:
        yield failure("reachable", str(error), _way_to(str(error)))
        return
    if found is not None and found.status != "active":
        remedy = (
            "Twilio's console says why, and its support opens it again; or HOOKFLASH_TWILIO_ACCOUNT_SID: another one"
        )
        yield failure("account", f"is {found.status}: there is no call on it", remedy)
        return
    try:
        calls = await client.get(f"{client.account}/Calls.json", CallPage.model_validate, [("PageSize", "1")])
    except ProviderUnavailable as error:
        yield failure("reachable", str(error), _way_to(str(error)))
        return
    except NotAllowedError as error:
        yield _refused(error, known=found is not None)
        return
    if calls is None:
        yield failure("account", "there is none of this sid", "HOOKFLASH_TWILIO_ACCOUNT_SID: the account of the key")
        return
    yield ok("credentials", "are good for the account, and for its calls")
    yield _status(found)


def _refused(error: NotAllowedError, *, known: bool) -> Finding:
    if known:
        return failure("permissions", f"{error}", "give the key, in Twilio's console, what calls and conferences need")
    return failure(
        "credentials",
        f"{error}. It is also what a suspended account answers",
        f"{KEY}: a key of HOOKFLASH_TWILIO_ACCOUNT_SID itself (not of its parent), made in the region of "
        "HOOKFLASH_TWILIO_BASE_URL; Twilio's console says whether the account is active",
    )


def _status(found: _Account | None) -> Finding:
    if found is None:
        return ok("account", "answers; only a main key may ask for more")
    if found.type == "Trial":
        return warning(
            "account",
            "is a trial: it calls numbers only that were verified, and says that it is one to who answers",
            "upgrade it in Twilio's console",
        )
    return ok("account", "is active")


def _way_to(said: str) -> str:
    if "Certificate" in said:
        return "something on the way, such as a proxy, answers with a certificate of its own: let this machine trust it"
    return "let this machine reach HOOKFLASH_TWILIO_BASE_URL and HOOKFLASH_TWILIO_SYNC_URL by https; status.twilio.com"


def clock(client: TwilioClient) -> Finding:
    """Compare Twilio's clock with ours, by the answer that has just come."""
    if client.said_at is None:
        return warning("clock", "Twilio's answer had no date", "a proxy on the way should pass on the header Date")
    skew = abs(datetime.now(UTC) - client.said_at)
    if skew <= SKEW:
        return ok("clock", "agrees with Twilio's")
    return warning(
        "clock",
        f"differs from Twilio's by {skew.total_seconds():.0f} s: nothing is timed by it, but logs cannot be compared",
        "keep this machine's by NTP (chrony, systemd-timesyncd)",
    )


async def records(client: TwilioClient) -> Finding:
    """Look whether the records of legs can be read. Without them nobody can be rung."""
    try:
        found = await client.get(client.documents, _Anything.model_validate, [("PageSize", "1")])
    except NotAllowedError as error:
        remedy = f"{KEY}: the key has to be good for Sync too, in the region of HOOKFLASH_TWILIO_SYNC_URL"
        return failure("records", str(error), remedy)
    except ProviderUnavailable as error:
        return failure("records", str(error), "HOOKFLASH_TWILIO_SYNC_URL: let this machine reach it by https")
    if found is None:
        remedy = "HOOKFLASH_TWILIO_SYNC_SERVICE: unset, or the sid of one that this account has"
        return failure("records", "there is no such Sync service", remedy)
    return ok("records", "of legs are kept in Sync")


class _Anything(BaseModel):
    pass


async def caller_id(client: TwilioClient, settings: TwilioSettings) -> Finding:
    """Look whether the account may show the number that is shown where nobody names one. It is never said."""
    variable = "HOOKFLASH_TWILIO_CALLER_ID"
    number = settings.caller_id
    if number is None:
        remedy = f"{variable}: a number of the account's, in E.164"
        return warning("caller id", "none is set: targets that need one end with caller_id_refused", remedy)
    try:
        # What is asked for may be a part of what is found.
        asked = [("PhoneNumber", number)]
        owned = await client.get(f"{client.account}/IncomingPhoneNumbers.json", _Owned.model_validate, asked)
        its = [it for it in (owned.incoming_phone_numbers if owned else ()) if it.phone_number == number]
        if its:
            return _owned(its[0])
        verified = await client.get(f"{client.account}/OutgoingCallerIds.json", _Verified.model_validate, asked)
    except (ProtocolError, ProviderUnavailable) as error:
        return warning("caller id", f"could not be looked for: {error}", "let the key read the account's numbers")
    if verified is not None and any(it.phone_number == number for it in verified.outgoing_caller_ids):
        return ok("caller id", "is verified as the account's")
    return failure(
        "caller id",
        f"the number of {variable} is neither the account's nor verified: Twilio rings nobody with it",
        f"{variable}: a number of the account's; or verify this one in Twilio's console (Verified Caller IDs)",
    )


def _owned(number: _Number) -> Finding:
    if number.capabilities is not None and not number.capabilities.voice:
        remedy = "HOOKFLASH_TWILIO_CALLER_ID: a number that can call"
        return failure("caller id", "is the account's, and is good for messages only", remedy)
    return ok("caller id", "is the account's")
