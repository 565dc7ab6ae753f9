"""The harness itself, with Google's plain clients: what the emulators answer, what the proxy adds, what it can break."""

from __future__ import annotations

import io
from datetime import date
from decimal import Decimal

import pytest
from emulator.proxy import Fault
from google.api_core import exceptions
from google.cloud.bigquery import LoadJobConfig, QueryJobConfig, SchemaField

CSV = "client,paid_on,amount\nC1,2025-01-31,1.60\nC2,2025-02-01,-0.000000001\n"
FEES = [SchemaField("client", "STRING"), SchemaField("paid_on", "DATE"), SchemaField("amount", "NUMERIC")]
LOAD = LoadJobConfig(schema=FEES, source_format="CSV", skip_leading_rows=1)
MINE = {"job_id": "mine", "job_retry": None}
JOBS = r"/jobs(\?|$)"
SCRIPT = """
DECLARE verdict STRING DEFAULT 'unknown';
DECLARE failing STRING;
BEGIN
  BEGIN TRANSACTION;
  UPDATE ops.lock SET holder = 'me' WHERE TRUE;
  IF (SELECT CAST(COUNT(*) AS STRING) FROM ops.pending) != '{mark}' THEN
    ROLLBACK TRANSACTION;
    SET verdict = 'busy';
  ELSE
    SET @@query_label = 'step:fees';
    MERGE INTO ops.fees AS target
    USING (SELECT client, SUM(amount) AS amount FROM ops.pending GROUP BY client) AS source
    ON target.client = source.client
    WHEN MATCHED THEN UPDATE SET amount = source.amount
    WHEN NOT MATCHED THEN INSERT (client, amount) VALUES (source.client, source.amount);
    DELETE FROM ops.fees AS target
    WHERE NOT EXISTS (SELECT 1 FROM ops.pending AS source WHERE target.client = source.client);
    {boom}
    SET @@query_label = 'step:check';
    SET failing = (SELECT TO_JSON_STRING(ARRAY(
      SELECT AS STRUCT client, CAST(amount AS STRING) AS amount FROM ops.fees WHERE amount < {least} ORDER BY client)));
    SET @@query_label = NULL;
    IF failing != '[]' THEN
      ROLLBACK TRANSACTION;
      INSERT INTO ops.runs (status) VALUES ('rejected');
      SET verdict = 'rejected';
    ELSE
      INSERT INTO ops.runs (status) VALUES ('published');
      COMMIT TRANSACTION;
      SET verdict = 'published';
    END IF;
  END IF;
EXCEPTION WHEN ERROR THEN
  ROLLBACK TRANSACTION;
  RAISE;
END;
SELECT verdict, failing;
"""


@pytest.fixture
def books(bigquery):
    """Tables for the script: two rows wait, one row is published."""
    bigquery.client.create_dataset("ops")
    for sql in (
        "CREATE TABLE ops.lock (holder STRING)",
        "CREATE TABLE ops.pending (client STRING, amount NUMERIC)",
        "CREATE TABLE ops.fees (client STRING, amount NUMERIC)",
        "CREATE TABLE ops.runs (status STRING)",
        "INSERT INTO ops.lock VALUES ('nobody')",
        "INSERT INTO ops.pending VALUES ('C1', NUMERIC '1.60'), ('C1', NUMERIC '0.000000001')",
        "INSERT INTO ops.fees VALUES ('C9', NUMERIC '9')",
    ):
        bigquery.client.query(sql).result()
    bigquery.proxy.log.clear()
    return bigquery


def script(mark=2, boom="", least="0"):
    return SCRIPT.format(mark=mark, boom=boom, least=least)


def tables(warehouse):
    return [warehouse.rows(f"SELECT * FROM ops.{name} ORDER BY 1") for name in ("lock", "fees", "runs")]


BEFORE = [[("nobody",)], [("C9", Decimal(9))], []]
AFTER = [[("me",)], [("C1", Decimal("1.600000001"))], [("published",)]]
REJECTED = [*BEFORE[:2], [("rejected",)]]


class TestEmulators:
    def test_a_csv_goes_through_both(self, bigquery, lake):
        lake.put("in/a.csv", CSV)
        lake.put("in/b.csv", CSV)
        bigquery.client.create_dataset("raw")
        bigquery.client.load_table_from_uri(f"{lake.url}/in/*.csv", "raw.fees", job_config=LOAD).result()
        assert bigquery.rows("SELECT client, paid_on, SUM(amount) FROM raw.fees GROUP BY 1, 2 ORDER BY 1") == [
            ("C1", date(2025, 1, 31), Decimal("3.2")),
            ("C2", date(2025, 2, 1), Decimal("-0.000000002")),
        ]


