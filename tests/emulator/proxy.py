"""An HTTP proxy between Google's client and an emulator: it keeps a log, and fails on demand.

    with Proxy("http://localhost:9050", rules) as proxy:
        proxy.fail(Fault("POST", r"/jobs$", status=503, times=2))
        ...  # a client of proxy.url
        [entry for entry in proxy.log if not entry.is_poll]

Rules get a request and what forwards it, and return the reply: what Google does and the emulator does not.
"""

from __future__ import annotations

import json
import re
import socket
import struct
import threading
import time
from collections import Counter
from dataclasses import dataclass, replace
from http.client import HTTPConnection, HTTPException
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import parse_qs, urlsplit

if TYPE_CHECKING:
    from collections.abc import Callable

    Forward = Callable[["Request"], "Reply"]
    Rules = Callable[["Request", Forward], "Reply"]

__all__ = ["Entry", "Fault", "Proxy", "Reply", "Request"]

HOP_BY_HOP = {"connection", "keep-alive", "transfer-encoding", "content-length", "host", "accept-encoding"}
REASONS = {
    400: "invalid", 403: "quotaExceeded", 404: "notFound", 409: "duplicate", 412: "conditionNotMet",
    429: "rateLimitExceeded", 500: "backendError", 502: "backendError", 503: "backendError",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Request:
    """``path`` has its query; ``headers`` have lower-case names."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes = b""

    @property
    def json(self) -> dict[str, Any]:
        return json.loads(self.body or b"{}")

    @property
    def query(self) -> dict[str, str]:
        return {name: values[-1] for name, values in parse_qs(urlsplit(self.path).query).items()}


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer; of ``keep`` bytes that arrive, the rest is cut off with the connection."""

    status: int
    body: bytes = b""
    headers: tuple[tuple[str, str], ...] = (("Content-Type", "application/json"),)
    keep: int | None = None

    @classmethod
    def of(cls, content: Any) -> Self:
        return cls(200, json.dumps(content).encode())

    @classmethod
    def error(cls, status: int, message: str, reason: str = "") -> Self:
        """An error as Google's APIs write it."""
        reason = reason or REASONS.get(status, "")
        errors = [{"reason": reason, "message": message, "domain": "global"}]
        return cls(status, json.dumps({"error": {"code": status, "message": message, "errors": errors}}).encode())

    @property
    def json(self) -> dict[str, Any]:
        return json.loads(self.body or b"{}")


@dataclass(frozen=True, slots=True)
class Fault:
    r"""What happens to ``times`` requests from the ``on``-th that matches; method, path and body are regular expressions.

    One of status (with Google's reason), reset, keep; ``seconds`` of delay alone or with one. ``after``: the emulator
    has executed the request by then. A load is ``Fault("POST", r"/jobs", '"load"')``.
    """

    method: str = ""
    path: str = ""
    body: str = ""
    on: int = 1
    times: int = 1
    status: int = 0
    reason: str = ""
    reset: bool = False
    keep: int | None = None
    seconds: float = 0.0
    after: bool = False

    def matches(self, request: Request) -> bool:
        found = re.fullmatch(self.method or ".*", request.method) and re.search(self.path, request.path)
        return bool(found) and re.search(self.body.encode(), request.body) is not None

    @property
    def reply(self) -> Reply | None:
        """What the client gets instead of the emulator's answer; None is a reset connection."""
        return None if self.reset else Reply.error(self.status, f"injected {self.status}", self.reason)


@dataclass(frozen=True, slots=True)
class Entry:
    """One request as it went; status 0 is a connection that was reset."""

    method: str
    path: str
    status: int
    fault: Fault | None = None

    @property
    def is_poll(self) -> bool:
        """Whether it asked how a job is doing, or for its rows."""
        return self.method == "GET" and re.search(r"/(jobs|queries)/[^/?]+", self.path) is not None

    def __str__(self) -> str:
        return f"{self.method} {urlsplit(self.path).path} {self.status}{' by fault' if self.fault else ''}"


class Proxy:
    """Listens on ``url`` until its block ends."""

    def __init__(self, upstream: str, rules: Rules = lambda request, forward: forward(request)) -> None:
        self.log: list[Entry] = []
        self._upstream, self._rules = upstream, rules
        self._faults: tuple[Fault, ...] = ()
        self._seen: Counter[Fault] = Counter()
        self._lock = threading.Lock()
        self._server = ThreadingHTTPServer(("localhost", 0), _Handler)
        self._server.daemon_threads = True
        self._server.proxy = self
        self.url = f"http://localhost:{self._server.server_port}"

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def fail(self, *faults: Fault) -> None:
        """From now on these faults, counted anew, and no others; none is none."""
        with self._lock:
            self._faults = faults
            self._seen.clear()

    def answer(self, request: Request) -> Reply | None:
        """The reply; None is a reset connection."""
        fault = self._next_fault(request)
        reply = self._answer(request, fault)
        with self._lock:
            self.log.append(Entry(request.method, request.path, reply.status if reply else 0, fault))
        return reply

    def _next_fault(self, request: Request) -> Fault | None:
        with self._lock:
            matching = [fault for fault in dict.fromkeys(self._faults) if fault.matches(request)]
            self._seen.update(matching)
            due = (fault for fault in matching if fault.on <= self._seen[fault] < fault.on + fault.times)
            return next(due, None)

    def _answer(self, request: Request, fault: Fault | None) -> Reply | None:
        if fault is None:
            return self._rules(request, self.forward)
        replaces = fault.reset or fault.status
        if replaces and not fault.after:
            time.sleep(fault.seconds)
            return fault.reply
        time.sleep(0 if fault.after else fault.seconds)
        reply = self._rules(request, self.forward)
        time.sleep(fault.seconds if fault.after else 0)
        return fault.reply if replaces else replace(reply, keep=fault.keep)

    def forward(self, request: Request) -> Reply:
        """The emulator's own answer, with its links leading back here."""
        connection = HTTPConnection(urlsplit(self._upstream).netloc, timeout=600)
        headers = {name: value for name, value in request.headers.items() if name not in HOP_BY_HOP}
        try:
            connection.request(request.method, request.path, request.body or None, headers)
            response = connection.getresponse()
            body = response.read()
        except (OSError, HTTPException) as error:
            return Reply.error(501, f"the emulator does not answer: {error}")  # 501: no client tries it again
        finally:
            connection.close()
        kept = [(name, value) for name, value in response.getheaders() if name.lower() not in HOP_BY_HOP]
        is_json = "json" in (response.getheader("Content-Type") or "")
        if is_json:
            body = body.replace(self._upstream.encode(), self.url.encode())
        return Reply(
            response.status, body, tuple((name, value.replace(self._upstream, self.url)) for name, value in kept)
        )


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # 40 ms for each reply

    def _serve(self) -> None:
        headers = {name.lower(): value for name, value in self.headers.items()}
        reply = self.server.proxy.answer(Request(self.command, self.path, headers, self._body()))
        if reply is None:
            self._reset()
            return
        self.send_response(reply.status)
        for name, value in (*reply.headers, ("Content-Length", str(len(reply.body)))):
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(reply.body[: reply.keep])
        self.close_connection = self.close_connection or reply.keep is not None

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = do_HEAD = _serve  # noqa: N815 - the names http.server looks for

    def _body(self) -> bytes:
        if self.headers.get("Transfer-Encoding") != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length") or 0))
        parts = []
        while size := int(self.rfile.readline().split(b";")[0], 16):
            parts.append(self.rfile.read(size))
            self.rfile.readline()
        self.rfile.readline()
        return b"".join(parts)

    def _reset(self) -> None:
        at_once = struct.pack("ii", 1, 0)  # closing with this sends RST, not FIN
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, at_once)
        self.connection.close()
        self.close_connection = True

    def handle_one_request(self) -> None:
        try:
            super().handle_one_request()
        except (ConnectionError, ValueError):  # the client has gone, or we have closed
            self.close_connection = True

    def log_message(self, *_: object) -> None:
        """Nothing on stderr: the proxy has its own log."""
