"""Reads conferences: which one is a room, and who is in it."""

import asyncio

from activities.telephony.twilio.client import TwilioClient, path
from activities.telephony.twilio.resources import Conference, ConferencePage, Participant, ParticipantPage


async def open_room(client: TwilioClient, name: str) -> Conference | None:
    """Return the conference of a room's name; there is one at a time that has not ended.

    Raises:
        TelephonyError: As ``TwilioClient.get``.
    """
    found = await asyncio.gather(
        *(
            client.get(
                f"{client.account}{path('Conferences.json')}",
                ConferencePage.model_validate,
                [("FriendlyName", name), ("Status", status)],
            )
            for status in ("in-progress", "init")
        )
    )
    return next((conference for page in found if page is not None for conference in page.conferences), None)


async def participants(client: TwilioClient, room: Conference | None) -> tuple[Participant, ...]:
    """Return who is in a room or on the way into it; nobody if there is none.

    Raises:
        TelephonyError: As ``TwilioClient.get``.
    """
    if room is None:
        return ()
    where = f"{client.account}{path('Conferences', room.sid, 'Participants.json')}"
    page = await client.get(where, ParticipantPage.model_validate, [("PageSize", "250")])
    return page.participants if page is not None else ()
