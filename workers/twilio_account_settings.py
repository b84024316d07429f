"""Which Twilio account a worker commands, and how."""

from datetime import timedelta
from typing import Annotated

from pydantic import Field, SecretStr, ValidationError

from activities.telephony.twilio import TwilioSettings
from activities.telephony.twilio.callbacks import CallbackUrls
from activities.telephony.twilio.settings import API, SYNC
from workers.twilio_settings import TwilioCallbackSettings
from workers.variables import Duration, SettingsError, explain, variable_of


class TwilioAccountSettings(TwilioCallbackSettings):
    """A part of the settings of a worker."""

    twilio_account_sid: str | None = None
    """Twilio account that carries calls: AC and 32 hexadecimal digits. Unset: no Twilio."""
    twilio_api_key_sid: str | None = None
    """API key of that account: SK and 32 hexadecimal digits."""
    twilio_api_key_secret: SecretStr | None = None
    """That key's secret."""
    twilio_base_url: str = API
    """Base of its REST interface; another one for another region or edge."""
    twilio_sync_url: str = SYNC
    """Base of Twilio Sync, where the engine keeps whose each leg is."""
    twilio_sync_service: str = "default"
    """Sync service for that: `default`, or IS and 32 hexadecimal digits."""
    twilio_caller_id: str | None = None
    """Number that targets are shown where the request names none, in E.164. It has to be the account's."""
    twilio_places_url: str | None = None
    """Where calls that are handed off go on: for the place `x` Twilio asks <this>/x for TwiML. Unset: nothing can be
    handed off."""
    twilio_poll_interval: Annotated[Duration, Field(gt=timedelta(0))] = timedelta(seconds=5)
    """How often the listener looks at all calls, for what no webhook has told."""

    def twilio(self) -> tuple[TwilioSettings, CallbackUrls] | None:
        """Return how to reach the account, and the URLs it is given, None if there is none.

        Raises:
            SettingsError: A variable is wrong or missing.
        """
        if self.twilio_account_sid is None:
            return None
        urls = self.twilio_callbacks()
        if urls is None:
            raise SettingsError(f"{variable_of('twilio_callback_url')}: not set")
        given = {
            "account_sid": self.twilio_account_sid,
            "api_key_sid": self.twilio_api_key_sid,
            "api_key_secret": self.twilio_api_key_secret,
            "base_url": self.twilio_base_url,
            "sync_url": self.twilio_sync_url,
            "sync_service": self.twilio_sync_service,
            "caller_id": self.twilio_caller_id,
            "places_url": self.twilio_places_url,
            "poll_interval": self.twilio_poll_interval,
        }
        try:
            settings = TwilioSettings.model_validate({name: it for name, it in given.items() if it is not None})
        except ValidationError as error:
            raise SettingsError(explain(error, "twilio_")) from error
        return settings, urls
