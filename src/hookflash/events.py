"""What providers report: the body of the ``provider_event`` signal."""

from collections.abc import Mapping

from hookflash._base import Brief, Reported


class Evidence(Reported):
    """What the provider said when a leg ended."""

    sip_status: int | None = None
    """Final SIP status (RFC 3261 section 21). Default: none seen."""
    q850: int | None = None
    """Q.850 cause value. Default: none seen."""
    text: str = ""
    """The provider's own words, without numbers or names. Default: none."""


class ProviderEvent(Brief, Reported):
    """Something happened to a leg. Tolerant by design: what is not understood is ignored, never an error."""

    kind: str = ""
    """``ringing``, ``answered``, ``ended``, ``digit``, ``machine`` (a machine has answered), ``unheard`` (a recording
    could not be played to it) or ``reconcile`` (look at the real state again). Default: none, which is ignored."""
    leg: str = ""
    """The provider's id of the leg. Default: none, as for ``reconcile``."""
    cause: str = ""
    """For ``ended``: one of the causes. Default: none."""
    digit: str = ""
    """For ``digit``: the key, one character. Default: none."""
    evidence: Evidence = Evidence()
    """For ``ended``: what the provider said; for ``unheard``: the name of the recording, as its text. Default:
    nothing."""
    legs: Mapping[str, str] = {}
    """For ``reconcile``: the live legs that the workflow owns, and how far each has come: ``dialling``, ``ringing`` or
    ``answered``. Default: not known."""
    mark: str = ""
    """For ``reconcile``: stands for where these legs are. As long as it is the one that the workflow has seen, nothing
    of that has changed. Default: not known, look."""
