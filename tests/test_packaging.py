import os
import re
import shutil
import subprocess
import sys
import tomllib
from importlib.metadata import entry_points
from importlib.resources import files
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
ACTIVATED = {"PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
TINY = (
    "model=prior dataset=synthetic dataset.cases=60 dataset.classes=3 dataset.image_size=32 "
    "statistics.resamples=2000"
)


@pytest.fixture(scope="module")
def project():
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


def configs(folder):
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*.yaml"))


def test_the_list_of_packages_is_the_tree(project):
    source = ROOT / "src"
    folders = {path.parent for path in source.rglob("*.py")}
    found = {folder.relative_to(source).as_posix().replace("/", ".") for folder in folders}

    listed = project["tool"]["setuptools"]["packages"]

    assert listed == sorted(found | {"arogya_bench.conf"})


def test_every_folder_with_code_is_a_package():
    folders = {path.parent for path in (ROOT / "src").rglob("*.py")}

    assert all((folder / "__init__.py").is_file() for folder in folders)


def test_every_file_that_is_no_code_is_package_data(project):
    data = project["tool"]["setuptools"]["package-data"]
    places = {name: ROOT / "src" / name.replace(".", "/") for name in data} | {
        "arogya_bench.conf": ROOT / "conf"
    }
    shipped = {path for name, globs in data.items() for g in globs for path in places[name].glob(g)}

    there = {
        path
        for folder in (ROOT / "src" / "arogya_bench", ROOT / "conf")
        for path in folder.rglob("*")
        if path.is_file() and path.suffix not in (".py", ".pyc")
    }

    assert there == shipped


def test_the_configs_are_found_as_a_package():
    package = files("arogya_bench.conf")

    assert package.joinpath("config.yaml").is_file()
    assert package.joinpath("model", "prior.yaml").is_file()


def test_the_command_is_installed():
    (script,) = entry_points(group="console_scripts", name="arogya-bench")

    assert callable(script.load())


def test_the_constraints_are_names_and_versions_only():
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()

    wrong = [line for line in lines if not re.fullmatch(r"[a-z0-9][a-z0-9._-]*==[\w.!+-]+", line)]

    assert wrong == []
    assert lines == sorted(lines)


def called(*words, cwd, **variables):
    """Run a program of this environment; its output is shown where it fails."""
    ended = subprocess.run(
        [sys.executable, *words],
        cwd=cwd,
        env={**os.environ, **ACTIVATED, "OMP_NUM_THREADS": "1", **variables},
        capture_output=True,
        text=True,
    )
    assert ended.returncode == 0, f"{ended.stdout}\n{ended.stderr}"
    return ended.stdout + ended.stderr


def tree(target):
    """A copy of the working tree, as a fresh checkout would be."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    )
    for name in listed.stdout.splitlines():
        if (ROOT / name).is_file():
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, target / name)
    return target


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """The wheel, built and installed into a folder of its own."""
    copy = tree(tmp_path_factory.mktemp("tree"))
    dist, target = tmp_path_factory.mktemp("dist"), tmp_path_factory.mktemp("installed")
    called("-m", "build", "--wheel", "--no-isolation", "--outdir", str(dist), cwd=copy)
    (wheel,) = dist.glob("*.whl")
    subprocess.run(
        ["uv", "pip", "install", "--quiet", "--no-deps", "--target", str(target), str(wheel)],
        check=True,
        env={**os.environ, **ACTIVATED},
    )
    return target


@pytest.mark.slow
def test_the_wheel_holds_every_config(installed):
    assert configs(installed / "arogya_bench" / "conf") == configs(ROOT / "conf")


@pytest.mark.slow
def test_the_wheel_runs_and_compares_in_another_folder(installed, tmp_path):
    path = str(installed)
    where = called(
        "-c", "import arogya_bench as a; print(a.__file__)", cwd=tmp_path, PYTHONPATH=path
    )

    called(
        "-m",
        "arogya_bench.cli",
        "run",
        "-m",
        *TINY.split(),
        "seed=1,2",
        cwd=tmp_path,
        PYTHONPATH=path,
    )
    shown = called("-m", "arogya_bench.cli", "compare", cwd=tmp_path, PYTHONPATH=path)

    assert where.startswith(path)
    assert "prior" in shown
    assert (tmp_path / "reports" / "report.html").is_file()


@pytest.mark.slow
@pytest.mark.parametrize(("entry", "cells"), [("main", 1), ("sweep", 2)])
def test_mlflow_runs_the_project_and_its_run_is_the_parent(tmp_path, entry, cells):
    from arogya_bench import stores, tracking

    copy = tree(tmp_path / "tree")
    uri = f"sqlite:///{tmp_path}/mlflow.db"
    overrides = TINY if entry == "main" else f"{TINY} seed=1,2"
    chosen = () if entry == "main" else ("--experiment-name", "study")
    words = ("run", ".", "-e", entry, "--env-manager", "local", "-P", f"overrides={overrides}")

    called("-m", "mlflow", *words, *chosen, cwd=copy, MLFLOW_TRACKING_URI=uri)

    store = stores.open_store(uri, chosen[1] if chosen else "Default", create=False)
    found = tracking.search(store, "tags.`arogya.kind` = 'evaluation'")
    (parent,) = {run.tags["mlflow.parentRunId"] for run in found}
    adopted = tracking.get(uri, parent)
    assert [run.status for run in found] == ["FINISHED"] * cells
    assert adopted.tags["mlflow.project.entryPoint"] == entry
    assert adopted.tags["arogya.kind"] == "sweep"
    assert adopted.status == "FINISHED"
    assert adopted.experiment_id == store.experiment_id
