"""Settings of the ingress: those of the providers that call it, and how it is run."""

import ipaddress
from collections.abc import Iterator, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, SecretStr

from activities.telephony.twilio.endpoint import TwilioEndpoint
from activities.telephony.twilio.signatures import SigningSecrets
from activities.telephony.webhook import WebhookEndpoint
from workers.secret_files import SecretFile, is_exposed
from workers.telemetry_settings import SocketAddress, TelemetrySettings
from workers.twilio_settings import TwilioCallbackSettings
from workers.variables import FILE_SUFFIX, Duration, SettingsError, variable_of


class IngressSettings(TelemetrySettings, TwilioCallbackSettings):
    """What an operator sets."""

    ingress_address: SocketAddress = "127.0.0.1:8082"
    """Where it listens, in plain HTTP: TLS is the business of the proxy in front."""
    ingress_at_once: Annotated[int, Field(ge=1, le=10_000)] = 200
    """Webhooks to be signalled, at the same time. Those beyond are answered 503, for which the provider tries again."""
    ingress_patience: Annotated[Duration, Field(gt=timedelta(0), le=timedelta(seconds=10))] = timedelta(seconds=0.8)
    """How long Temporal may take over one webhook before the provider is told to try again."""
    twilio_auth_token: SecretStr | None = None
    """The account's auth token, by which Twilio signs; several, a line each, while it is changed. Read anew for every
    webhook. Unset: only shared keys are good."""
    twilio_shared_keys: SecretStr | None = None
    """Shared keys by which Twilio signs, one a line: id, a space, secret. Read anew for every webhook."""
    encryption_keys_file: Path | None = None
    """File with the keys, the same as that of the workers. Unset: what it sends is stored in clear."""
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    """Least severe messages to log: DEBUG, INFO, WARNING or ERROR."""

    def endpoints(self) -> Mapping[str, WebhookEndpoint]:
        """Return who calls, by the name of the node.

        Raises:
            SettingsError: A variable is wrong or missing, or nobody calls.
        """
        urls = self.twilio_callbacks()
        if urls is None:
            raise SettingsError(f"{variable_of('twilio_callback_url')}: not set, so there is nobody who calls")
        if self.twilio_auth_token is None and self.twilio_shared_keys is None:
            raise SettingsError(f"{variable_of('twilio_auth_token')}: not set, and no shared keys either")
        secrets = SigningSecrets(self.twilio_auth_token, self.twilio_shared_keys)
        return {urls.node: TwilioEndpoint(urls, secrets, self.twilio_media_url)}

    def exposed_secrets(self) -> Iterator[str]:
        """Yield what names files with secrets that every user of this machine may read."""
        for name in type(self).model_fields:
            secret = getattr(self, name)
            if isinstance(secret, SecretFile) and secret.exposed:
                yield variable_of(name) + FILE_SUFFIX
        if self.encryption_keys_file is not None and is_exposed(self.encryption_keys_file):
            yield variable_of("encryption_keys_file")

    @property
    def is_loopback(self) -> bool:
        """Whether only this machine can call it."""
        return ipaddress.ip_address(self.ingress_address.rpartition(":")[0].strip("[]")).is_loopback
