"""A contract with a sixth column, aliases and a layout, and files of four kinds that follow it."""

from __future__ import annotations

import shutil
from datetime import timedelta
from pathlib import Path

import pipeline

from fees_etl import load
from fees_etl.ingestion import ingest

SQL = Path(__file__).parents[1] / "sql"
REGION = "  - {name: region, type: STRING, aliases: [Sales Region], description: Region of the adviser.}\n"
LAYOUT = """
layouts:
  - files: fees_v2/**
    delimiter: ";"
    date_format: DD/MM/YYYY
    columns: {"Client No": client_id, "Paid": fee_amount}
"""


def extended(folder, *, region=True, layout=True, column=REGION):
    """The bundled project in ``folder`` with one line more in each of three files, and a layout."""
    root = folder / "sql"
    shutil.copytree(SQL, root, dirs_exist_ok=True)
    changes = [("raw/fees.yml", "name: adviser_id,", "name: adviser_id, aliases: [Adviser Ref],")]
    if region:
        changes += [
            ("raw/fees.yml", "  - {name: _source_file", f"{column}  - {{name: _source_file"),
            (
                "staging/stg_fees.sql",
                "{{ cleaned_fee() | indent(8) }},\n",
                "{{ cleaned_fee() | indent(8) }},\n        region,\n",
            ),
            ("staging/stg_fees.sql", "fee_amount\nFROM", "fee_amount,\n    region\nFROM"),
        ]
        with (root / "staging/stg_fees.yml").open("a") as file:
            file.write(column.replace("aliases: [Sales Region], ", "").replace("required_in_file: true, ", ""))
    if layout:
        changes.append(("raw/fees.yml", "columns:\n", f"{LAYOUT.lstrip()}columns:\n"))
    for name, old, new in changes:
        text = (root / name).read_text()
        assert text.count(old) == 1, (name, old)
        (root / name).write_text(text.replace(old, new))
    return load(folder, pipeline.LENIENT)


def written(kind, rows):
    """The bytes of a file of this kind; rows are (client, adviser, date, amount, region)."""
    header, line, end = {
        "plain": ("client_id,client_nino,adviser_id,fee_date,fee_amount", "{0},{5},{1},{2},{3}", "\n"),
        "six": ("region,client_id,client_nino,adviser_id,fee_date,fee_amount", '"{4}",{0},{5},{1},{2},{3}', "\r\n"),
        "alias": ("client_id,client_nino,ADVISER_REF,fee_date,fee_amount,SalesRegion", "{0},{5},{1},{2},{3},{4}", "\n"),
        "layout": ("Client No;client_nino;adviser_id;fee_date;Paid;region", "{0};{5};{1};{6:%d/%m/%Y};{3};{4}", "\n"),
    }[kind]
    lines = [line.format(*row, nino(row[0]), row[2]) for row in rows]
    return (end.join([header, *lines]) + end).encode()


def nino(client):
    return f"QQ{sum(client.encode()):06}A"


class Lake(pipeline.Pipeline):
    """A pipeline over a lake of folders, by a project of its own."""

    def __init__(self, folder, project, **options):
        super().__init__(folder, **options)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.by(project)

    def by(self, project):
        """From now on, by this project."""
        self.project = project
        self.engine.prepare(project.contracts)
        return self

    def put(self, kind, rows, name="a"):
        """A file of this kind, or none where there are no rows."""
        path = self.folder / ("fees_v2" if kind == "layout" else "") / f"{kind}_{name}.csv"
        path.parent.mkdir(parents=True, exist_ok=True)
        if rows:
            path.write_bytes(written(kind, rows) if isinstance(rows, list) else rows)
        else:
            path.unlink(missing_ok=True)
        return path

    def ingest(self, **options):
        self.count += 1
        now = pipeline.NOW + timedelta(hours=self.count)
        source = str(self.folder / "**" / "*.csv")
        return ingest(
            self.project, self.engine, source, run_id=f"test-{self.count}", now=now, allow_withdraw=True, **options
        )

    def staged(self):
        """(client, adviser, date, amount, region) of each staged fee."""
        sql = "SELECT client_id, adviser_id, fee_date, fee_amount, region FROM staging.stg_fees ORDER BY ALL"
        return self.engine.native.execute(sql).fetchall()

    def pending(self):
        """The dates that wait, and the rows that came and went."""
        sql = "SELECT fee_date, rows_added, rows_removed FROM ops.pending ORDER BY ALL"
        return self.engine.native.execute(sql).fetchall()