class TestScript:
    @pytest.mark.parametrize(
        ("options", "verdict", "left"),
        [
            ({}, ("published", "[]"), AFTER),
            ({"mark": 7}, ("busy", None), BEFORE),
            ({"least": 5}, ("rejected", '[{"client":"C1","amount":"1.600000001"}]'), REJECTED),
        ],
    )
    def test_ends_as_it_says(self, books, options, verdict, left):
        assert [tuple(row) for row in books.client.query(script(**options)).result()] == [verdict]
        assert tables(books) == left

    @pytest.mark.parametrize(
        ("boom", "error", "said"),
        [
            ("SELECT ERROR('boom');", exceptions.BadRequest, "boom"),
            ("INSERT INTO ops.runs (status) SELECT CAST(1 / 0 AS STRING);", exceptions.BadRequest, "division by zero"),
            ("INSERT INTO ops.nowhere (status) VALUES ('x');", exceptions.NotFound, "ops.nowhere"),
        ],
    )
    def test_an_error_within_leaves_nothing_and_is_told(self, books, boom, error, said):
        with pytest.raises(error, match=said):
            books.client.query(script(boom=boom)).result()
        assert [entry.method for entry in books.proxy.log] == ["POST"]
        assert tables(books) == BEFORE

    def test_has_child_jobs(self, books):
        books.google.sizes = {"ops.pending": 3}
        job = books.client.query(script())
        job.result()
        found = {
            (child.labels.get("step"), child.statement_type, child.num_dml_affected_rows, child.total_bytes_processed)
            for child in books.client.list_jobs(parent_job=job.job_id)
        }
        assert found == {
            (None, "UPDATE", 1, 0),
            (None, "SELECT", None, 3),
            ("fees", "MERGE", 1, 3),
            ("fees", "DELETE", 1, 3),
            ("check", "SELECT", None, 0),
            (None, "INSERT", 1, 0),
            (None, "SELECT", None, 0),
        }
        assert job.num_child_jobs == 7


