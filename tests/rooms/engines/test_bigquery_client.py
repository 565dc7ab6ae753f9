"""Whose credentials, which endpoint; and that nothing is asked before there is a question."""

from __future__ import annotations

import json
import socket

import pytest
from bigquery import DEV, LOCK, URL, Service, engine_on, served
from google.auth.exceptions import RefreshError
from pipeline import project

from fees_etl import UsageError, connect
from fees_etl.engines.bigquery.jobs import connected
from fees_etl.script import Ask, Record, Script, Step
from fees_etl.types import Table

CLEAR = "DELETE FROM ops.pending WHERE TRUE"
RUN = Script(
    "R1",
    [Step("fees", "merge", (CLEAR,)), Ask("n", "SELECT 1 AS n")],
    Record(Table("ops", "runs"), "INSERT INTO ops.runs (run_id) WITH script AS (@script) SELECT 'R1' FROM script"),
    lock=LOCK,
)


@pytest.fixture
def nobody(monkeypatch, tmp_path):
    """A machine on which nobody has logged in, and whose network must not be asked."""
    for name in ("BIGQUERY_EMULATOR_HOST", "GOOGLE_APPLICATION_CREDENTIALS"):
        monkeypatch.delenv(name, raising=False)
    for name in ("HOME", "CLOUDSDK_CONFIG", "APPDATA"):
        monkeypatch.setenv(name, str(tmp_path))
    monkeypatch.setenv("NO_GCE_CHECK", "true")

    def connect(*_):
        raise AssertionError("the network was asked")

    monkeypatch.setattr(socket.socket, "connect", connect)
    return tmp_path


def test_without_credentials_the_next_step_is_to_log_in(nobody):
    with connect(URL, settings=DEV) as engine, pytest.raises(UsageError) as caught:
        engine.query("SELECT 1 AS n")
    assert caught.value.message.startswith("Google takes no request without credentials: ")
    assert caught.value.published == "Nothing was touched."
    assert caught.value.hint.startswith("gcloud auth application-default login")
    assert caught.value.exit_code == 2


def test_with_credentials_nothing_is_asked_until_there_is_a_question(nobody, monkeypatch):
    login = {"type": "authorized_user", "client_id": "a", "client_secret": "b", "refresh_token": "c"}
    (nobody / "login.json").write_text(json.dumps(login))
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(nobody / "login.json"))
    with connected("p", "europe-west2") as client:
        assert (client.project, client.location) == ("p", "europe-west2")


def test_a_login_that_has_expired_is_a_matter_of_credentials(monkeypatch):
    def expired(*_):
        raise RefreshError("Reauthentication is needed.")

    with engine_on(Service(), monkeypatch) as engine:
        monkeypatch.setattr(engine.client._http.credentials, "before_request", expired)
        with pytest.raises(UsageError, match="Reauthentication is needed"):
            engine.query("SELECT 1 AS n")


@pytest.mark.parametrize("scheme", ["http://", ""])
def test_an_emulator_needs_no_credentials_and_nothing_else_differs(monkeypatch, scheme):
    emulator, google = Service(answers={"rows": [["1"]]}), Service(answers={"rows": [["1"]]})
    with served(emulator) as url:
        monkeypatch.setenv("BIGQUERY_EMULATOR_HOST", scheme + url.removeprefix("http://"))
        with connect(URL, settings=DEV) as engine:
            story(engine)
    with engine_on(google, monkeypatch) as engine:
        engine._contracts.clear()  # which are already known there
        story(engine)
    assert len(emulator.tables) == len(project().contracts)
    assert emulator.tables == google.tables
    assert emulator.requests == google.requests
    assert [job.sql for job in emulator.begun] == [job.sql for job in google.begun]


def story(engine):
    engine.prepare(project().contracts)
    assert engine.query("SELECT 1 AS n").rows == ((1,),)
    engine.transact(RUN)


def test_an_emulator_needs_a_word_on_numbers_too(monkeypatch):
    monkeypatch.setenv("BIGQUERY_EMULATOR_HOST", "localhost:1")
    with connect(URL) as engine, pytest.raises(UsageError, match="Nothing says how National Insurance numbers"):
        engine.prepare(project().contracts)
