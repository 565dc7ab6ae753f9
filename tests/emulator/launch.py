"""Starts one emulator in its own environment, says ``ready PORT`` on its output, and ends with its input.

    python launch.py [--bare] bigquery FOLDER    gs://bucket/object is FOLDER/bucket/object
    python launch.py storage FOLDER

``--bare`` leaves out what mends.py changes.
"""

from __future__ import annotations

import asyncio
import os
import sys
import threading
from pathlib import Path

BARE = "--bare"


def bigquery(folder: Path, *, bare: bool) -> None:
    """The BigQuery emulator, without GEOGRAPHY: its extension of DuckDB would have to be downloaded."""
    from bqemulator.config import Settings
    from bqemulator.server import EmulatorServer
    from bqemulator.storage.engine import DuckDBEngine

    DuckDBEngine._load_spatial = lambda _: None
    if not bare:
        from mends import mend

        mend()

    async def serve() -> None:
        server = EmulatorServer(
            Settings(rest_port=0, grpc_port=0, gcs_local_root=folder, log_level="error", enable_format_extensions=False)
        )
        await server.start()
        ready(server.rest_port)
        await asyncio.Event().wait()

    asyncio.run(serve())


def storage(folder: Path) -> None:
    """The GCS emulator, on disk; objects are where the BigQuery emulator looks for them."""
    from gcp_storage_emulator.server import create_server

    server = create_server("localhost", 0, in_memory=False, data_dir=str(folder))
    server.start()
    ready(server._api._httpd.server_port)
    threading.Event().wait()


def ready(port: int) -> None:
    """Tell the parent, which reads no further."""
    print(f"ready {port}", flush=True)  # noqa: T201 - the parent reads it
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())


def _until_the_parent_ends() -> None:
    sys.stdin.read()
    os._exit(0)


if __name__ == "__main__":
    threading.Thread(target=_until_the_parent_ends, daemon=True).start()
    kind, place = [word for word in sys.argv[1:] if word != BARE]
    if kind == "bigquery":
        bigquery(Path(place), bare=BARE in sys.argv)
    else:
        storage(Path(place))
