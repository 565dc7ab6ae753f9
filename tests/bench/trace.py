"""What a trace takes of a generated warehouse: ``python tests/bench/trace.py 1000000 10000000 [--work FOLDER]``.

For each size: one adviser's number down to the lines of files, against the queries of the models that it is made of,
from raw on; and one client's, once the warehouse is open. Medians of several times. Exit 1 when a limit is broken.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

from fees_etl import connect, load
from fees_etl.explain.trace import below, trace
from fees_etl.types import Model, Table

HERE = Path(__file__).resolve().parent
ADVISER, CLIENT = Table("reporting", "rpt_adviser_ltv"), Table("reporting", "rpt_client_ltv")
MOST_TIMES, MOST_SECONDS = 3.0, 1.0


def main() -> int:
    """Print a row per size."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("rows", type=int, nargs="*", default=[1_000_000])
    parser.add_argument("--work", type=Path, help="folder of the warehouses, kept; otherwise a temporary one")
    parser.add_argument("--times", type=int, default=3)
    options = parser.parse_args()
    print(f"{'fees':>12}{'models':>11}{'adviser':>11}{'times':>8}{'lines':>10}{'client':>11}")
    broken = False
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        for rows in options.rows:
            models, adviser, lines, client = measured(rows, options.work or Path(folder), options.times)
            times = adviser / models
            print(f"{rows:>12,}{models:>9.3f} s{adviser:>9.3f} s{times:>8.2f}{lines:>10,}{client:>9.3f} s", flush=True)
            broken |= times > MOST_TIMES or client > MOST_SECONDS
    return int(broken)


def every_cell(model: Model) -> str:
    """A query that works out each column of a model, and gives one row."""
    cells = ", ".join(f"MAX(CAST(made.{name} AS STRING)) AS {name}" for name in model.contract.types)
    return f"SELECT {cells} FROM (\n{model.sql}\n) AS made"


def measured(rows: int, folder: Path, times: int) -> tuple[float, float, int, float]:
    """Seconds of the models' queries, of an adviser's trace with its lines, and of a client's."""
    project = load()
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"trace_{rows}.duckdb"
    if not path.exists():
        make = (sys.executable, str(HERE / "generate.py"), str(rows), str(folder))
        source = subprocess.run(make, check=True, stdout=subprocess.PIPE, text=True).stdout.strip()
        environment = os.environ | {"FEES_ETL_WAREHOUSE": f"duckdb://{path.resolve()}"}
        run = (sys.executable, "-m", "fees_etl", "-q", "run", "--source", source)
        subprocess.run(run, check=True, env=environment, stdout=subprocess.DEVNULL)
    with connect(f"duckdb://{path.resolve()}", read_only=True) as engine:
        engine.prepare(project.contracts, create=False)
        adviser, client = (
            engine.query(f"SELECT MIN({at}) AS first FROM {table}").rows[0][0]
            for at, table in (("adviser_id", ADVISER), ("client_id", CLIENT))
        )
        queries = [every_cell(model) for model in below(project, project.models[ADVISER])]

        def one(made: Table, key: str, value: str, column: str) -> int:
            return len(trace(project, engine, project.contracts[made], {key: value}, column).fees)

        spent: dict[str, list[float]] = {}
        for _ in range(times):
            for name, act in (
                ("models", lambda: [engine.query(sql) for sql in queries]),
                ("adviser", lambda: one(ADVISER, "adviser_id", adviser, "total_client_ltv_6_month")),
                ("client", lambda: one(CLIENT, "client_id", client, "ltv_6_month")),
            ):
                began = time.perf_counter()
                act()
                spent.setdefault(name, []).append(time.perf_counter() - began)
        lines = one(ADVISER, "adviser_id", adviser, "total_client_ltv_6_month")
    return median(spent["models"]), median(spent["adviser"]), lines, median(spent["client"])


if __name__ == "__main__":
    sys.exit(main())
