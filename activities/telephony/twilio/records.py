"""The records of legs: Sync documents, one a leg (twilio.com/docs/sync/api/document-resource).

A call has no variables of its own, and a participant's label is set for good. So what belongs to a leg (whose it is,
which call it is, that it was rung) is kept beside it, with Twilio too: any number of workers share it, and none of
them remembers anything. A record goes by itself some days after it was last written.
"""

from datetime import timedelta

from activities.telephony.errors import OutcomeUnknown, ProtocolError
from activities.telephony.twilio.client import RefusedError, TwilioClient, path
from activities.telephony.twilio.resources import Document, DocumentPage, Left, Record

PREFIX = "hookflash."
KEPT = timedelta(days=3)
"""How long a record is kept after it was last written. Longer than anybody talks."""
KEPT_AFTER_THE_END = timedelta(minutes=30)
"""The same once the leg has ended: until nobody can ask for it again as for one that was never rung."""
PAGE_SIZE = "100"


class RecordChanged(Exception):
    """Somebody else has written this record since it was read. Look again."""


class Records:
    """Reads and writes records."""

    def __init__(self, client: TwilioClient) -> None:
        self._client = client

    async def read(self, leg: str) -> Document | None:
        """Return a leg's record.

        Raises:
            TelephonyError: As ``TwilioClient.get``.
        """
        return await self._client.get(self._url(leg), Document.model_validate)

    async def write(self, leg: str, record: Record, revision: str | None) -> Document:
        """Write a record, and return what is there then.

        Args:
            leg: Whose.
            record: What is kept.
            revision: The version that it replaces. None: there must be none yet.

        Raises:
            RecordChanged: It is another version.
            TelephonyError: As ``TwilioClient.post``.
        """
        over = record.ending is not None or record.left is Left.FAREWELL
        form = [
            ("Data", record.model_dump_json(exclude_defaults=True)),
            ("Ttl", f"{(KEPT_AFTER_THE_END if over else KEPT).total_seconds():.0f}"),
        ]
        try:
            if revision is None:
                url, headers = self._client.documents, dict[str, str]()
                form.insert(0, ("UniqueName", PREFIX + leg))
            else:
                url, headers = self._url(leg), {"If-Match": revision}
            return Document.model_validate((await self._client.post(url, form, headers)).data)
        except RefusedError as error:
            if error.status in (404, 409, 412):
                raise RecordChanged(str(error)) from error
            raise ProtocolError(str(error)) from error
        except ValueError as error:
            raise OutcomeUnknown(f"the record of {leg} was not answered by Sync") from error

    async def delete(self, leg: str) -> None:
        """Forget a leg that was never rung.

        Raises:
            TelephonyError: As ``TwilioClient.post``.
        """
        try:
            await self._client.delete(self._url(leg))
        except RefusedError as error:
            if error.status != 404:
                raise ProtocolError(str(error)) from error

    async def all(self) -> dict[str, Document]:
        """Return every record, by leg.

        Raises:
            TelephonyError: As ``TwilioClient.get``.
        """
        found: dict[str, Document] = {}
        url: str | None = self._client.documents
        query = [("PageSize", PAGE_SIZE)]
        while url is not None:
            page = await self._client.get(url, DocumentPage.model_validate, query)
            for document in page.documents if page is not None else ():
                name = document.unique_name or ""
                if name.startswith(PREFIX):
                    found[name.removeprefix(PREFIX)] = Document.model_validate(document, from_attributes=True)
            url, query = page.meta.next_page_url if page is not None else None, []
        return found

    def _url(self, leg: str) -> str:
        return self._client.documents + path(PREFIX + leg)
