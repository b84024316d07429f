"""Free ports, for servers that cannot be asked which one they have got.

Between the look at a port and its use the kernel may hand it out again, and several processes share a run. A port on
which a connection has just ended is handed out to nobody for a minute, while whoever asks for that very port gets it:
all of these servers set SO_REUSEADDR. Temporal finds the ports of its development server in the same way.
"""

import socket


def free_port() -> int:
    """Return a port on which nobody listens, and which nobody gets by chance within a minute."""
    with socket.socket() as listening:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        with socket.create_connection(listening.getsockname()):
            accepted, _ = listening.accept()
            accepted.close()  # who closes first remembers the connection
        return listening.getsockname()[1]


NOBODY = "127.0.0.1:1"
"""An address where nobody is: that of tcpmux, which nobody runs."""


def free_address() -> str:
    """Return an address with a free port."""
    return f"127.0.0.1:{free_port()}"
