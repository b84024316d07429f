"""The REST interface of an emulated account: twilio.com/docs/voice/api, and Sync documents."""

import json
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from aiohttp import web

from tests.providers.twilio_emulator import rendering
from tests.providers.twilio_emulator.exchange import Exchange
from tests.providers.twilio_emulator.model import (
    EmulatedCall,
    EmulatedConference,
    EmulatedParticipant,
    new_sid,
)
from tests.providers.twilio_emulator.playing import Player
from tests.providers.twilio_emulator.rendering import VERSION, Json

CONFERENCE_SID = re.compile(r"CF[0-9a-fA-F]{32}")
LONGEST_TWIML = 4000
SERVICE = "IS" + "5" * 32

Form = dict[str, list[str]]


class Refusal(Exception):
    """An error that is answered."""

    def __init__(self, status: int, code: int, message: str) -> None:
        super().__init__(message)
        self.status, self.body = status, rendering.error(status, code, message)


NOT_FOUND = Refusal(404, 20404, "The requested resource was not found")
OVER = Refusal(400, 21220, "Call is not in-progress. Cannot redirect.")


@dataclass
class _Document:
    name: str
    data: object
    revision: int
    sid: str
    created: datetime


class Rest:
    """Answers requests; every handler gets the fields of the form and returns status and body."""

    def __init__(self, exchange: Exchange, player: Player) -> None:
        self._exchange = exchange
        self._player = player
        self.documents: dict[str, _Document] = {}
        self.base_url = ""

    def routes(self) -> list[web.RouteDef]:
        """Return what is served."""
        account = f"/{VERSION}/Accounts/{{account}}"
        room = f"{account}/Conferences/{{room}}"
        documents = "/v1/Services/{service}/Documents"
        table: list[tuple[str, str, Callable[[web.Request, Form], Awaitable[tuple[int, Json | None]]]]] = [
            ("GET", f"{account}/Calls.json", self._list_calls),
            ("POST", f"{account}/Calls.json", self._create_call),
            ("GET", f"{account}/Calls/{{call}}.json", self._fetch_call),
            ("POST", f"{account}/Calls/{{call}}.json", self._update_call),
            ("GET", f"{account}/Conferences.json", self._list_rooms),
            ("GET", f"{room}/Participants.json", self._list_participants),
            ("POST", f"{room}/Participants.json", self._create_participant),
            ("POST", f"{room}/Participants/{{participant}}.json", self._update_participant),
            ("GET", documents, self._list_documents),
            ("POST", documents, self._create_document),
            ("GET", f"{documents}/{{name}}", self._fetch_document),
            ("POST", f"{documents}/{{name}}", self._update_document),
            ("DELETE", f"{documents}/{{name}}", self._delete_document),
        ]
        return [web.route(method, path, _handler(handle)) for method, path, handle in table]

    # --- calls

    async def _list_calls(self, request: web.Request, form: Form) -> tuple[int, Json | None]:
        status, parent = request.query.get("Status"), request.query.get("ParentCallSid")
        found = [
            rendering.call(self._exchange.account, it)
            for it in self._exchange.calls.values()
            if status in (None, it.status) and parent in (None, it.parent)
        ]
        return 200, _page(request, "calls", found)

    async def _create_call(self, request: web.Request, form: Form) -> tuple[int, Json | None]:
        call = self._new_call(form)
        call.first = (_one(form, "Method", "POST"), _one(form, "Url"), _one(form, "Twiml"))
        if "MachineDetection" in form:
            call.machine = {name: values[0] for name, values in form.items() if name.startswith("AsyncAmd")}
        self._exchange.dial(call, float(_one(form, "Timeout", "60")))
        return 201, rendering.call(self._exchange.account, call)

    async def _fetch_call(self, request: web.Request, form: Form) -> tuple[int, Json | None]:
        return 200, rendering.call(self._exchange.account, self._call(request))

    async def _update_call(self, request: web.Request, form: Form) -> tuple[int, Json | None]:
        call = self._call(request)
        if not call.live:
            raise OVER
        status = _one(form, "Status")
        if status == "completed" or (status == "canceled" and not call.up):
            self._exchange.end(call, "completed" if call.up else "canceled", reason="participant_updated_via_api")
        elif not status:
            if not call.up:
                raise OVER
            twiml = _one(form, "Twiml")
            if len(twiml) > LONGEST_TWIML:
                raise Refusal(400, 32018, "TwiML too long")
            self._player.restart(call, twiml, _one(form, "Url"), _one(form, "Method", "POST"))
        return 200, rendering.call(self._exchange.account, call)

    def _new_call(self, form: Form) -> EmulatedCall:
        to, caller = _one(form, "To"), _one(form, "From")
        if to not in self._exchange.phones and to.startswith("+"):
            raise Refusal(400, 21211, f"Invalid 'To' Phone Number: {to}")
        if not caller:
            raise Refusal(400, 21213, "'From' phone number is required")
        return EmulatedCall(
            new_sid("CA"),
            to,
            caller,
            "outbound-api",
            shown=caller,
            callback=_one(form, "StatusCallback"),
            callback_events=tuple(form.get("StatusCallbackEvent", ["completed"])),
        )

    def _call(self, request: web.Request) -> EmulatedCall:
        call = self._exchange.calls.get(request.match_info["call"])
        if call is None:
            raise NOT_FOUND
        return call

    # --- conferences

    async def _list_rooms(self, request: web.Request, form: Form) -> tuple[int, Json | None]:
        name, status = request.query.get("FriendlyName"), request.query.get("Status")
        found = [
            rendering.conference(self._exchange.account, it)
            for it in self._exchange.conferences.values()
            if name in (None, it.name) and status in (None, it.status)
        ]
        return 200, _page(request, "conferences", found)

    async def _list_participants(self, request: web.Request, form: Form) -> tuple[int, Json | None]:
        room = self._room(request)
        found = [rendering.participant(self._exchange.account, room, it) for it in room.participants.values()]
        return 200, _page(request, "participants", found)

    async def _create_participant(self, request: web.Request, form: Form) -> tuple[int, Json | None]:
        key, label = request.match_info["room"], _one(form, "Label")
        if CONFERENCE_SID.fullmatch(key) and self._exchange.room_of(key) is None:
            raise Refusal(404, 16022, "The conference has ended")
        if "/" in label or re.fullmatch(r"CA[0-9a-fA-F]{32}", label) or len(label) > 128:
            raise Refusal(400, 16023, "Invalid participant label")
        seconds = float(_one(form, "Timeout", "60"))
        if not 5 <= seconds <= 600:
            raise Refusal(400, 20001, "Timeout must be between 5 and 600")
        there = self._exchange.room_of(key)
        if there is not None and label and any(it.label == label for it in there.participants.values()):
            raise Refusal(400, 16026, "The label is taken")
        call = self._new_call(form)
        room = self._exchange.open_room(key) if there is None else there
        if not room.callback:
            room.callback = _one(form, "ConferenceStatusCallback")
            room.callback_events = tuple(form.get("ConferenceStatusCallbackEvent", []))
        participant = EmulatedParticipant(
            call,
            label=label or None,
            early_media=_one(form, "EarlyMedia", "true") == "true",
            end_on_exit=_one(form, "EndConferenceOnExit") == "true",
        )
        room.participants[call.sid] = participant
        self._exchange.dial(call, seconds)
        return 201, rendering.participant(self._exchange.account, room, participant, made=True)

    async def _update_participant(self, request: web.Request, form: Form) -> tuple[int, Json | None]:
        room = self._room(request)
        key = request.match_info["participant"]
        found = next((it for it in room.members if key in (it.call.sid, it.label)), None)
        if found is None:
            raise NOT_FOUND
        if "Hold" in form:
            url, method = _one(form, "HoldUrl"), _one(form, "HoldMethod", "POST")
            hold = _one(form, "Hold") == "true"
            found.hold, found.hold_sound = hold, ""
            if hold:
                found.hold_sound = await self._player.hold_sound(url, method, found.call)
        if "AnnounceUrl" in form:
            announced = self._player.announce(found, _one(form, "AnnounceUrl"), _one(form, "AnnounceMethod", "POST"))
            self._exchange.begin(announced)
        return 200, rendering.participant(self._exchange.account, room, found)

    def _room(self, request: web.Request) -> EmulatedConference:
        room = self._exchange.conferences.get(request.match_info["room"])
        if room is None or room.status == "completed":
            raise NOT_FOUND
        return room

    # --- Sync

    async def _list_documents(self, request: web.Request, form: Form) -> tuple[int, Json | None]:
        if request.match_info["service"] not in ("default", SERVICE):
            raise NOT_FOUND
        size, number = int(request.query.get("PageSize", "50")), int(request.query.get("Page", "0"))
        found = [self._rendered(it) for it in self.documents.values()]
        url = f"{self.base_url}{request.path}?PageSize={size}&Page="
        more = len(found) > (number + 1) * size
        return 200, {
            "documents": found[number * size : (number + 1) * size],
            "meta": {
                "first_page_url": f"{url}0",
                "key": "documents",
                "next_page_url": f"{url}{number + 1}" if more else None,
                "page": number,
                "page_size": size,
                "previous_page_url": None,
                "url": f"{url}{number}",
            },
        }

    async def _create_document(self, request: web.Request, form: Form) -> tuple[int, Json | None]:
        name = _one(form, "UniqueName")
        if name in self.documents:
            raise Refusal(409, 54301, "Unique name already exists")
        document = _Document(name, json.loads(_one(form, "Data")), 0, new_sid("ET"), datetime.now(UTC))
        self.documents[name] = document
        return 201, self._rendered(document)

    async def _fetch_document(self, request: web.Request, form: Form) -> tuple[int, Json | None]:
        return 200, self._rendered(self._document(request))

    async def _update_document(self, request: web.Request, form: Form) -> tuple[int, Json | None]:
        document = self._document(request)
        wanted = request.headers.get("If-Match")
        if wanted is not None and wanted != f"{document.revision:x}":
            raise Refusal(412, 54103, "The revision of the Document does not match the expected revision")
        document.data, document.revision = json.loads(_one(form, "Data")), document.revision + 1
        return 200, self._rendered(document)

    async def _delete_document(self, request: web.Request, form: Form) -> tuple[int, Json | None]:
        del self.documents[self._document(request).name]
        return 204, None

    def _document(self, request: web.Request) -> _Document:
        document = self.documents.get(request.match_info["name"])
        if document is None:
            raise Refusal(404, 20404, "The requested resource was not found")
        return document

    def _rendered(self, it: _Document) -> Json:
        url = f"https://sync.twilio.com/v1/Services/{SERVICE}/Documents/{it.sid}"
        return {
            "sid": it.sid,
            "unique_name": it.name,
            "account_sid": self._exchange.account,
            "service_sid": SERVICE,
            "url": url,
            "links": {"permissions": f"{url}/Permissions"},
            "revision": f"{it.revision:x}",
            "data": it.data,
            "date_expires": None,
            "date_created": it.created.isoformat().replace("+00:00", "Z"),
            "date_updated": it.created.isoformat().replace("+00:00", "Z"),
            "created_by": "system",
        }


def _handler(
    handle: Callable[[web.Request, Form], Awaitable[tuple[int, Json | None]]],
) -> Callable[[web.Request], Awaitable[web.Response]]:
    async def answer(request: web.Request) -> web.Response:
        posted = await request.post()
        form: Form = {name: [str(it) for it in posted.getall(name)] for name in posted}
        try:
            status, body = await handle(request, form)
        except Refusal as refused:
            status, body = refused.status, refused.body
        return web.Response(status=status) if body is None else web.json_response(body, status=status)

    return answer


def _one(form: Form, name: str, default: str = "") -> str:
    return form.get(name, [default])[0]


def _page(request: web.Request, name: str, found: list[Json]) -> Json:
    size, number = int(request.query.get("PageSize", "50")), int(request.query.get("Page", "0"))
    rest = "&".join(f"{key}={value}" for key, value in request.query.items() if key not in ("PageSize", "Page"))
    return rendering.page(name, f"{request.path}{'?' if rest else ''}{rest}", found, number, size)
