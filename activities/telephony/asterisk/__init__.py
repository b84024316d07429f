"""Asterisk over ARI: arrangements made true on a node, and its events as leg events.

From the bottom up: ``settings``, ``client`` (HTTP) and ``manager`` (AMI), ``addresses`` and ``causes`` (tables),
``state`` (what ARI shows), ``steps`` (what can be done to it), ``plan`` (which steps are missing, pure), ``adopting``
(calls of the dialplan), ``translation`` (its events in our words), ``events`` (the socket) and ``provider``.
"""

from activities.telephony.asterisk.provider import AsteriskTelephony
from activities.telephony.asterisk.settings import AsteriskSettings, ManagerSettings

__all__ = ["AsteriskSettings", "AsteriskTelephony", "ManagerSettings"]
