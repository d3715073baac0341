import os
import sys
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from arogya_bench.cli import doctor
from arogya_bench.errors import install_command
from arogya_bench.runtime.hardware import read_hardware


@pytest.fixture
def here(tmp_path, monkeypatch):
    """Stand in the folder of this test."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_a_sound_installation_is_code_0(command):
    ended = command("doctor")

    assert ended.code == 0, ended.out
    assert "arogya-bench doctor" in ended.out
    assert "problem" not in ended.out


def test_looking_makes_no_files(command):
    assert command("doctor").left == []


def test_a_store_that_is_no_database_is_wrong(command, tmp_path):
    (tmp_path / "mlflow.db").write_text("a diary", encoding="utf-8")

    ended = command("doctor")

    assert ended.code == 2
    assert "problem" in ended.out
    assert "MLflow store" in ended.out


def test_every_extra_is_looked_at(here):
    states = {each.component: each.state for each in doctor.run_checks()}

    assert {f"extra {name}" for name in doctor.EXTRAS} <= set(states)
    assert set(states.values()) <= {"ok", "absent", "wrong"}


def test_the_hardware_is_described(here):
    details = {each.component: each.detail for each in doctor.run_checks()}

    assert details["hardware"] == read_hardware().describe()
    for name in ("governor", "temperature", "energy", "GPU"):
        assert name in details["measurement"]


def test_an_extra_that_is_absent_says_how_to_install_it():
    finding = doctor._check_extra("dicom", ("no_such_module", "no.such.package"))

    assert (finding.state, finding.detail) == ("absent", install_command("dicom"))


def test_an_extra_that_is_there_is_ok():
    assert doctor._check_extra("report", ("json",)).state == "ok"


def test_the_licence_of_ultralytics_is_said():
    assert "AGPL-3.0" in doctor._check_extra("yolo", ("json",)).detail


def test_the_extras_are_those_of_the_package():
    from importlib.metadata import metadata

    known = set(metadata("arogya-bench").get_all("Provides-Extra"))

    assert set(doctor.EXTRAS) == known - {"all", "dev"}


def test_a_store_that_is_not_there_yet_is_ok(here):
    finding = doctor._check_store()

    assert finding.state == "ok"
    assert finding.detail == f"sqlite:///{here}/mlflow.db, created by the first run"


def test_a_store_counts_its_experiments(store, here):
    assert doctor._check_store().detail.endswith("2 experiments")


def test_a_store_in_a_folder_that_cannot_be_written_is_wrong(here):
    (here / "mlruns").write_text("in the way", encoding="utf-8")

    assert doctor._check_store().state == "wrong"


def test_a_server_that_is_not_there_is_wrong(here, monkeypatch):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://nurse:hush@127.0.0.1:9")

    finding = doctor._check_store()

    assert finding.state == "wrong"
    assert "hush" not in finding.detail


class NoExperiments(BaseHTTPRequestHandler):
    """A tracking server that holds nothing."""

    def do_POST(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b'{"experiments": []}')

    def do_GET(self):
        self.do_POST()

    def log_message(self, *args):
        pass


def test_the_password_of_a_server_that_answers_is_not_shown(here, monkeypatch):
    with HTTPServer(("127.0.0.1", 0), NoExperiments) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        place = f"127.0.0.1:{server.server_port}"
        monkeypatch.setenv("MLFLOW_TRACKING_URI", f"http://nurse:hush@{place}")

        finding = doctor._check_store()

        server.shutdown()
    assert (finding.state, finding.detail) == ("ok", f"http://{place}, 0 experiments")


def test_a_cache_that_is_not_there_yet_is_ok(here, monkeypatch):
    monkeypatch.setenv("AROGYA_CACHE", str(here / "not" / "yet"))

    assert doctor._check_cache().state == "ok"
    assert not (here / "not").exists()


def test_a_cache_that_cannot_be_written_is_wrong(here, monkeypatch):
    (here / "file").touch()
    monkeypatch.setenv("AROGYA_CACHE", str(here / "file" / "cache"))

    assert doctor._check_cache().state == "wrong"


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_without_the_right_to_write_is_wrong_for_all_but_root(here, monkeypatch):
    here.chmod(0o500)
    monkeypatch.setenv("AROGYA_CACHE", str(here))

    assert doctor._check_cache().state == "wrong"


@pytest.fixture
def only(tmp_path, monkeypatch):
    """Let only the distributions named be installed."""

    def install(*names):
        for name in names:
            folder = tmp_path / f"{name.replace('-', '_')}-4.11.0.dist-info"
            folder.mkdir()
            text = f"Metadata-Version: 2.1\nName: {name}\nVersion: 4.11.0\n"
            (folder / "METADATA").write_text(text, encoding="utf-8")
        monkeypatch.setattr(sys, "path", [str(tmp_path)])

    return install


def test_one_opencv_is_ok(only):
    only("opencv-python-headless")

    finding = doctor._check_opencv()

    assert (finding.state, finding.detail) == ("ok", "opencv-python-headless 4.11.0")


def test_two_opencvs_are_wrong(only):
    only("opencv-python", "opencv-python-headless")

    finding = doctor._check_opencv()

    assert finding.state == "wrong"
    assert "pip uninstall opencv-python-headless" in finding.detail


def test_no_opencv_is_wrong(only, monkeypatch):
    only()
    monkeypatch.setitem(sys.modules, "cv2", None)

    assert doctor._check_opencv().state == "wrong"


def test_keys_of_apis_are_named_and_never_shown(monkeypatch):
    for name in ("GEMINI_API_KEY", "GOOGLE_API_KEY", "OPENAI_API_KEY"):
        monkeypatch.delenv(name, raising=False)
    assert doctor._check_api_keys() == ("API keys", "ok", "none; model=gemini needs GEMINI_API_KEY")

    monkeypatch.setenv("GEMINI_API_KEY", "secret-of-a-test")
    monkeypatch.setenv("OPENAI_API_KEY", "another-secret")
    assert doctor._check_api_keys().detail == "GEMINI_API_KEY, OPENAI_API_KEY (set, not checked)"

    monkeypatch.setenv("GOOGLE_API_KEY", "a-different-secret")
    finding = doctor._check_api_keys()
    assert finding.state == "wrong"
    assert "secret" not in finding.detail
