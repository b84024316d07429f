"""Answers as Twilio words them: every field that its OpenAPI description has."""

from datetime import datetime
from email.utils import format_datetime

from tests.providers.twilio_emulator.model import EmulatedCall, EmulatedConference, EmulatedParticipant

VERSION = "2010-04-01"
Json = dict[str, object]


def account_uri(account: str) -> str:
    return f"/{VERSION}/Accounts/{account}"


def call(account: str, it: EmulatedCall) -> Json:
    uri = f"{account_uri(account)}/Calls/{it.sid}"
    return {
        "sid": it.sid,
        "date_created": _moment(it.created),
        "date_updated": _moment(it.ended or it.started or it.created),
        "parent_call_sid": it.parent,
        "account_sid": account,
        "to": it.to,
        "to_formatted": it.to,
        "from": it.caller,
        "from_formatted": it.caller,
        "phone_number_sid": None,
        "status": it.status,
        "start_time": _moment(it.started),
        "end_time": _moment(it.ended),
        "duration": "1" if it.status == "completed" else None,
        "price": None,
        "price_unit": "USD",
        "direction": it.direction,
        "answered_by": it.answered_by,
        "api_version": VERSION,
        "forwarded_from": None,
        "group_sid": None,
        "caller_name": None,
        "queue_time": str(it.queue_time),
        "trunk_sid": None,
        "uri": f"{uri}.json",
        "subresource_uris": {"recordings": f"{uri}/Recordings.json"},
    }


def conference(account: str, it: EmulatedConference) -> Json:
    uri = f"{account_uri(account)}/Conferences/{it.sid}"
    return {
        "account_sid": account,
        "date_created": _moment(it.created),
        "date_updated": _moment(it.created),
        "api_version": VERSION,
        "friendly_name": it.name,
        "region": "us1",
        "sid": it.sid,
        "status": it.status,
        "uri": f"{uri}.json",
        "subresource_uris": {"participants": f"{uri}/Participants.json"},
        "reason_conference_ended": it.reason,
        "call_sid_ending_conference": None,
    }


def participant(account: str, room: EmulatedConference, it: EmulatedParticipant, *, made: bool = False) -> Json:
    uri = f"{account_uri(account)}/Conferences/{room.sid}/Participants/{it.call.sid}.json"
    return {
        "account_sid": account,
        "call_sid": it.call.sid,
        "label": it.label,
        "call_sid_to_coach": None,
        "coaching": False,
        "conference_sid": room.sid,
        "date_created": _moment(it.created),
        "date_updated": _moment(it.created),
        "end_conference_on_exit": it.end_on_exit,
        "muted": it.muted,
        "hold": it.hold,
        "start_conference_on_enter": True,
        "status": it.status,
        "queue_time": str(it.call.queue_time) if made else None,
        "uri": uri,
    }


def number(account: str, sid: str, it: str, *, voice: bool) -> Json:
    """Return a number of the account's."""
    return {
        **verified_number(account, sid, it),
        "address_sid": None,
        "address_requirements": "none",
        "api_version": VERSION,
        "beta": False,
        "capabilities": {"voice": voice, "sms": True, "mms": True, "fax": False},
        "identity_sid": None,
        "origin": "twilio",
        "sms_application_sid": None,
        "sms_fallback_method": "POST",
        "sms_fallback_url": "",
        "sms_method": "POST",
        "sms_url": "",
        "status_callback": "",
        "status_callback_method": "POST",
        "trunk_sid": None,
        "uri": f"{account_uri(account)}/IncomingPhoneNumbers/{sid}.json",
        "voice_receive_mode": "voice",
        "voice_application_sid": None,
        "voice_caller_id_lookup": False,
        "voice_fallback_method": "POST",
        "voice_fallback_url": "",
        "voice_method": "POST",
        "voice_url": "",
        "emergency_status": "Inactive",
        "emergency_address_sid": None,
        "emergency_address_status": "unregistered",
        "bundle_sid": None,
        "status": "in-use",
    }


def verified_number(account: str, sid: str, it: str) -> Json:
    """Return a number that the account may show."""
    moment = "Sun, 01 Nov 2026 00:00:00 +0000"
    return {
        "account_sid": account,
        "date_created": moment,
        "date_updated": moment,
        "friendly_name": it,
        "phone_number": it,
        "sid": sid,
        "uri": f"{account_uri(account)}/OutgoingCallerIds/{sid}.json",
    }


def page(name: str, uri: str, items: list[Json], number: int, size: int) -> Json:
    """Return one page of a list."""
    shown = items[number * size : (number + 1) * size]
    more = len(items) > (number + 1) * size
    at = f"{uri}{'&' if '?' in uri else '?'}PageSize={size}&Page="
    return {
        name: shown,
        "first_page_uri": f"{at}0",
        "next_page_uri": f"{at}{number + 1}" if more else None,
        "previous_page_uri": f"{at}{number - 1}" if number else None,
        "uri": f"{at}{number}",
        "page": number,
        "page_size": size,
        "start": number * size,
        "end": number * size + max(len(shown) - 1, 0),
    }


def error(status: int, code: int, message: str) -> Json:
    return {
        "code": code,
        "message": message,
        "more_info": f"https://www.twilio.com/docs/errors/{code}",
        "status": status,
    }


def _moment(it: datetime | None) -> str | None:
    return format_datetime(it) if it is not None else None
