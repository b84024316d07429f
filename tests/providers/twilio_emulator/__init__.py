"""A Twilio account in this process: REST, conferences, TwiML, signed webhooks, Sync documents, and phones.

It does what Twilio's documentation says, as far as the provider needs it, and what was never seen on a live account is
marked so. Its own answers are judged by Twilio's OpenAPI description where that is installed.
"""

from tests.providers.twilio_emulator.emulator import TwilioEmulator
from tests.providers.twilio_emulator.faults import Fault, Faults
from tests.providers.twilio_emulator.model import Manner, Phone

__all__ = ["Fault", "Faults", "Manner", "Phone", "TwilioEmulator"]
