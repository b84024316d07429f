"""How Twilio calls us back, for every process that gives it URLs or is called by it."""

from typing import Annotated

from pydantic import Field, SecretStr

from activities.telephony.twilio.callbacks import SHORTEST_KEY, CallbackUrls
from workers.nodes import Name
from workers.variables import FromEnvironment, SettingsError, variable_of


class TwilioCallbackSettings(FromEnvironment):
    """A part of the settings of such a process."""

    twilio_node: Name = "twilio"
    """Name of the account: the `provider` of transfer requests. The same in every process."""
    twilio_callback_url: str | None = None
    """Where Twilio reaches the ingress: https://hooks.example, with the port if it is not 443, and a path if the proxy
    in front passes it on. Signatures are judged by it, never by what a request says its host is. Unset: no Twilio."""
    twilio_callback_key: SecretStr | None = None
    """What proves that a URL is ours, 32 bytes or more of chance. The same in every process, and never given away."""
    twilio_media_url: Annotated[str, Field(pattern=r"^(https?://[^\s?#]+)?$")] = ""
    """Where Twilio finds recordings and music, by their names with .mp3 behind. Unset: announcements are left out, and
    hold music is Twilio's own."""

    def twilio_callbacks(self) -> CallbackUrls | None:
        """Return how URLs are made and read, None if there is no Twilio.

        Raises:
            SettingsError: A variable is wrong or missing.
        """
        if self.twilio_callback_url is None:
            return None
        variable = variable_of("twilio_callback_key")
        if self.twilio_callback_key is None:
            raise SettingsError(f"{variable}: not set")
        key = self.twilio_callback_key.get_secret_value().encode()
        if len(key) < SHORTEST_KEY:
            raise SettingsError(f"{variable}: has to have {SHORTEST_KEY} bytes or more")
        try:
            return CallbackUrls(self.twilio_callback_url, self.twilio_node, key)
        except ValueError as error:
            raise SettingsError(f"{variable_of('twilio_callback_url')}: {error}") from error
