"""Looks at a Twilio account and at our ingress and says what to do, so that operators learn it before customers do.

``account`` judges what the REST interface shows, ``hosts`` which region is asked, ``webhooks`` whether the ingress is
where Twilio is told that it is, ``examine`` does all of it. Nothing is changed, nobody is rung.
"""

from activities.telephony.twilio.doctor.examine import examine

__all__ = ["examine"]
