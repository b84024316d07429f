"""Looks at a running node and says what to do, so that an operator learns it before a customer does.

``findings`` is the vocabulary, ``node`` judges what ARI shows of the node, ``probe`` is a channel of our own that rings
nobody, ``dialplan`` and ``sounds`` ask by it, ``endpoints`` judges the phones, ``adoption`` what
takes calls over, ``examine`` does all of it.
"""

from activities.telephony.asterisk.doctor.examine import Expectations, examine
from hookflash._findings import Finding, Level

__all__ = ["Expectations", "Finding", "Level", "examine"]
