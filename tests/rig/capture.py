"""What went over the wire as SIP, captured by Asterisk and read by tshark: a judge who knows nothing of the engine."""

from __future__ import annotations

import asyncio
import csv
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests.rig.asterisk_node import AsteriskNode
from tests.rig.installed import command

FIELDS = (
    "sip.Call-ID",
    "sip.Method",
    "sip.Status-Code",
    "sip.CSeq.method",
    "sip.CSeq.seq",
    "ip.src",
    "sip.Subscription-State",
)
ASTERISK = "0.0.0.0"
COMPLAINTS = "_ws.malformed || _ws.expert.severity >= 6291456"
"""A display filter: packets that cannot be read, or earn a warning or an error (0x600000 and 0x800000 in Wireshark)."""
ALL_SIP = ("-d", "udp.port==1-65535,sip")
"""Asterisk's logger writes nothing but SIP, and a phone may have a port that tshark knows as another protocol's."""


@dataclass(frozen=True, slots=True)
class Message:
    """One SIP message."""

    call: str
    """Its Call-ID."""
    method: str
    """Of the request, or of the one that is answered."""
    status: int | None
    """None for a request."""
    number: int
    """CSeq."""
    from_asterisk: bool
    subscription: str = ""
    """Of a NOTIFY: its Subscription-State, without parameters."""


@dataclass
class Capture:
    """A capture; `messages` are there when it has ended."""

    path: Path
    messages: list[Message] = field(default_factory=list[Message])
    complaints: str = ""
    """What tshark finds wrong with them: a line per packet."""

    @property
    def dialogs(self) -> dict[str, list[Message]]:
        """The messages by Call-ID."""
        by_call: dict[str, list[Message]] = {}
        for message in self.messages:
            by_call.setdefault(message.call, []).append(message)
        return by_call


def outcome(dialog: list[Message]) -> int:
    """Return the final answer to the INVITE that began a call, 0 if there was none."""
    return next((it.status for it in dialog if it.method == "INVITE" and it.status and it.status >= 200), 0)


def faults(dialog: list[Message]) -> list[str]:
    """Return what is left open in a call, or was never allowed (RFC 3261, sections 9, 13, 15 and 17)."""
    found: list[str] = []
    # A transaction: who asked, what, and with which number. An ACK of its own belongs to the INVITE of its number.
    requests = {(it.from_asterisk, it.method, it.number) for it in dialog if it.status is None and it.method != "ACK"}
    answers = {(not it.from_asterisk, it.method, it.number): it.status for it in dialog if (it.status or 0) >= 200}
    found += [f"{method} {number} was never answered" for _, method, number in requests - set(answers)]
    found += [f"{status} to a {it[1]} nobody sent" for it, status in answers.items() if it not in requests]
    acknowledged = {(it.from_asterisk, it.number) for it in dialog if it.method == "ACK"}
    for (asker, method, number), status in answers.items():
        if method == "INVITE" and (asker, number) not in acknowledged:
            found.append(f"{status} to INVITE {number} was never acknowledged")
    begun = any(method == "INVITE" and (status or 0) < 300 for (_, method, _), status in answers.items())
    ended = any(method == "BYE" for _, method, _ in requests)
    if begun != ended:
        found.append("it was answered and has no BYE" if begun else "it was never answered and has a BYE")
    return found


@asynccontextmanager
async def capturing(node: AsteriskNode, path: Path) -> AsyncGenerator[Capture]:
    """Capture all SIP of a node for the length of the block."""
    capture = Capture(path)
    for command_line in ("on", "verbose off", f"pcap {path}"):
        await node.cli(f"pjsip set logger {command_line}")
    try:
        yield capture
    finally:
        await node.cli("pjsip set logger off")
    capture.messages = await messages(path)
    capture.complaints = await _read(path, "-Y", COMPLAINTS)


async def messages(path: Path) -> list[Message]:
    """Return the SIP messages of a capture, in order."""
    rows = csv.reader(
        (await _read(path, "-T", "fields", "-E", "separator=,", "-E", "quote=d", *_each("-e", FIELDS))).splitlines()
    )
    return [
        Message(
            call,
            method or answered,
            int(status) if status else None,
            int(number),
            from_asterisk=sender == ASTERISK,
            subscription=subscription.partition(";")[0],
        )
        for call, method, status, answered, number, sender, subscription in rows
        # No SIP message, such as a keep-alive; what tshark takes for a broken one is among the complaints.
        if call or method or status
    ]


def _each(option: str, values: tuple[str, ...]) -> list[str]:
    return [word for value in values for word in (option, value)]


async def _read(path: Path, *arguments: str) -> str:
    """Run tshark over a capture.

    Raises:
        AssertionError: if it cannot read it.
    """
    process = await asyncio.create_subprocess_exec(
        *command("usr/bin/tshark", "-n", "-r", str(path), *ALL_SIP, *arguments),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    output, complaint = await process.communicate()
    assert process.returncode == 0, complaint.decode(errors="replace")
    return output.decode(errors="replace")
