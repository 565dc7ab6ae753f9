"""Cloud Storage as its readers see it: a strict server of the JSON API over a dict, for the real client over HTTP.

    with FakeGCS("lake") as store:
        store.put("lake", "fees/a.csv", b"...")       # a new generation
        store.faults.append(Fault(r"alt=media", status=503))
        ...                                           # STORAGE_EMULATOR_HOST=store.url
        store.requests                                # ["GET /storage/v1/b/lake/o?prefix=fees/ [range]", ...]

What it does not know is answered with 400, so that something new is noticed. As in the service: one live generation a
name, the older ones only in a ``versioned`` bucket, else 404; 412 where ``ifGenerationMatch`` differs; Content-Encoding
gzip is taken off for clients that do not accept it, whatever range they asked for.
"""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
import re
import sys
import threading
import time
from dataclasses import dataclass
from functools import cached_property
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count
from urllib.parse import parse_qsl, unquote, urlsplit

import google_crc32c
from gcs_uploads import uploaded

__all__ = ["FakeGCS", "Fault", "Stored"]

FIRST_GENERATION = 1_750_000_000_000_001
LISTED = {"prefix", "delimiter", "pageToken", "maxResults", "fields", "projection", "prettyPrint", "alt"}
MEDIA = {"alt", "generation", "ifGenerationMatch"}
BUCKET_SHOWN = {"projection", "prettyPrint", "alt"}


@dataclass(frozen=True)
class Stored:
    """One generation of an object, as stored."""

    name: str
    generation: int
    data: bytes
    encoding: str = ""

    @cached_property
    def crc32c(self):
        return base64.b64encode(google_crc32c.extend(0, self.data).to_bytes(4, "big")).decode()

    @cached_property
    def md5(self):
        return base64.b64encode(hashlib.md5(self.data).digest()).decode()

    @property
    def resource(self):
        found = {
            "kind": "storage#object",
            "name": self.name,
            "generation": str(self.generation),
            "size": str(len(self.data)),
            "crc32c": self.crc32c,
            "md5Hash": self.md5,
            "contentType": "text/csv",
        }
        return found | ({"contentEncoding": self.encoding} if self.encoding else {})


@dataclass
class Fault:
    """What happens to the next ``times`` requests whose line matches ``request``.

    A ``status`` other than 0 is the answer. Else the answer is right, but comes after ``delay`` seconds, is cut after
    ``cut`` bytes of its body, has its last byte changed (``corrupt``), or never comes (``reset``); ``before`` is called
    first.
    """

    request: str
    times: int = 1
    status: int = 0
    said: str = "injected"
    delay: float = 0
    cut: int | None = None
    corrupt: bool = False
    reset: bool = False
    before: object = None


class FakeGCS:
    """The server and what it holds; ``page`` is how many names a listing gives at a time."""

    def __init__(self, *buckets, page=1000, versioned=False, location="EU"):
        self.objects = {bucket: {} for bucket in buckets}
        self.page, self.versioned, self.location = page, versioned, location
        self.faults, self.requests = [], []
        self._generations = count(FIRST_GENERATION)
        self._server = _Server(("127.0.0.1", 0), type("Handler", (_Handler,), {"store": self}))
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True)
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def put(self, bucket, name, data, encoding=""):
        """Store bytes as they are under a new generation."""
        stored = Stored(name, next(self._generations), data, encoding)
        self.objects[bucket].setdefault(name, []).append(stored)
        return stored.generation

    def delete(self, bucket, name):
        self.objects[bucket].pop(name)

    def live(self, bucket):
        """The current generations, as a listing orders them: by the UTF-8 bytes of their names."""
        return [self.objects[bucket][name][-1] for name in sorted(self.objects[bucket], key=str.encode)]

    def find(self, bucket, name, generation=None):
        """A generation, if it can still be read."""
        kept = self.objects.get(bucket, {}).get(name, [])[0 if self.versioned else -1 :]
        if generation is None:
            return kept[-1] if kept else None
        return next((one for one in kept if one.generation == generation), None)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request, client_address):
        if not isinstance(sys.exception(), ConnectionError):  # the client did not wait
            super().handle_error(request, client_address)


