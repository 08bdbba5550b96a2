"""A tracking server seen through a line that can fail: a TCP proxy with faults to choose from."""

import socket
import threading
import time
from contextlib import suppress

FAULTS = ("refuse", "error", "stall", "deaf", "slow")
"""Connections are refused; every request is answered with status 500; nothing is answered; requests
are carried out and their answers lost; answers take `SLOW_SECONDS` longer."""

SLOW_SECONDS = 0.3

ERROR = b"HTTP/1.1 500 Internal Server Error\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"


class Proxy:
    """Passes connections on to a port of this machine, unless a fault is chosen."""

    def __init__(self, server: str) -> None:
        self.server = server
        self.upstream = int(server.rsplit(":", 1)[1])
        self.fault = ""
        self._lock = threading.Lock()
        self._open: set[socket.socket] = set()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._accepting = threading.Thread()
        self.port: int = self._listener.getsockname()[1]

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def __enter__(self) -> "Proxy":
        self._listen()
        return self

    def __exit__(self, *_: object) -> None:
        self.choose("refuse")

    def choose(self, fault: str) -> None:
        """Let everything pass, or begin with a fault; connections there are, are cut."""
        before, self.fault = self.fault, fault
        if fault == "refuse" != before:
            self._listener.shutdown(socket.SHUT_RDWR)  # wakes the thread that accepts
            self._accepting.join()
            self._listener.close()
        with self._lock:
            for one in self._open:
                with suppress(OSError):
                    one.shutdown(socket.SHUT_RDWR)
        if before == "refuse" != fault:
            self._listener = socket.create_server(("127.0.0.1", self.port))
            self._listen()

    def _listen(self) -> None:
        self._accepting = threading.Thread(target=self._accept, daemon=True)
        self._accepting.start()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        """Carry one connection, as the fault of the moment has it."""
        fault = self.fault
        with client, socket.create_connection(("127.0.0.1", self.upstream)) as server:
            with self._lock:
                self._open |= {client, server}
            with suppress(OSError):
                if fault == "error":
                    client.recv(1 << 16)
                    client.sendall(ERROR)
                elif fault == "stall":
                    while client.recv(1 << 16):
                        pass
                else:
                    back = threading.Thread(
                        target=self._pump, args=(server, client, fault), daemon=True
                    )
                    back.start()
                    self._pump(client, server, "")
                    back.join()
            with self._lock:
                self._open -= {client, server}

    def _pump(self, source: socket.socket, target: socket.socket, fault: str) -> None:
        with suppress(OSError):
            while data := source.recv(1 << 16):
                if fault == "deaf":
                    target.shutdown(socket.SHUT_RDWR)
                    continue
                if fault == "slow":
                    time.sleep(SLOW_SECONDS)
                target.sendall(data)
        for end in (source, target):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
