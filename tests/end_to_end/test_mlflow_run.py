"""`mlflow run`: every entry point, from a clone and by a git URL, in this environment and uv's."""

import os
import re
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from arogya_bench.tracking.runs import get_run, search_runs
from arogya_bench.tracking.store import open_store

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(1800),  # all commands run in one fixture
    pytest.mark.xdist_group("mlflow_run"),
]
PATH = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
SMALL = (
    "model=prior dataset=synthetic dataset.cases=60 dataset.classes=3 dataset.image_size=32 statistics.resamples=2000"
)
MODELS = {"clone": "prior", "git": "later"}  # the clone is older than the repository
IMAGES = (
    "dataset=image_folder 'dataset.path=my images' dataset.licence=ours gate=warn seed=1 "
    "augmentation=gaussian_noise augmentation.gaussian_noise.severities=[0.1,0.3] "
    "statistics.resamples=2000"
)
STUDY = ("--experiment-name", "study")
ENTRIES = {
    "main": ("-P", f"overrides={IMAGES} model={{model}}"),
    "sweep": (*STUDY, "-P", f"overrides={SMALL} model={{model}} seed=2,3"),
    "compare": (*STUDY, "-P", "test=bootstrap"),
    "report": (*STUDY, "-P", "format=html,pdf", "-P", "out=again"),
}
CELLS = {"main": {("1", "0.1"), ("1", "0.3")}, "sweep": {("2", None), ("3", None)}}
EVALUATIONS = "tags.`arogya.kind` = 'evaluation'"
# Place and manager decide which code runs where, which two entry points show as well as four.
LANES = {
    ("clone", "local"): tuple(ENTRIES),
    ("git", "local"): ("sweep", "compare"),
    ("clone", "uv"): ("sweep", "compare"),
    ("git", "uv"): tuple(ENTRIES),
}
needs_uv = pytest.mark.skipif(shutil.which("uv", path=PATH) is None, reason="uv is not on PATH")


def marked(*values):
    """Parameters of a test, left out where they need uv and it is not there."""
    return pytest.param(*values, marks=needs_uv if "uv" in values else ())


EVERY = [marked(*lane) for lane in LANES]


@dataclass(frozen=True, kw_only=True)
class Ended:
    """What `mlflow run` came to: its exit code, all that it printed, and the run that it made."""

    code: int
    text: str
    run_id: str


@dataclass(frozen=True, kw_only=True)
class Project:
    """The project as a clone, as a repository that others clone, and where MLflow may write."""

    folder: Path

    @property
    def clone(self):
        return self.folder / "clone"

    @property
    def git(self):
        """MLflow takes what exists for a folder; git finds repository.git by this name, too."""
        return f"file://{self.folder}/repository"

    def run(self, place, entry, *words, cwd, manager="local", **variables):
        """Type `mlflow run` in a folder."""
        clones = self.folder / "clones"
        clones.mkdir(exist_ok=True)
        own = {
            "PATH": PATH,
            "TMPDIR": str(clones),
            "MLFLOW_ENV_ROOT": str(self.folder / "envs"),
            "MLFLOW_LOGGING_LEVEL": "INFO",  # MLflow names the run only so
        }
        order = ("run", place, "-e", entry, "--env-manager", manager, *words)
        ended = subprocess.run(
            [sys.executable, "-m", "mlflow", *order],
            cwd=cwd,
            env={**os.environ, **own, **variables},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=600,
        )
        named = re.search(r"with ID '(\w+)'", ended.stdout)
        return Ended(code=ended.returncode, text=ended.stdout, run_id=named.group(1) if named else "")


def git(*words, cwd):
    person = ("-c", "user.name=A", "-c", "user.email=a@example.org")
    subprocess.run(["git", *person, *words], cwd=cwd, check=True, capture_output=True)


def committed(folder):
    git("add", "--all", cwd=folder)
    git("commit", "--quiet", "-m", "Change", cwd=folder)
    git("push", "--quiet", "../repository.git", "HEAD:main", cwd=folder)


@pytest.fixture(scope="module")
def project(tmp_path_factory, checked_out):
    """A repository, and a clone of it that lacks the newest model and its config."""
    folder = tmp_path_factory.mktemp("project")
    git("init", "--quiet", "--bare", "-b", "main", "repository.git", cwd=folder)
    source = checked_out(folder / "source")
    git("init", "--quiet", "-b", "main", cwd=source)
    committed(source)
    git("clone", "--quiet", "repository.git", "clone", cwd=folder)
    models, configs = source / "src" / "arogya_bench" / "models", source / "conf" / "model"
    shutil.copy(models / "prior.py", models / "later.py")
    config = (configs / "prior.yaml").read_text(encoding="utf-8")
    (configs / "later.yaml").write_text(config.replace("models.prior.", "models.later."), encoding="utf-8")
    committed(source)
    yield Project(folder=folder)
    shutil.rmtree(folder / "envs", ignore_errors=True)  # gigabytes


