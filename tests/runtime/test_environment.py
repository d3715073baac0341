import getpass
import json
import platform
import subprocess
from importlib.metadata import version
from pathlib import Path

import pytest

from arogya_bench.runtime import environment
from arogya_bench.runtime.hardware import read_hardware


@pytest.fixture
def repository(tmp_path, monkeypatch):
    """A folder under git with one commit."""
    monkeypatch.chdir(tmp_path)
    environment.git_state.cache_clear()
    (tmp_path / "notes.txt").write_text("one\n", encoding="utf-8")
    author = ("-c", "user.name=Test", "-c", "user.email=test@example.org")
    for words in (("init", "-q"), ("add", "."), (*author, "commit", "-q", "-m", "First")):
        subprocess.run(["git", *words], check=True, cwd=tmp_path)
    yield tmp_path
    environment.git_state.cache_clear()


def head(folder):
    ended = subprocess.run(["git", "rev-parse", "HEAD"], cwd=folder, check=True, capture_output=True, text=True)
    return ended.stdout.strip()


def test_the_code_state_is_the_commit(repository):
    assert environment.git_state() == head(repository)


def test_changes_that_are_not_committed_are_said(repository):
    (repository / "notes.txt").write_text("two\n", encoding="utf-8")

    assert environment.git_state() == f"{head(repository)}+changes"


def test_files_that_git_does_not_know_are_no_changes(repository):
    (repository / "mlflow.db").touch()

    assert environment.git_state() == head(repository)


def test_outside_a_repository_there_is_no_code_state(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    environment.git_state.cache_clear()

    assert environment.git_state() is None

    environment.git_state.cache_clear()


def test_without_git_there_is_no_code_state(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    environment.git_state.cache_clear()

    assert environment.git_state() is None

    environment.git_state.cache_clear()


def test_the_facts_name_the_versions_that_decide_numbers():
    facts = environment.environment_facts()

    assert facts["version"] == version("arogya-bench")
    assert facts["python"] == platform.python_version()
    assert f"numpy=={version('numpy')}" in facts["packages"].split()
    assert facts["cpu"] == read_hardware().processors()
    assert facts["ram"].endswith("GB")


def test_the_environment_lists_every_package():
    packages = json.loads(environment.environment_json())["packages"]

    assert packages["hydra-core"] == version("hydra-core")
    assert list(packages) == sorted(packages)


def test_the_environment_holds_the_hardware():
    assert json.loads(environment.environment_json())["hardware"] == read_hardware().facts()


def test_neither_people_nor_folders_are_named():
    text = environment.environment_json() + json.dumps(dict(environment.environment_facts()))

    assert str(Path.home()) + "/" not in text
    assert f'"{getpass.getuser()}"' not in text
    assert platform.node() not in text
