"""Links name the server on which the pages of a store can be opened."""

import socket
import subprocess
import sys
from contextlib import closing
from dataclasses import replace

import pytest

from arogya_bench.tracking import ui_address
from arogya_bench.tracking.ui_address import find_ui


@pytest.fixture
def listening():
    """A port of this machine on which something answers."""
    with closing(socket.create_server(("127.0.0.1", 0))) as server:
        yield server.getsockname()[1]


@pytest.fixture
def lookalike(tmp_path):
    """Start a process with the command line of ``mlflow ui`` in a folder."""
    started = []

    def start(*words):
        (tmp_path / "mlflow").write_text("import time\nprint(flush=True)\ntime.sleep(60)")
        process = subprocess.Popen([sys.executable, "-S", "mlflow", *words], cwd=tmp_path, stdout=subprocess.PIPE)
        process.stdout.readline()
        started.append(process)

    yield start
    for process in started:
        process.kill()
        process.wait()
        process.stdout.close()


def test_a_server_is_its_own_address_without_the_login(store):
    found = find_ui(replace(store, uri="https://nurse:hush@host:8443/"))

    assert (found.server, found.command) == ("https://host:8443", ())


@pytest.mark.parametrize("words", [("ui", "--port", "5377"), ("server", "-p", "5377"), ("ui", "--port=5377")])
def test_a_running_page_of_the_store_is_found(store, lookalike, words):
    lookalike(*words)

    found = find_ui(store)

    assert (found.server, found.command) == ("http://127.0.0.1:5377", ())


def test_a_running_page_of_another_store_is_not_taken(store, lookalike):
    lookalike("ui", "--port", "5377", "--backend-store-uri", "sqlite:///other.db")

    assert find_ui(store).command[:4] == ("mlflow", "ui", "--backend-store-uri", store.uri)


def test_a_port_that_is_taken_is_not_named(store, listening, monkeypatch):
    monkeypatch.setattr(ui_address, "DEFAULT_PORT", listening)

    found = find_ui(store)

    assert found.server != f"http://127.0.0.1:{listening}"
    assert found.command[-2:] == ("--port", found.server.rpartition(":")[2])


def test_a_database_elsewhere_is_shown_without_its_login(store):
    command = find_ui(replace(store, uri="postgresql://nurse:hush@db/mlflow")).command

    assert command[:4] == ("mlflow", "ui", "--backend-store-uri", "postgresql://db/mlflow")