def draw_images(folder):
    rng = np.random.default_rng(0)
    for number in range(40):
        place = folder / "ab"[number % 2]
        place.mkdir(parents=True, exist_ok=True)
        pixels = rng.integers(0, 256, (32, 32, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(place / f"{number}.png")


def lane(project, place, manager):
    """Every entry point in turn; with the URL, MLflow chooses the store."""
    cwd = project.folder / f"ward 7 {place} {manager}"
    draw_images(cwd / "my images")
    source = str(project.clone) if place == "clone" else project.git
    uri = {"MLFLOW_TRACKING_URI": "sqlite:///mlflow.db"} if place == "clone" else {}
    ended = {}
    for entry in LANES[place, manager]:
        given = [each.replace("{model}", MODELS[place]) for each in ENTRIES[entry]]
        ended[entry] = project.run(source, entry, *given, cwd=cwd, manager=manager, **uri)
    return cwd, ended


@pytest.fixture(scope="module")
def lanes(project):
    """Both managers side by side, each with one place after the other: uv's environment is one."""
    managers = ["local", *(["uv"] if shutil.which("uv", path=PATH) else [])]

    def both(manager):
        keys = [key for key in LANES if manager in key]
        return {key: lane(project, *key) for key in keys}

    with ThreadPoolExecutor(2) as pool:
        return {key: each for part in pool.map(both, managers) for key, each in part.items()}


def runs(cwd, experiment, condition):
    store = open_store(f"sqlite:///{cwd}/mlflow.db", experiment, create=False)
    return search_runs(store, condition)


def adopted(cwd, ended):
    return get_run(f"sqlite:///{cwd}/mlflow.db", ended.run_id)


@pytest.mark.parametrize(
    ("place", "manager", "entry"), [marked(*lane, entry) for lane, entries in LANES.items() for entry in entries]
)
def test_every_entry_point_ends_well(lanes, place, manager, entry):
    cwd, ended = lanes[place, manager]

    assert ended[entry].code == 0, ended[entry].text
    run = adopted(cwd, ended[entry])
    assert run.status == "FINISHED"
    assert run.tags["mlflow.project.entryPoint"] == entry


@pytest.mark.parametrize(
    ("place", "manager", "entry"),
    [marked(*lane, entry) for lane, entries in LANES.items() for entry in entries if entry in CELLS],
)
def test_the_run_of_mlflow_becomes_the_sweep(lanes, place, manager, entry):
    cwd, ended = lanes[place, manager]
    experiment = "Default" if entry == "main" else "study"

    found = runs(cwd, experiment, EVALUATIONS)

    assert {run.tags["mlflow.parentRunId"] for run in found} == {ended[entry].run_id}
    cells = {(run.tags["arogya.seed"], run.tags.get("arogya.severity")) for run in found}
    assert cells == CELLS[entry]
    assert {run.status for run in found} == {"FINISHED"}
    assert adopted(cwd, ended[entry]).tags["arogya.kind"] == "sweep"
    assert len(runs(cwd, experiment, "tags.`arogya.kind` = 'sweep'")) == 1


@pytest.mark.parametrize(("place", "manager"), EVERY)
def test_the_comparison_lies_in_mlflow_and_answers_the_run(lanes, place, manager):
    cwd, ended = lanes[place, manager]

    (comparison,) = runs(cwd, "study", "tags.`arogya.kind` = 'comparison'")

    assert comparison.tags["mlflow.parentRunId"] == ended["compare"].run_id
    for entry in ended.keys() & {"compare", "report"}:
        tags = adopted(cwd, ended[entry]).tags
        assert tags["arogya.comparison_run_id"] == comparison.run_id
        assert tags["mlflow.note.content"] == comparison.tags["mlflow.note.content"]


@pytest.mark.parametrize(("place", "manager"), EVERY)
def test_all_files_lie_where_the_command_was_typed(lanes, project, place, manager):
    cwd, ended = lanes[place, manager]

    left = {each.name for each in cwd.iterdir() if not each.name.startswith("mlflow.db")}

    assert left == {"my images", "mlruns", "reports"} | ({"again"} if "report" in ended else set())
    assert (cwd / "reports" / "report.html").is_file()
    assert "report" not in ended or (cwd / "again" / "report.pdf").is_file()
    assert list(project.folder.glob("cl*/**/mlflow.db")) == []
    assert list(project.folder.glob("cl*/**/report.html")) == []


@pytest.mark.parametrize("manager", [marked("local"), marked("uv")])
def test_a_url_brings_its_own_code_and_configs(lanes, manager):
    """The environment holds an older state: MLflow keeps it, and makes a new clone each time."""
    cwd, _ = lanes["git", manager]

    found = runs(cwd, "study", EVALUATIONS)

    assert {run.tags["arogya.model"] for run in found} == {"later"}


def test_a_failed_job_fails_the_run(project, options, tmp_path):
    words = ("-P", f"overrides={SMALL} model._target_=faulty_models.Raising")

    ended = project.run(str(project.clone), "sweep", *words, cwd=tmp_path)

    assert ended.code == 1, ended.text
    assert "the [fan] stopped" in ended.text
    assert adopted(tmp_path, ended).status == "FAILED"
    children = runs(tmp_path, "Default", f"tags.`mlflow.parentRunId` = '{ended.run_id}'")
    assert {run.status for run in children} == {"FAILED"}


def test_a_wrong_override_fails_the_run_with_its_remedy(project, tmp_path):
    words = ("-P", "overrides=model=priorr", "-P", f"folder={tmp_path}")
    uri = f"sqlite:///{tmp_path}/mlflow.db"

    ended = project.run(".", "main", *words, cwd=project.clone, MLFLOW_TRACKING_URI=uri)

    assert ended.code == 1, ended.text
    assert "There is no model 'priorr'. Did you mean 'prior'?" in ended.text
    assert [run.status for run in runs(tmp_path, "Default", "")] == ["FAILED"]
