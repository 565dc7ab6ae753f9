"""What a run costs in requests, jobs and logs: counted at the wire, on a warehouse that is prepared."""

from __future__ import annotations

from datetime import date

import pytest
from emulator import product as products
from worlds import charge

MOST = 20
DAY = date(2025, 1, 31)


@pytest.fixture(scope="module")
def prepared(bigquery_url, storage_url, tmp_path_factory):
    with products.product(bigquery_url, storage_url, tmp_path_factory.mktemp("prepared")) as product:
        product.deal({"a.csv": [charge("ann", "x", DAY, "1")]})
        assert product("run").code == 0
        yield product


def counted(product, *args):
    """Requests to BigQuery and to Cloud Storage beyond polling, and the kinds of its jobs, of one command."""
    proxies = (product.google.proxy, product.lake.proxy)
    for proxy in proxies:
        proxy.log.clear()
    product.google.google.jobs.clear()
    assert product(*args).code == 0
    google, storage = (len([entry for entry in proxy.log if not entry.is_poll]) for proxy in proxies)
    jobs = [job.resource["configuration"]["labels"]["kind"] for job in product.google.google.jobs.values()]
    return google, storage, jobs


def test_models_assertions_and_ledger_are_one_job(prepared):
    found = counted(prepared, "run", "--skip-ingest")

    assert found == (4, 0, ["run"])  # columns of all tables, what is pending, the job, its child jobs
    assert sum(found[:2]) <= MOST


def test_an_ingestion_adds_a_load_and_a_script(prepared):
    prepared.deal({"b.csv": [charge("bob", "y", DAY, "2")], "c.csv": [charge("cat", "y", DAY, "3")]})
    google, storage, jobs = counted(prepared, "run")

    assert jobs == ["load", "ingest", "run"]
    assert (google, storage) == (10, 4)  # an upload takes two; in the bucket: where it is, its list, two objects
    assert google + storage <= MOST


def test_requests_to_bigquery_do_not_grow_with_files(prepared):
    google, *_ = counted(prepared, "ingest")
    prepared.deal({f"{number}.csv": [charge(f"c{number}", "y", DAY, "2")] for number in range(10)})

    assert counted(prepared, "ingest")[0] - google == 4  # the upload, the script, its child jobs
