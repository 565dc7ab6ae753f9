"""A newcomer's way from nothing to a report of one's own: SQL, YAML and CSV are edited, and no Python."""

from __future__ import annotations

from pathlib import Path

from shells import GOOD, put

SQL = Path("sql/reporting/rpt_adviser_month.sql")
CONTRACT = SQL.with_suffix(".yml")
CASE = Path("tests/models/rpt_adviser_month/first")
REFUNDS = '  - {name: refunds, type: NUMERIC, required: true, minimum: 0, description: "Pounds paid back."}\n'


def edit(path, was, becomes):
    text = path.read_text()
    assert was in text
    path.write_text(text.replace(was, becomes))


def test_a_report_of_ones_own_without_python(shell):
    def done(*args, code=0):
        found, out, err = shell(*args)
        assert found == code, f"{args}\n{out}{err}"
        return " ".join(out.split())

    done("init")
    put("fees.csv", GOOD, "C1,QQ123456A,A1,2025-01-15,-30.00\n")
    assert "PUBLISHED" in done("run", "--source", "lake/*.csv")
    done("init", "--model", "rpt_adviser_month")

    edit(
        SQL,
        "SUM(fee_amount) AS fee_amount",
        "SUM(fee_amount) AS fee_amount,\n    SUM(GREATEST(-fee_amount, 0)) AS refunds",
    )
    CONTRACT.write_text(CONTRACT.read_text().replace("TODO: say what it is.", "Said.") + REFUNDS)
    fees = CASE / "staging.stg_fees.csv"
    fees.write_text(fees.read_text() + "b,a,a,2025-01-31,-30.00\n")
    assert "rpt_adviser_month 1 0" in done("test", "rpt_adviser_month", code=1)
    (CASE / "expect.csv").write_text("adviser_id,fee_month,row_count,fee_amount,refunds\na,2025-01,2,70.00,30.00\n")
    assert "rpt_adviser_month 1 1" in done("test", "rpt_adviser_month")

    done("check")
    assert "rpt_adviser_month" in done("diff", "--project", ".")
    assert "PUBLISHED" in done("run", "--source", "lake/*.csv")
    assert shell.ask("SELECT adviser_id, fee_month, fee_amount::TEXT, refunds::TEXT FROM reporting.rpt_adviser_month ORDER BY 1") == [
        ("A1", "2025-01", "70.000000000", "30.000000000"), ("A2", "2025-02", "50.500000000", "0.000000000"),
    ]  # fmt: skip
    assert "rpt_adviser_month" in done("ls", "rpt_adviser_month", "--output", "odcs")
    assert list(Path().rglob("*.py")) == []
