"""A phone of the rig takes a repeated request for what it is, however late it comes to read it."""

import asyncio
import socket

from tests.rig.behaviour import Behaviour
from tests.rig.phone import Phone
from tests.rig.ports import PortBlock
from tests.rig.rtp import Description
from tests.rig.sip import Dialog, Message


async def test_an_invite_read_together_with_its_repetition_is_not_answered() -> None:
    """A busy phone finds both in its socket. Was it answered, the engine would rightly say that it took the call."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind(("127.0.0.1", 0))
        server.setblocking(False)
        phone = Phone("target1", server.getsockname(), 440, Behaviour.rings())
        ports = PortBlock.reserve()
        phone.open(port := ports.phone(0))
        try:
            invite = invitation(server.getsockname()[1], port).encode()
            for _ in range(2):
                server.sendto(invite, ("127.0.0.1", port))
            call = await phone.incoming()
            await call.until("ringing")
            server.sendto(invite, ("127.0.0.1", port))
            assert [await status(server), await status(server)] == [180, 180]
            call.answer()
            assert await status(server) == 200
        finally:
            await phone.close()
            ports.close()


def invitation(caller: int, callee: int) -> Message:
    """Return a first INVITE."""
    dialog = Dialog(
        call_id="c1",
        local=f"<sip:caller@127.0.0.1:{caller}>;tag=t1",
        remote=f"<sip:target1@127.0.0.1:{callee}>",
        target=f"sip:target1@127.0.0.1:{callee}",
        contact=f"<sip:caller@127.0.0.1:{caller}>",
    )
    return dialog.request("INVITE", body=Description(("127.0.0.1", 4000)).encode())


async def status(server: socket.socket) -> int:
    """Return the status of the next response."""
    data = await asyncio.wait_for(asyncio.get_running_loop().sock_recv(server, 65536), 5)
    return Message.decode(data).status