class TestStrictness:
    def test_a_job_id_is_used_once(self, books):
        sql = "INSERT INTO ops.runs (status) VALUES ('once')"
        books.client.query(sql, **MINE).result()
        with pytest.raises(exceptions.Conflict, match="Already Exists: Job"):
            books.client.query(sql, **MINE)
        assert books.client.get_job("mine").num_dml_affected_rows == 1
        assert books.rows("SELECT status FROM ops.runs") == [("once",)]

    @pytest.mark.parametrize("size", [1, 40_000], ids=["multipart", "resumable"])
    def test_so_is_that_of_an_upload(self, books, size):
        content = ("client,paid_on,amount\n" + "C1,2025-01-31,1\n" * size).encode()

        def load():
            length = {} if size > 1 else {"size": len(content)}
            return books.client.load_table_from_file(
                io.BytesIO(content), "ops.loaded", job_config=LOAD, job_id="mine", **length
            )

        load().result()
        with pytest.raises(exceptions.Conflict):
            load()
        assert books.client.get_job("mine").state == "DONE"
        assert books.rows("SELECT COUNT(*) FROM ops.loaded") == [(size,)]

    def test_a_job_is_shown_as_it_was_sent(self, books):
        config = QueryJobConfig(labels={"run": "r1"}, maximum_bytes_billed=10**9)
        books.client.query("SELECT 1", job_config=config, **MINE).result()
        job = books.client.get_job("mine")
        assert (job.labels, job.maximum_bytes_billed, job.location) == ({"run": "r1"}, 10**9, "EU")

    def test_a_dry_run_has_bytes_and_does_nothing(self, books):
        books.google.sizes = {"ops.pending": 12_000_000, r"ops.fees\b": 5}
        dry = QueryJobConfig(dry_run=True)
        assert books.client.query(script(), job_config=dry).total_bytes_processed == 12_000_005
        sql = "SELECT * FROM ops.pending"
        job = books.client.query(sql, job_config=dry)
        assert (job.total_bytes_processed, books.google.billed(sql)) == (12_000_000, 12 * 2**20)
        with pytest.raises(exceptions.NotFound):
            books.client.query("SELECT * FROM ops.nowhere", job_config=dry)
        assert tables(books) == BEFORE

    def test_a_limit_refuses_before_anything_is_done(self, books):
        books.google.sizes = {"ops.pending": 12_000_000}
        config = QueryJobConfig(maximum_bytes_billed=12_000_000)
        with pytest.raises(exceptions.InternalServerError, match="bytesBilledLimitExceeded"):
            books.client.query(script(), job_config=config).result()
        assert tables(books) == BEFORE

    def test_a_job_runs_for_some_polls(self, books):
        books.google.polls = 2
        job = books.client.query(script())
        states = [job.state, *(books.client.get_job(job.job_id).state for _ in range(3))]
        assert states == ["RUNNING", "RUNNING", "RUNNING", "DONE"]
        books.google.polls = 0
        assert tables(books) == AFTER

    def test_a_result_waits_for_it(self, books):
        books.google.polls = 3
        assert [row.verdict for row in books.client.query(script()).result()] == ["published"]

    def test_a_cancelled_job_does_nothing(self, books):
        books.google.polls = 100
        job = books.client.query(script())
        job.cancel()
        with pytest.raises(exceptions.GoogleAPICallError, match="cancelled"):
            job.result()
        books.google.polls = 0
        assert tables(books) == BEFORE

    @pytest.mark.parametrize("reason", ["quotaExceeded", "backendError", "rateLimitExceeded", "stopped"])
    def test_a_job_can_fail_for_googles_reasons(self, books, reason):
        books.google.failures = [reason]
        with pytest.raises(exceptions.GoogleAPICallError, match=reason):
            books.client.query(script(), **MINE).result()
        assert books.client.get_job("mine").error_result["reason"] == reason
        assert tables(books) == BEFORE

    def test_so_can_an_upload(self, books):
        books.google.failures = ["quotaExceeded"]
        load = books.client.load_table_from_file(io.BytesIO(CSV.encode()), "ops.loaded", job_config=LOAD)
        with pytest.raises(exceptions.Forbidden):
            load.result()
        with pytest.raises(exceptions.NotFound):
            books.client.get_table("ops.loaded")

    def test_a_job_ends_without_its_client(self, books):
        books.google.polls = 100
        books.client.query(script(), **MINE)
        books.google.finish(books.proxy.forward)
        books.google.polls = 0
        assert books.client.get_job("mine").state == "DONE"
        assert tables(books) == AFTER

    def test_a_query_that_fails_is_an_error_of_its_request(self, books):
        books.google.sizes = {"ops.pending": 12_000_000}
        with pytest.raises(exceptions.NotFound, match="nowhere"):
            books.client.query_and_wait("SELECT * FROM ops.nowhere")
        config = QueryJobConfig(maximum_bytes_billed=12_000_000)
        with pytest.raises(exceptions.BadRequest, match="Query exceeded limit"):
            books.client.query_and_wait("SELECT * FROM ops.pending", job_config=config)
        assert [entry.status for entry in books.proxy.log] == [404, 400]

    def test_a_stale_etag_is_refused(self, books):
        first, second = books.client.get_table("ops.fees"), books.client.get_table("ops.fees")
        first.description, second.description = "first", "second"
        books.client.update_table(first, ["description"])
        with pytest.raises(exceptions.PreconditionFailed):
            books.client.update_table(second, ["description"])
        assert books.client.get_table("ops.fees").description == "first"

    def test_a_bucket_lies_where_it_was_made(self, lake):
        assert lake.bucket.client.get_bucket(lake.bucket.name).location == "EU"

    def test_a_generation_that_was_replaced_is_not_found(self, lake):
        lake.put("a.csv", "old")
        blob = lake.bucket.get_blob("a.csv")
        assert blob.download_as_bytes(if_generation_match=blob.generation) == b"old"
        lake.put("a.csv", "new")
        pinned = lake.bucket.blob("a.csv", generation=blob.generation)
        with pytest.raises(exceptions.NotFound):
            pinned.download_as_bytes()
        with pytest.raises(exceptions.PreconditionFailed):
            lake.bucket.blob("a.csv").download_as_bytes(if_generation_match=blob.generation)
        with pytest.raises(exceptions.PreconditionFailed):
            lake.bucket.blob("a.csv").upload_from_string("newer", if_generation_match=0)
        assert lake.bucket.blob("a.csv").download_as_bytes() == b"new"