class _Refused(Exception):
    def __init__(self, status, said):
        super().__init__(said)
        self.status, self.said = status, said


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    store = None

    def do_GET(self):
        span = self.headers.get("Range", "")
        self.store.requests.append(f"{self.command} {unquote(self.path)}{f' [{span}]' if span else ''}")
        self.fault = next(
            (one for one in self.store.faults if one.times and re.search(one.request, self.store.requests[-1])), None
        )
        try:
            self._strike()
            self._route()
        except _Refused as refused:
            self._fail(refused.status, refused.said)
        except ConnectionError:  # the client did not wait
            self.close_connection = True

    do_POST = do_GET  # noqa: N815 - what http.server looks for

    def _strike(self):
        fault = self.fault
        if fault is None:
            return
        fault.times -= 1
        if fault.before:
            fault.before()
        time.sleep(fault.delay)
        if fault.reset:
            self.close_connection = True
            raise ConnectionResetError
        if fault.status:
            raise _Refused(fault.status, fault.said)

    def _route(self):
        parts = urlsplit(self.path)
        query = dict(parse_qsl(parts.query, keep_blank_values=True, strict_parsing=bool(parts.query)))
        if self.command == "POST" and query == {"uploadType": "multipart"} and (found := uploaded(self, parts.path)):
            self.store.put(*found)
            self._json(self.store.find(*found[:2]).resource)
            return
        if (match := re.fullmatch(r"(/download)?/storage/v1/b/([^/]+)(/o)?(?:/([^/]+))?", parts.path)) is None:
            raise _Refused(400, f"what is {parts.path}?")
        download, bucket, below, name = match.groups()
        if bucket not in self.store.objects:
            raise _Refused(404, "The specified bucket does not exist.")
        if download and name:
            self._media(bucket, unquote(name), _known(query, MEDIA))
        elif below and not name:
            self._list(bucket, _known(query, LISTED))
        elif not below:
            _known(query, BUCKET_SHOWN)
            self._json({"kind": "storage#bucket", "name": bucket, "location": self.store.location})
        else:
            raise _Refused(400, f"what is {parts.path}?")

    def _list(self, bucket, query):
        prefix, delimiter, items, folders = query.get("prefix", ""), query.get("delimiter"), [], []
        for one in self.store.live(bucket):
            if not one.name.startswith(prefix):
                continue
            head, slash, _ = one.name[len(prefix) :].partition(delimiter) if delimiter else ("", "", "")
            folders += [prefix + head + slash] if slash else []
            items += [] if slash else [one.resource]
        start = int(query.get("pageToken", "0"))
        end = start + min(self.store.page, int(query.get("maxResults", "1000")))
        found = {"kind": "storage#objects", "items": items[start:end], "prefixes": sorted(set(folders))}
        if end < len(items):
            found["nextPageToken"] = str(end)
        self._json(_partial({key: value for key, value in found.items() if value}, query.get("fields")))

    def _media(self, bucket, name, query):
        if query.get("alt") != "media":
            raise _Refused(400, "alt=media is missing")
        wanted = query.get("generation")
        stored = self.store.find(bucket, name, int(wanted) if wanted else None)
        if stored is None:
            raise _Refused(404, f"No such object: {bucket}/{name}{f'#{wanted}' if wanted else ''}")
        if query.get("ifGenerationMatch", str(stored.generation)) != str(stored.generation):
            raise _Refused(412, "At least one of the pre-conditions you specified did not hold.")
        headers = {
            "Content-Type": "text/csv",
            "X-Goog-Generation": str(stored.generation),
            "X-Goog-Hash": f"crc32c={stored.crc32c},md5={stored.md5}",
            "X-Goog-Stored-Content-Length": str(len(stored.data)),
            "X-Goog-Stored-Content-Encoding": stored.encoding or "identity",
        }
        if stored.encoding == "gzip" and "gzip" not in self.headers.get("Accept-Encoding", ""):
            self._send(200, gzip.decompress(stored.data), headers)
            return
        if stored.encoding:
            headers["Content-Encoding"] = stored.encoding
        self._ranged(stored.data, headers)

    def _ranged(self, data, headers):
        span = re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("Range", ""))
        if span is None:
            self._send(200, data, headers)
            return
        first, last = int(span[1]), min(int(span[2] or len(data)), len(data) - 1)
        if first >= len(data):
            self._send(416, b"", {"Content-Range": f"bytes */{len(data)}"})
            return
        self._send(206, data[first : last + 1], headers | {"Content-Range": f"bytes {first}-{last}/{len(data)}"})

    def _fail(self, status, said):
        reason = {403: "forbidden", 404: "notFound", 412: "conditionNotMet"}.get(status, "error")
        if self.path.startswith("/download"):  # the service explains these in plain text
            self._send(status, said.encode(), {"Content-Type": "text/plain"})
            return
        error = {"code": status, "message": said, "errors": [{"message": said, "domain": "global", "reason": reason}]}
        self._json({"error": error}, status)

    def _json(self, value, status=200):
        self._send(status, json.dumps(value).encode(), {"Content-Type": "application/json; charset=UTF-8"})

    def _send(self, status, body, headers):
        fault = self.fault if self.fault and status < 400 else None
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if fault and fault.corrupt:
            body = body[:-1] + bytes([body[-1] ^ 1])
        if fault and fault.cut is not None:
            self.close_connection = True
            body = body[: fault.cut]
        self.wfile.write(body)

    def log_message(self, *_):
        pass


def _known(query, names):
    unknown = sorted(set(query) - names)
    if unknown:
        raise _Refused(400, f"this server does not know {', '.join(unknown)}")
    return query


def _partial(found, fields):
    """A partial response: ``items(a,b),nextPageToken`` leaves everything else out."""
    if fields is None:
        return found
    kept = {}
    for key, below in re.findall(r"(\w+)(?:\(([\w,]+)\))?", fields):
        if key in found:
            names = set(below.split(","))
            kept[key] = (
                [{name: one[name] for name in one if name in names} for one in found[key]] if below else found[key]
            )
    return kept
