"""A reverse proxy before a tracking server that refuses some requests, as hosted ones do."""

import base64
import http.client
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

PAGE = b"<!doctype html><title>Sign in</title><h1>Not for you</h1>"


@dataclass(frozen=True)
class Request:
    method: str
    path: str
    size: int
    """Bytes of the body."""
    authorization: str


Rule = Callable[[Request], int]
"""Returns the status to answer with a web page, or 0 to let the request pass."""


def let_pass(request: Request) -> int:
    return 0


def larger_than(limit: int) -> Rule:
    return lambda request: 413 if request.size > limit else 0


def deny(method: str, part: str, status: int = 403) -> Rule:
    """Refuse the requests of a method whose path contains `part`."""
    return lambda request: status if request.method == method and part in request.path else 0


def require(user: str, password: str, otherwise: int) -> Rule:
    """Answer requests of others with the status `otherwise`."""
    wanted = "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()
    return lambda request: 0 if request.authorization == wanted else otherwise


@dataclass
class RefusingProxy:
    """The proxy; `rule` can be changed while it serves."""

    port: int
    rule: Rule = let_pass

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"


@contextmanager
def refusing_proxy(server: str) -> Iterator[RefusingProxy]:
    """Serve a proxy before the tracking server at the address `server`."""
    target = int(server.rsplit(":", 1)[1])

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, format: str, *arguments: object) -> None:
            pass

        def serve(self) -> None:
            body = self._body()
            authorization = self.headers.get("Authorization", "")
            request = Request(self.command, self.path, len(body), authorization)
            if status := proxy.rule(request):
                self._answer(status, PAGE, {"Content-Type": "text/html", "Connection": "close"})
                self.close_connection = True
                return
            passed = {
                name: value
                for name, value in self.headers.items()
                if name.lower() not in ("connection", "transfer-encoding", "content-length")
            }
            line = http.client.HTTPConnection("127.0.0.1", target, timeout=60)
            line.request(self.command, self.path, body, passed | {"Host": f"127.0.0.1:{target}"})
            answer = line.getresponse()
            kind = answer.getheader("Content-Type") or "application/json"
            self._answer(answer.status, answer.read(), {"Content-Type": kind})
            line.close()

        def _body(self) -> bytes:
            if self.headers.get("Transfer-Encoding", "") != "chunked":
                return self.rfile.read(int(self.headers.get("Content-Length") or 0))
            body = b""
            while size := int(self.rfile.readline(), 16):
                body += self.rfile.read(size)
                self.rfile.readline()
            self.rfile.readline()
            return body

        def _answer(self, status: int, body: bytes, headers: dict[str, str]) -> None:
            self.send_response(status)
            for name, value in (headers | {"Content-Length": str(len(body))}).items():
                self.send_header(name, value)
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(body)

    for method in ("GET", "POST", "PUT", "DELETE", "PATCH", "HEAD"):
        setattr(Handler, f"do_{method}", Handler.serve)
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as listener:
        listener.daemon_threads = True
        proxy = RefusingProxy(listener.server_address[1])
        threading.Thread(target=listener.serve_forever, daemon=True).start()
        yield proxy
        listener.shutdown()
