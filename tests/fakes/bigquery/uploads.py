"""Parquet files that are loaded into tables, each in one piece of a resumable upload."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

import duckdb

from bigquery.wire import Answer, Reply, need, only

PARQUET = {
    "VARCHAR": "STRING", "DATE": "DATE", "DECIMAL(38,9)": "NUMERIC", "BIGINT": "INTEGER",
    "TIMESTAMP WITH TIME ZONE": "TIMESTAMP",
}  # fmt: skip


@dataclass
class Uploads:
    """``gone`` is what another piece of an upload that is complete meets."""

    uploads: dict[str, dict] = field(default_factory=dict)
    gone: int = 404

    def session(self, request):
        only(request.params, "uploadType")
        need(request.params["uploadType"] == "resumable", "no resumable upload")
        sent = request.sent
        known = {"sourceFormat", "writeDisposition", "createDisposition", "destinationTable"}
        load = self.checked(sent, "load", known)
        need(load["writeDisposition"] == "WRITE_APPEND", "a table that is there would be replaced")
        need(load["createDisposition"] == "CREATE_NEVER", "a table without policy tags would be made")
        need(load["sourceFormat"] == "PARQUET", "no Parquet")
        number = str(len(self.uploads) + 1)
        self.uploads[number] = sent
        place = f"http://{request.headers['Host']}/upload/bigquery/v2/projects/p/jobs?uploadType=resumable"
        return Reply(200, {}, {"Location": f"{place}&upload_id={number}"})

    def piece(self, request):
        only(request.params, "uploadType", "upload_id")
        sent = self.uploads.pop(request.params["upload_id"], None)
        if sent is None:
            raise Answer(self.gone, "notFound", "the upload is over")
        size = len(request.body)
        need(request.headers["Content-Range"] == f"bytes 0-{size - 1}/{size}", "not the whole file in one piece")
        job = self.begin(sent)
        job.data = request.body
        job.error = job.error or self.complaint(job)
        return Reply(200, self.shown(job))

    def complaint(self, job):
        """Why a file does not fit into its table."""
        place = job.sent["configuration"]["load"]["destinationTable"]
        name = f"{place['datasetId']}.{place['tableId']}"
        if name not in self.tables:
            return {"reason": "notFound", "message": f"Not found: Table p:{name}"}
        columns = {one["name"]: one for one in self.tables[name]["schema"]["fields"]}
        for column, kind in described(job.data):
            if column not in columns or columns[column]["type"] != PARQUET[kind]:
                return {"reason": "invalid", "message": f"Provided Schema does not match Table p:{name}: {column}"}
            if columns[column]["mode"] == "REQUIRED":  # without a schema, a load takes columns of Parquet for NULLABLE
                return {"reason": "invalid", "message": f"Field {column} has changed mode from REQUIRED to NULLABLE"}
        return None


def described(data):
    """Columns and types of a Parquet file."""
    return [row[:2] for row in parquet(data, "DESCRIBE SELECT * FROM {}")]


def parquet(data, sql):
    """The rows of a query over a Parquet file."""
    with TemporaryDirectory() as folder, duckdb.connect() as native:
        native.execute("SET TimeZone = 'UTC'")
        path = Path(folder, "file.parquet")
        path.write_bytes(data)
        return native.execute(sql.format(f"read_parquet('{path}')")).fetchall()
