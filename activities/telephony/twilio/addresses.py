"""Addresses that Twilio can ring. Strict, because whatever gets through is dialled and paid for. Pure."""

import re

from activities.telephony.twilio.settings import TwilioSettings

_NUMBER = re.compile(r"\+[1-9][0-9]{6,14}")
_SIP = re.compile(r"sip:[A-Za-z0-9_.+-]{1,64}@[A-Za-z0-9](?:[A-Za-z0-9.-]{0,251}[A-Za-z0-9])?")
_CLIENT = re.compile(r"client:[A-Za-z0-9_]{1,121}")


class InvalidAddressError(ValueError):
    """Nothing that could be rung. The message does not repeat the address: it may be personal."""


def destination(address: str) -> str:
    """Return what Twilio's ``To`` is for an address.

    ``tel:`` and a number in E.164, ``sip:user@host`` without anything behind it, or ``client:name``.

    Raises:
        InvalidAddressError: It is none of them.
    """
    number = address.removeprefix("tel:")
    if number != address and _NUMBER.fullmatch(number):
        return number
    if _SIP.fullmatch(address) or _CLIENT.fullmatch(address):
        return address
    raise InvalidAddressError("neither tel:+E.164, sip:user@host nor client:name")


def caller(wanted: str, settings: TwilioSettings) -> str:
    """Return the number to show.

    Raises:
        InvalidAddressError: There is none.
    """
    number = wanted or settings.caller_id or ""
    if not _NUMBER.fullmatch(number):
        raise InvalidAddressError("no number to show: give policy.caller_id or HOOKFLASH_TWILIO_CALLER_ID, in E.164")
    return number
