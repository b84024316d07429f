"""SIP messages: reading them, writing them, and the requests and responses built from them (RFC 3261).

Written for a phone on loopback that talks to one server over UDP: no routing, no authentication, no folding.
"""

from __future__ import annotations

import re
import secrets
from dataclasses import dataclass, field

Headers = list[tuple[str, str]]

# Compact forms (RFC 3261, section 7.3.3, and RFC 3515).
_COMPACT = {
    "c": "content-type",
    "f": "from",
    "i": "call-id",
    "k": "supported",
    "l": "content-length",
    "m": "contact",
    "r": "refer-to",
    "t": "to",
    "v": "via",
}
ALLOW = "INVITE, ACK, CANCEL, BYE, OPTIONS, UPDATE, INFO, NOTIFY, REFER"
REASONS = {
    100: "Trying",
    180: "Ringing",
    183: "Session Progress",
    200: "OK",
    202: "Accepted",
    302: "Moved Temporarily",
    403: "Forbidden",
    404: "Not Found",
    408: "Request Timeout",
    480: "Temporarily Unavailable",
    481: "Call/Transaction Does Not Exist",
    486: "Busy Here",
    487: "Request Terminated",
    488: "Not Acceptable Here",
    500: "Server Internal Error",
    503: "Service Unavailable",
    600: "Busy Everywhere",
    603: "Decline",
}


class MalformedError(ValueError):
    """A datagram that is no SIP message."""


@dataclass(frozen=True, slots=True)
class Message:
    """A request or a response."""

    start: str
    headers: Headers = field(default_factory=Headers)
    body: bytes = b""

    @classmethod
    def decode(cls, data: bytes) -> Message:
        """Read a datagram.

        Raises:
            MalformedError: if it is no SIP message, such as a keep-alive of blank lines.
        """
        head, _, body = data.partition(b"\r\n\r\n")
        start, *lines = head.decode(errors="replace").split("\r\n")
        if "SIP/2.0" not in start:
            raise MalformedError(start[:80])
        headers = Headers()
        for line in lines:
            name, _, value = line.partition(":")
            headers.append((name.strip(), value.strip()))
        return cls(start, headers, body)

    def encode(self) -> bytes:
        """Write it as a datagram."""
        lines = [self.start, *(f"{name}: {value}" for name, value in self.headers)]
        lines.append(f"Content-Length: {len(self.body)}")
        return "\r\n".join(lines).encode() + b"\r\n\r\n" + self.body

    @property
    def status(self) -> int:
        """A response's status code; 0 for a request."""
        return int(self.start.split(" ", 2)[1]) if self.start.startswith("SIP/2.0 ") else 0

    @property
    def method(self) -> str:
        """A request's method; for a response, the method it answers."""
        return self.start.split(" ", 1)[0] if not self.status else self.cseq[1]

    @property
    def uri(self) -> str:
        """A request's URI."""
        return self.start.split(" ", 2)[1]

    @property
    def cseq(self) -> tuple[int, str]:
        """The sequence number and its method."""
        number, _, method = self.get("CSeq").partition(" ")
        return int(number), method.strip()

    @property
    def branch(self) -> str:
        """The transaction's id (RFC 3261, section 17.1.3)."""
        return parameter(self.get("Via"), "branch")

    def get(self, name: str) -> str:
        """Return a header's first value; empty when it is missing."""
        return next(iter(self.all(name)), "")

    def all(self, name: str) -> list[str]:
        """Return all values of a header, whatever its case and form."""
        wanted = name.lower()
        return [value for given, value in self.headers if _COMPACT.get(given.lower(), given.lower()) == wanted]

    def reply(self, status: int, tag: str, extra: Headers | None = None, body: bytes = b"") -> Message:
        """Build a response to this request (RFC 3261, section 8.2.6)."""
        to = self.get("To")
        if status > 100 and not parameter(to, "tag"):
            to = f"{to};tag={tag}"
        headers: Headers = [("Via", via) for via in self.all("Via")]
        headers += [("From", self.get("From")), ("To", to)]
        headers += [("Call-ID", self.get("Call-ID")), ("CSeq", self.get("CSeq"))]
        headers += extra or []
        return Message(f"SIP/2.0 {status} {REASONS.get(status, 'Status')}", headers, body)


def parameter(value: str, name: str) -> str:
    """Return a parameter of a header such as `tag` or `branch`; empty when it is missing."""
    found = re.search(rf";\s*{name}=([^;,\s>]+)", value, re.IGNORECASE)
    return found[1] if found else ""


def address_uri(value: str) -> str:
    """Return the URI of a Contact, From or To, with or without angle brackets."""
    bracketed = re.search(r"<([^>]*)>", value)
    return bracketed[1] if bracketed else value.split(";", 1)[0].strip()


def new_branch() -> str:
    """Mint a transaction id; the cookie marks it as RFC 3261's (section 8.1.1.7)."""
    return f"z9hG4bK{secrets.token_hex(8)}"


def new_tag() -> str:
    """Mint a dialog tag."""
    return secrets.token_hex(6)


@dataclass(slots=True)
class Dialog:
    """The state both ends of a call share (RFC 3261, section 12)."""

    call_id: str
    local: str
    """From or To of this end, with its tag."""
    remote: str
    target: str
    """The URI that requests to the far end go to."""
    contact: str
    sequence: int = 0

    def request(self, method: str, extra: Headers | None = None, body: bytes = b"") -> Message:
        """Build the next request of this dialog; an ACK keeps the number of its INVITE (section 13.2.2.4)."""
        if method not in {"ACK", "CANCEL"}:
            self.sequence += 1
        headers: Headers = [
            ("Via", f"SIP/2.0/UDP {self.contact.partition('@')[2].rstrip('>')};branch={new_branch()}"),
            ("Max-Forwards", "70"),
            ("From", self.local),
            ("To", self.remote),
            ("Call-ID", self.call_id),
            ("CSeq", f"{self.sequence} {method}"),
            ("Contact", self.contact),
            ("Allow", ALLOW),
        ]
        if body:
            headers.append(("Content-Type", "application/sdp"))
        return Message(f"{method} {self.target} SIP/2.0", headers + (extra or []), body)


def same_transaction(invite: Message, method: str, to: str) -> Message:
    """Build the CANCEL or the ACK that shares an INVITE's transaction."""
    copied = {"via", "max-forwards", "from", "call-id"}
    headers = [(name, value) for name, value in invite.headers if name.lower() in copied]
    headers += [("To", to), ("CSeq", f"{invite.cseq[0]} {method}")]
    return Message(f"{method} {invite.uri} SIP/2.0", headers)


def renumbered(request: Message, number: int) -> Message:
    """Give an ACK the sequence number of its INVITE (RFC 3261, section 13.2.2.4)."""
    headers = [(name, f"{number} ACK" if name == "CSeq" else value) for name, value in request.headers]
    return Message(request.start, headers, request.body)


def incoming_dialog(invite: Message, contact: str) -> Dialog:
    """Return the dialog that an INVITE from the far end opens (RFC 3261, section 12.1.1)."""
    return Dialog(
        call_id=invite.get("Call-ID"),
        local=f"{invite.get('To')};tag={new_tag()}",
        remote=invite.get("From"),
        target=address_uri(invite.get("Contact")),
        contact=contact,
    )
