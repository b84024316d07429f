"""Twilio as a telephony provider: calls in conferences, commanded over its REST interface, told of by webhooks."""

from activities.telephony.twilio.provider import TwilioTelephony
from activities.telephony.twilio.settings import TwilioSettings

__all__ = ["TwilioSettings", "TwilioTelephony"]
