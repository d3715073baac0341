import os
import re
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
    "model=prior dataset=synthetic dataset.cases=60 dataset.classes=3 dataset.image_size=32 statistics.resamples=2000"
)


@pytest.fixture(scope="module")
def project():
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


def configs(folder):
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*.yaml"))


def test_the_list_of_packages_is_the_tree(project):
    source = ROOT / "src"
    folders = {path.parent for path in source.rglob("*.py")}
    packages = {folder.relative_to(source).as_posix().replace("/", ".") for folder in folders}

    listed = project["tool"]["setuptools"]["packages"]

    assert listed == sorted(packages | {"arogya_bench.conf"})


def test_every_folder_with_code_is_a_package():
    folders = {path.parent for path in (ROOT / "src").rglob("*.py")}

    assert all((folder / "__init__.py").is_file() for folder in folders)


def test_every_file_that_is_no_code_is_package_data(project):
    data = project["tool"]["setuptools"]["package-data"]
    places = {name: ROOT / "src" / name.replace(".", "/") for name in data} | {"arogya_bench.conf": ROOT / "conf"}
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


def test_mlflow_makes_a_new_environment_for_new_versions(project):
    """It keeps environments by the text of python_env.yaml and the constraints in it."""
    from packaging.requirements import Requirement
    from packaging.utils import canonicalize_name

    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    environment = (ROOT / "python_env.yaml").read_text(encoding="utf-8")
    extras = project["project"]["optional-dependencies"]
    needed = [*project["project"]["dependencies"], *extras["torch"], *extras["report"]]

    assert f'".[torch,report]  # {project["project"]["version"]}"' in environment
    assert {canonicalize_name(Requirement(requirement).name) for requirement in needed} <= {
        line.partition("==")[0] for line in lines
    }


def called(*arguments, cwd, **variables):
    """Run a program of this environment; its output is shown if it fails."""
    ended = subprocess.run(
        [sys.executable, *arguments],
        cwd=cwd,
        env={**os.environ, **ACTIVATED, "OMP_NUM_THREADS": "1", **variables},
        capture_output=True,
        text=True,
    )
    assert ended.returncode == 0, f"{ended.stdout}\n{ended.stderr}"
    return ended.stdout + ended.stderr


@pytest.fixture(scope="module")
def installed(tmp_path_factory, checked_out):
    """The wheel, built and installed into a separate folder."""
    copy = checked_out(tmp_path_factory.mktemp("tree"))
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
@pytest.mark.xdist_group("wheel")
def test_the_wheel_holds_every_config(installed):
    assert configs(installed / "arogya_bench" / "conf") == configs(ROOT / "conf")


@pytest.mark.slow
@pytest.mark.xdist_group("wheel")
def test_the_wheel_runs_and_compares_in_another_folder(installed, tmp_path):
    path = str(installed)
    where = called("-c", "import arogya_bench as a; print(a.__file__)", cwd=tmp_path, PYTHONPATH=path)

    called("-m", "arogya_bench.cli.main", "run", "-m", *TINY.split(), "seed=1,2", cwd=tmp_path, PYTHONPATH=path)
    shown = called("-m", "arogya_bench.cli.main", "compare", cwd=tmp_path, PYTHONPATH=path)

    assert where.startswith(path)
    assert "prior" in shown
    assert (tmp_path / "reports" / "report.html").is_file()