class TestFaults:
    @pytest.mark.parametrize(
        "fault",
        [
            Fault("POST", JOBS, status=429),
            Fault("POST", JOBS, status=500),
            Fault("POST", JOBS, status=503),
            Fault("POST", JOBS, status=403, reason="rateLimitExceeded"),
            Fault("POST", JOBS, reset=True),
            Fault("GET", "/jobs/|/queries/", status=503),
            Fault("GET", "/queries/", keep=20),
            Fault("POST", JOBS, seconds=0.2),
        ],
        ids=lambda fault: f"{fault.method} {fault.status or 'reset' if fault.reset else fault.keep or 'slow'}",
    )
    def test_the_client_tries_again(self, books, fault):
        books.proxy.fail(fault)
        assert [row.verdict for row in books.client.query(script()).result()] == ["published"]
        assert [entry.fault for entry in books.proxy.log if entry.fault] == [fault]
        assert tables(books) == AFTER

    @pytest.mark.parametrize("how", [{"reset": True}, {"status": 503}, {"keep": 5}])
    def test_a_lost_reply_leaves_one_job(self, books, how):
        books.proxy.fail(Fault("POST", JOBS, after=True, **how))
        with pytest.raises((exceptions.Conflict, ValueError)):  # a torn reply is not tried again
            books.client.query(script(), **MINE)
        assert [row.verdict for row in books.client.get_job("mine").result()] == ["published"]
        assert tables(books) == AFTER

    @pytest.mark.parametrize(
        ("fault", "error"),
        [
            (Fault("POST", JOBS, status=403), exceptions.Forbidden),
            (Fault("POST", JOBS, status=409), exceptions.Conflict),
            (Fault("POST", JOBS, status=400), exceptions.BadRequest),
        ],
    )
    def test_an_error_for_good_is_not_tried_again(self, books, fault, error):
        books.proxy.fail(fault)
        with pytest.raises(error, match="injected"):
            books.client.query(script(), **MINE).result()
        assert [str(entry).split("/")[-1] for entry in books.proxy.log] == [f"jobs {fault.status} by fault"]
        assert tables(books) == BEFORE

    def test_a_fault_has_its_time_and_its_place(self, books):
        books.proxy.fail(Fault("GET", r"/tables/fees", on=2, times=2, status=404))
        outcomes = []
        for _ in range(4):
            try:
                outcomes.append(books.client.get_table("ops.fees").table_id)
            except exceptions.NotFound:
                outcomes.append("404")
        assert outcomes == ["fees", "404", "404", "fees"]
        assert [entry.status for entry in books.proxy.log] == [200, 404, 404, 200]

    def test_one_kind_of_job_can_be_meant(self, books, lake):
        lake.put("a.csv", CSV)
        books.proxy.fail(Fault("POST", JOBS, '"load"', status=400))
        books.client.query("SELECT 1").result()
        with pytest.raises(exceptions.BadRequest, match="injected"):
            books.client.load_table_from_uri(f"{lake.url}/a.csv", "ops.loaded", job_config=LOAD)

    @pytest.mark.parametrize("fault", [Fault("PUT", "/upload/", status=503), Fault("POST", "/upload/", reset=True)])
    def test_an_upload_is_tried_again(self, books, fault):
        books.proxy.fail(fault)
        books.client.load_table_from_file(io.BytesIO(CSV.encode()), "ops.loaded", job_config=LOAD).result()
        assert books.rows("SELECT COUNT(*) FROM ops.loaded") == [(2,)]
        assert sum(entry.fault is not None for entry in books.proxy.log) == 1

    def test_objects_can_be_hard_to_get(self, lake):
        lake.put("a.csv", CSV)
        lake.proxy.log.clear()
        lake.proxy.fail(Fault("GET", "/o/a.csv", status=503), Fault("GET", "alt=media", on=2, reset=True))
        assert lake.bucket.blob("a.csv").download_as_bytes() == CSV.encode()
        assert [entry.status for entry in lake.proxy.log] == [503, 0, 200]

    def test_requests_are_counted(self, books):
        books.client.query("SELECT 1").result()
        assert [entry.is_poll for entry in books.proxy.log] == [False, True]
        assert [str(entry).replace(books.project, "P") for entry in books.proxy.log] == [
            "POST /bigquery/v2/projects/P/jobs 200",
            f"GET /bigquery/v2/projects/P/queries/{next(reversed(books.google.jobs))} 200",
        ]
