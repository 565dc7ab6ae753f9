"""HTTP between the library's own client and a fake: requests as values, errors as BigQuery words them."""

from __future__ import annotations

import json
import threading
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import NamedTuple
from urllib.parse import parse_qsl, urlsplit

from google.auth.credentials import AnonymousCredentials
from google.cloud.bigquery import Client


class Request(NamedTuple):
    """``path`` is what follows the project; of an upload with /upload before it."""

    method: str
    path: str
    params: dict
    headers: object
    body: bytes

    @property
    def name(self):
        return f"{self.method} {self.path}"

    @property
    def sent(self):
        return json.loads(self.body or b"{}")


class Reply(NamedTuple):
    code: int
    content: dict
    headers: dict = {}  # noqa: RUF012 - nobody writes to it


class Answer(Exception):
    """An error as its reply."""

    def __init__(self, code, reason, message):
        error = {"code": code, "message": message, "errors": [{"reason": reason, "message": message}]}
        self.reply = Reply(code, {"error": error})


@dataclass
class Fault:
    """What happens to requests whose "METHOD path" matches: without a status they are hung up on, or met by silence.

    ``after``: the request is executed first, so that only its reply is lost.
    """

    where: str
    status: int = 0
    reason: str = "backendError"
    message: str = "injected"
    times: int = 1
    after: bool = False
    silent: bool = False


def need(holds, sentence):
    """Refuse what the real service would refuse, or the engine has no need of."""
    if not holds:
        raise Answer(400, "invalid", sentence)


def only(found, *known):
    """Refuse what nobody knows."""
    need(found.keys() <= {*known}, f"unknown: {', '.join(sorted(found.keys() - {*known}))}")


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # 40 ms for each reply

    def log_message(self, *_):
        """Nothing on stderr."""

    def do(self):
        url = urlsplit(self.path)
        before, _, path = url.path.partition("/bigquery/v2/projects/p")
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        params = dict(parse_qsl(url.query, keep_blank_values=True))
        try:
            reply = self.server.service.reply(Request(self.command, before + path, params, self.headers, body))
        except Exception as crash:
            self.server.crashes.append(crash)
            raise
        if reply is None:
            self.close_connection = True
            return
        data = json.dumps(reply.content).encode()
        self.send_response(reply.code)
        for name, value in {"Content-Type": "application/json", "Content-Length": len(data), **reply.headers}.items():
            self.send_header(name, str(value))
        self.end_headers()
        self.wfile.write(data)

    def handle_one_request(self):
        try:
            super().handle_one_request()
        except ConnectionError:  # the client has gone
            self.close_connection = True

    do_GET = do_POST = do_PATCH = do_PUT = do  # noqa: N815 - the server's own names


@contextmanager
def served(service):
    """``service`` over HTTP, at the address that is yielded."""
    server = ThreadingHTTPServer(("localhost", 0), Handler)
    server.daemon_threads, server.service, server.crashes = True, service, []
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    try:
        yield f"http://localhost:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
    assert server.crashes == []


@contextmanager
def client_of(service, location=None):
    """The library's client, talking to ``service`` over HTTP."""
    with served(service) as url:
        options = {"api_endpoint": url}
        with Client("p", AnonymousCredentials(), location=location, client_options=options) as client:
            yield client
