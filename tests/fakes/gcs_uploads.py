"""The upload of an object in one request of two parts, as the client of Cloud Storage sends it."""

from __future__ import annotations

import json
import re
from email import message_from_bytes

__all__ = ["uploaded"]


def uploaded(request, path):
    """Store what a request brings; the bucket, the name and the bytes, or nothing where it is no upload."""
    bucket = re.fullmatch(r"/upload/storage/v1/b/([^/]+)/o", path)
    head = f"Content-Type: {request.headers['Content-Type']}\r\n\r\n".encode()
    body = request.rfile.read(int(request.headers["Content-Length"]))
    said, content = message_from_bytes(head + body).get_payload()
    name = json.loads(said.get_payload())["name"]
    return bucket and (bucket[1], name, content.get_payload(decode=True))
