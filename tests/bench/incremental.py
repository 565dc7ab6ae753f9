"""What a day costs after years of history: ``python tests/bench/incremental.py 1000000 10000000``.

For each size: a warehouse of that many fees, then one new file with one new day, run several times over (each day a day
later). The staging part of those runs must grow with the window, not with history, and their memory stay bounded.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from datetime import date, timedelta
from pathlib import Path
from statistics import median

HERE = Path(__file__).resolve().parent
DAYS = 5
ROWS_A_DAY = 1_000
LIMIT = 1.5
MOST = 1536
"""MiB: the 1 GiB that the warehouse is given here, and a half of that for the process around it."""


def main(sizes: list[int]) -> int:
    """Print a row per size; exit 1 when the largest takes 1.5 times the smallest's staging part, or too much memory."""
    print(f"{'staged rows':>12}{'staging':>11}{'whole run':>12}{'peak':>11}")
    found = []
    for size in sizes:
        with tempfile.TemporaryDirectory(prefix="bench-") as folder:
            found.append(measured(size, Path(folder)))
        staging, whole, peak = found[-1]
        print(f"{size:>12,}{staging:>9.3f} s{whole:>10.3f} s{peak:>7.0f} MiB", flush=True)
    ratio = found[-1][0] / found[0][0]
    peak = max(peak for _, _, peak in found)
    print(f"staging, largest over smallest: {ratio:.2f} (at most {LIMIT}); peak {peak:.0f} MiB (at most {MOST})")
    return int(ratio > LIMIT or peak > MOST)


def measured(size: int, folder: Path) -> tuple[float, float, float]:
    """Medians over some days: seconds of the staging step, seconds of the whole process, MiB at its peak."""
    lake = folder / "lake"
    subprocess.run((sys.executable, str(HERE / "generate.py"), str(size), str(lake)), check=True, capture_output=True)
    run(folder)
    days = []
    for number in range(DAYS):
        write_day(lake, date(2026, 1, 1) + timedelta(days=number))
        days.append(run(folder))
    return tuple(median(values) for values in zip(*days, strict=True))


def write_day(lake: Path, day: date) -> None:
    """One new file of one fee date."""
    rows = (f"new-{n},QQ{n:06}A,{n % 7},{day},{n}.25\n" for n in range(ROWS_A_DAY))
    (lake / f"day_{day}.csv").write_text("client_id,client_nino,adviser_id,fee_date,fee_amount\n" + "".join(rows))


def run(folder: Path) -> tuple[float, float, float]:
    """One ``fees-etl run``: (seconds of stg_fees, seconds of all steps and checks, peak MiB)."""
    command = (sys.executable, "-m", "fees_etl", "-q", "run", "--source", str(folder / "lake"), "--output", "json")
    with (folder / "out.json").open("w") as out:
        process = subprocess.Popen(command, cwd=folder, stdout=out, env=os.environ | {"FEES_ETL_MEMORY": "1GiB"})
        _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"exit {process.returncode}")
    document = json.loads((folder / "out.json").read_text())
    staging = next(step["seconds"] for step in document["steps"] if step["name"] == "stg_fees")
    return staging, document["seconds"], usage.ru_maxrss / 1024


if __name__ == "__main__":
    sys.exit(main([int(size) for size in sys.argv[1:]] or [1_000_000, 10_000_000]))
