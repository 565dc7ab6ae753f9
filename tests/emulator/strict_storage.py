"""What Cloud Storage does at the wire and the emulator does not: rules for a proxy.

A bucket lies where it was made. A generation that is not the object's is not found: 404. A precondition that does not
hold is refused: 412. Left out: pages of a listing, generations that were replaced, IAM.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from emulator.proxy import Reply, Request

if TYPE_CHECKING:
    from emulator.proxy import Forward

__all__ = ["Storage"]


class Storage:
    """Locations of buckets; generations and preconditions for downloads and uploads."""

    def __init__(self) -> None:
        self.locations: dict[str, str] = {}

    def __call__(self, request: Request, forward: Forward) -> Reply:
        bucket = re.fullmatch(r"/storage/v1/b(?:/([^/]+))?", urlsplit(request.path).path)
        return self._bucket(request, forward, bucket[1]) if bucket else self._object(request, forward)

    def _bucket(self, request: Request, forward: Forward, name: str | None) -> Reply:
        reply = forward(request)
        if request.method == "POST":
            self.locations[request.json["name"]] = request.json.get("location", "US")
        if name not in self.locations or reply.status != 200:
            return reply
        return Reply.of(reply.json | {"location": self.locations[name]})

    def _object(self, request: Request, forward: Forward) -> Reply:
        path, query = urlsplit(request.path).path, request.query
        named = re.fullmatch(r"/(download|upload)?/?(storage/v1/b/[^/]+/o)(?:/(.+))?", path)
        sent = named and re.search(rb'"name": ?"([^"]+)"', request.body[:1000])  # of an upload in one request
        name = named and (named[3] or query.get("name") or (sent and sent[1].decode()))
        is_download = bool(named) and request.method == "GET" and (named[1] == "download" or "alt" in query)
        if not name or not (is_download or {"generation", "ifGenerationMatch"} & query.keys()):
            return forward(request)
        found = forward(Request("GET", f"/{named[2]}/{name}", request.headers))
        current = found.json["generation"] if found.status == 200 else "0"
        if query.get("ifGenerationMatch", current) != current:
            return Reply.error(412, "At least one of the pre-conditions you specified did not hold.")
        if query.get("generation", current) != current:
            return Reply.error(404, f"No such object: generation {query['generation']}")
        reply = forward(request)
        return replace(reply, headers=(*reply.headers, ("X-Goog-Generation", current))) if is_download else reply
