"""Phones made of SIPp (sipp.sourceforge.net): a SIP stack that is neither ours nor Asterisk's.

Such a phone sends back whatever it hears (`-rtp_echo`). Who is connected to it hears their own voice, and that proves
both directions: it was heard there, and it came back. SIPp ends with an error when it is sent what its script does
not allow for, and so judges the signalling too.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

from tests.rig.asterisk_node import AsteriskNode
from tests.rig.installed import command

BOUND_SECONDS = 10.0
END_SECONDS = 10.0

_ANSWER = """<send{attributes}><![CDATA[
SIP/2.0 {status}
[last_Via:]
[last_Record-Route:]
[last_From:]
[last_To:]{tag}
[last_Call-ID:]
[last_CSeq:]
Contact: <sip:sipp@[local_ip]:[local_port]>
{body}
]]></send>"""
_SDP = """Content-Type: application/sdp
Content-Length: [len]

v=0
o=sipp 1 1 IN IP4 [local_ip]
s=-
c=IN IP4 [media_ip]
t=0 0
m=audio [media_port] RTP/AVP 0
a=rtpmap:0 PCMU/8000"""
_TAG = ";tag=sipp-[call_number]"
# The parties of a dialog are the other way round for who was called (RFC 3261, section 12.2.1.1).
_BYE = """<send retrans="500"><![CDATA[
BYE [next_url] SIP/2.0
Via: SIP/2.0/UDP [local_ip]:[local_port];branch=[branch]
[routes]
From:[$callee];tag=sipp-[call_number]
To:[$caller]
[last_Call-ID:]
CSeq: 1 BYE
Max-Forwards: 70
Content-Length: 0
]]></send>"""


def _answer(status: str, body: str = "Content-Length: 0", tag: str = "", attributes: str = "") -> str:
    return _ANSWER.format(status=status, body=body, tag=tag, attributes=attributes)


_INVITED = """<recv request="INVITE" rrs="true"><action>
<ereg regexp=".*" search_in="hdr" header="From:" assign_to="caller"/>
<ereg regexp=".*" search_in="hdr" header="To:" assign_to="callee"/>
</action></recv>"""
_RINGING = _answer("180 Ringing", tag=_TAG)
_OK = _answer("200 OK", _SDP, attributes=' retrans="500"')
_FIRST_OK = _answer("200 OK", _SDP, _TAG, ' retrans="500"')


def answers(after: float = 0.1, hang_up_after: float | None = None) -> str:
    """Ring, answer after so many seconds, and take every change of the call; perhaps hang up later."""
    leaves = "" if hang_up_after is None else f' timeout="{round(hang_up_after * 1000)}" ontimeout="leaves"'
    return _scenario(
        _INVITED,
        _RINGING,
        f'<pause milliseconds="{round(after * 1000)}"/>',
        _FIRST_OK,
        '<recv request="ACK"/>',
        '<label id="talks"/>',
        f'<recv request="INVITE" optional="true" next="changed"{leaves}/>',
        f'<recv request="BYE"{leaves}/>',
        _answer("200 OK"),
        '<nop next="end"/>',
        '<label id="changed"/>',
        _OK,
        '<recv request="ACK" next="talks"/>',
        '<label id="leaves"/>',
        _BYE,
        '<recv response="200"/>',
    )


def busy() -> str:
    """Be engaged: 486."""
    return _scenario(_INVITED, _answer("486 Busy Here", tag=_TAG, attributes=' retrans="500"'), '<recv request="ACK"/>')


def rings() -> str:
    """Ring until the caller gives up."""
    return _scenario(
        _INVITED,
        _RINGING,
        '<recv request="CANCEL"/>',
        _answer("200 OK"),
        # The answer to the INVITE, whose CSeq is not that of the CANCEL.
        _answer("487 Request Terminated", tag=_TAG, attributes=' retrans="500"').replace(
            "[last_CSeq:]", "CSeq: [$number] INVITE"
        ),
        '<recv request="ACK"/>',
    ).replace("</action>", '<ereg regexp="[0-9]+" search_in="hdr" header="CSeq:" assign_to="number"/></action>')


def _scenario(*steps: str) -> str:
    used = '<Reference variables="caller,callee"/>'
    lines = ['<?xml version="1.0" encoding="us-ascii"?>', '<scenario name="phone">', *steps]
    return "\n".join([*lines, '<label id="end"/>', used, "</scenario>"])


@asynccontextmanager
async def sipp_phone(node: AsteriskNode, name: str, scenario: str, folder: Path) -> AsyncGenerator[None]:
    """Plug in a phone for one call; the call must be over when the block ends.

    Args:
        node: the Asterisk of which it is an endpoint.
        name: the endpoint.
        scenario: what it does.
        folder: for the scenario, and what SIPp says of it.

    Raises:
        AssertionError: if SIPp was sent what the scenario does not allow for, or the call goes on.
    """
    script, log = folder / f"{name}.xml", folder / f"{name}.log"
    script.write_text(scenario, encoding="ascii")
    port = node.phone_ports[name]
    where = ["-i", "127.0.0.1", "-mi", "127.0.0.1", "-p", str(port), "-mp", str(_media(node, name))]
    with log.open("wb") as output:
        process = await asyncio.create_subprocess_exec(
            *command("usr/bin/sipp", "-sf", str(script), *where, "-rtp_echo", "-m", "1", "-nostdin"),
            env={**os.environ, "TERM": "dumb"},
            stdin=asyncio.subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            cwd=folder,
        )
    try:
        await _bound(port)
        yield
        async with asyncio.timeout(END_SECONDS):
            await process.wait()
        assert process.returncode == 0, f"{name}: {log.read_text(errors='replace')[-3000:]}"
    except TimeoutError:
        raise AssertionError(f"the call of {name} goes on: {log.read_text(errors='replace')[-3000:]}") from None
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


def _media(node: AsteriskNode, name: str) -> int:
    return node.ports.media(list(node.phone_ports).index(name))


async def _bound(port: int) -> None:
    """Wait until somebody has a UDP port: a call that comes earlier would be refused."""
    entry = f"0100007F:{port:04X}"
    async with asyncio.timeout(BOUND_SECONDS):
        # The kernel has no event for it.
        while entry not in Path("/proc/net/udp").read_text(encoding="ascii"):  # noqa: ASYNC110, ASYNC240
            await asyncio.sleep(0.02)
