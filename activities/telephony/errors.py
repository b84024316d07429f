"""What can go wrong with a provider as such.

Trouble with a single leg is not an error but an observation: a refused destination and a vanished leg are *ended* legs
with a cause. These are for when the provider did not do its part.
"""

from datetime import timedelta


class TelephonyError(Exception):
    """Base of what a provider may raise from ``arrange``. The message names the call, never a number or a secret."""

    kind = "TelephonyError"
    passing = True
    """Whether it may pass by itself within seconds, so that the same is worth another try."""
    retry_after: timedelta | None = None
    """How long the provider asks to wait before the next try. Default: it does not say."""


class ProviderUnavailable(TelephonyError):
    """The provider could not be reached: surely nothing was executed."""

    kind = "ProviderUnavailable"


class ListenerReplaced(ProviderUnavailable):
    """Somebody else listens now, and hears what happens from here on."""


class OutcomeUnknown(TelephonyError):
    """The answer was lost: it may have been executed. Only looking again may follow, which ``arrange`` always does."""

    kind = "OutcomeUnknown"


class ProtocolError(TelephonyError):
    """The provider refused us (credentials, permissions) or answered what it must not. Waiting may help, luck won't."""

    kind = "ProtocolError"
    passing = False


class Unsupported(TelephonyError):
    """The provider can never do what was asked."""

    kind = "Unsupported"
    passing = False
