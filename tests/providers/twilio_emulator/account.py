"""What an emulated account is: its state, its numbers, and what its key may do."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum

from aiohttp import web

from tests.providers.twilio_emulator import rendering
from tests.providers.twilio_emulator.model import new_sid
from tests.providers.twilio_emulator.rendering import VERSION, Json


class KeyKind(StrEnum):
    """What a key may do: twilio.com/docs/iam/api-keys."""

    MAIN = "main"
    STANDARD = "standard"
    """All but asking for the account itself."""
    WITHOUT_SYNC = "without_sync"
    """A restricted one."""
    WITHOUT_NUMBERS = "without_numbers"


@dataclass
class Account:
    """What somebody sets in Twilio's console."""

    sid: str
    status: str = "active"
    kind: str = "Full"
    key: KeyKind = KeyKind.STANDARD
    numbers: dict[str, bool] = field(default_factory=lambda: dict[str, bool]())
    """Numbers of its own, and whether they are good for calls."""
    verified: set[str] = field(default_factory=lambda: set[str]())
    """Other numbers that it may show."""
    clock_ahead: timedelta = timedelta()
    """Of Twilio's clock."""

    def may(self, path: str) -> bool:
        """Tell whether the key may ask for something. Who is suspended may ask for the account alone."""
        of_account = path == f"/{VERSION}/Accounts/{self.sid}.json"
        if of_account:
            return self.key is KeyKind.MAIN
        if path.startswith(f"/{VERSION}/") and not path.startswith(f"/{VERSION}/Accounts/{self.sid}/"):
            return False
        denied = {KeyKind.WITHOUT_SYNC: "/v1/", KeyKind.WITHOUT_NUMBERS: f"/{VERSION}/Accounts/{self.sid}/Incoming"}
        return self.status == "active" and not (self.key in denied and path.startswith(denied[self.key]))

    def routes(self) -> list[web.RouteDef]:
        """Return what is served."""
        of_all = f"/{VERSION}/Accounts/{{account}}"
        table: list[tuple[str, Callable[[web.Request], Awaitable[web.Response]]]] = [
            (f"{of_all}.json", self._fetch),
            (f"{of_all}/IncomingPhoneNumbers.json", self._list_numbers),
            (f"{of_all}/OutgoingCallerIds.json", self._list_verified),
        ]
        return [web.get(path, handle) for path, handle in table]

    async def _fetch(self, request: web.Request) -> web.Response:
        moment = "Sun, 01 Nov 2026 00:00:00 +0000"
        answer: Json = {
            "auth_token": None,
            "date_created": moment,
            "date_updated": moment,
            "friendly_name": "emulated",
            "owner_account_sid": self.sid,
            "sid": self.sid,
            "status": self.status,
            "subresource_uris": {},
            "type": self.kind,
            "uri": f"{rendering.account_uri(self.sid)}.json",
        }
        return web.json_response(answer)

    async def _list_numbers(self, request: web.Request) -> web.Response:
        found = [rendering.number(self.sid, new_sid("PN"), it, voice=voice) for it, voice in self.numbers.items()]
        return _page(request, "incoming_phone_numbers", found)

    async def _list_verified(self, request: web.Request) -> web.Response:
        found = [rendering.verified_number(self.sid, new_sid("PN"), it) for it in sorted(self.verified)]
        return _page(request, "outgoing_caller_ids", found)


def _page(request: web.Request, name: str, found: list[Json]) -> web.Response:
    # Whoever asks for a part of a number is told all that have it.
    wanted = request.query.get("PhoneNumber", "")
    matching = [it for it in found if wanted in str(it["phone_number"])]
    return web.json_response(rendering.page(name, request.path, matching, 0, 50))
