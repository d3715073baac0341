"""Fixtures: MLflow stores, small images and small models, created once and copied.

Heavy packages are imported inside the fixtures, so that tests of arrays start without MLflow.
"""

import fcntl
import logging
import os
import shutil
import sqlite3
import subprocess
import sys
from contextlib import chdir, closing, contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass, replace
from functools import partial
from io import StringIO
from pathlib import Path

import numpy as np
import pytest

EXPERIMENT = "study"
PHOTOMETRIC = "arogya_bench.augmentations.photometric"
FUZZ_SEEDS, SOAK_FUZZ_SEEDS = 3, 300
EXAMPLES, SOAK_EXAMPLES = 20, 1_000  # of every Hypothesis test
API_KEYS = ("GEMINI_API_KEY", "GOOGLE_API_KEY", "OPENAI_API_KEY")  # of the person who runs the tests
MLFLOW_VARIABLES = ("MLFLOW_TRACKING_URI", "MLFLOW_EXPERIMENT_NAME", "MLFLOW_RUN_ID", "MLFLOW_EXPERIMENT_ID")


def pytest_addoption(parser):
    parser.addoption("--soak", action="store_true", help="run fuzzing and property tests on many more inputs")


def pytest_configure(config):
    from hypothesis import settings

    examples = SOAK_EXAMPLES if config.getoption("soak") else EXAMPLES
    settings.register_profile("arogya", max_examples=examples, deadline=None)
    settings.load_profile("arogya")


def pytest_generate_tests(metafunc):
    if "fuzz_seed" in metafunc.fixturenames:
        seeds = SOAK_FUZZ_SEEDS if metafunc.config.getoption("soak") else FUZZ_SEEDS
        metafunc.parametrize("fuzz_seed", range(seeds))


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items):
    """Mark property tests as fuzzing before pytest selects tests by their marks."""
    for item in items:
        if getattr(getattr(item, "obj", None), "is_hypothesis_test", False):
            item.add_marker(pytest.mark.fuzz)


@pytest.fixture(scope="session")
def shared(tmp_path_factory):
    """A folder that all workers of this session share."""
    base = tmp_path_factory.getbasetemp()
    return base.parent if "PYTEST_XDIST_WORKER" in os.environ else base


@pytest.fixture(scope="session", autouse=True)
def isolated_environment(shared):
    """Hide the store and the cache of the person who runs the tests."""
    from arogya_bench.runtime.threads import THREAD_VARIABLES

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AROGYA_CACHE", str(shared / "cache"))
        patch.setenv("AROGYA_API_LEDGER", str(shared / "api_ledger.sqlite"))
        # As many workers as processors run at once. TensorFlow fixes the number of threads once in
        # a process, so a fit that is called directly must use the number that jobs use.
        for name in ("AROGYA_THREADS", *THREAD_VARIABLES):
            patch.setenv(name, "1")
        for name in (*MLFLOW_VARIABLES, *API_KEYS):
            patch.delenv(name, raising=False)
        yield


@pytest.fixture(autouse=True)
def threads_restored():
    """Restore the number of threads, which TensorFlow fixes once in a process."""
    from arogya_bench.runtime.threads import THREAD_VARIABLES

    before = {name: os.environ.get(name) for name in THREAD_VARIABLES}
    yield
    for name, value in before.items():
        if value is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = value


def once(folder, build):
    """Build a folder in one worker while the others wait."""
    with folder.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / "ready").exists():
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir()
            build(folder)
            (folder / "ready").touch()
    return folder


def transplanted(source, target):
    """Copy a SQLite store with its artifacts, whose absolute paths MLflow stores."""
    target.mkdir(exist_ok=True)
    if (source / "mlruns").exists():
        shutil.copytree(source / "mlruns", target / "mlruns")
    with (
        closing(sqlite3.connect(source / "mlflow.db")) as before,
        closing(sqlite3.connect(target / "mlflow.db")) as after,
    ):
        before.backup(after)
        move = (str(source), str(target))
        after.execute("UPDATE experiments SET artifact_location = replace(artifact_location, ?, ?)", move)
        after.execute("UPDATE runs SET artifact_uri = replace(artifact_uri, ?, ?)", move)
        after.execute("UPDATE logged_models SET artifact_location = replace(artifact_location, ?, ?)", move)
        after.commit()
    return opened(target)


@pytest.fixture(scope="session", name="transplanted")
def _transplanted():
    """Copy a store into a folder."""
    return transplanted


def opened(folder):
    from arogya_bench.tracking.store import open_store

    return open_store(f"sqlite:///{folder}/mlflow.db", EXPERIMENT, create=True)


@pytest.fixture(scope="session")
def empty_store_folder(shared):
    """A store without runs, to be copied: MLflow takes seconds to create one."""
    return once(shared / "empty-store", opened)


@pytest.fixture(scope="session")
def study_folder(shared, empty_store_folder, job_of):
    """The store of a finished sweep: two models, clean and two severities of noise."""
    from arogya_bench.evaluation import evaluation
    from arogya_bench.models.opencv import OpenCVClassifier
    from arogya_bench.tracking.runs import finish_run, start_run

    def build(folder):
        store = transplanted(empty_store_folder, folder)
        sweep = start_run(store, "sweep", {"arogya.kind": "sweep"})
        evaluation.run_job(job_of(noise=(0.1, 0.3)), store, sweep)
        opencv = job_of("opencv", OpenCVClassifier(image_size=32), noise=(0.1, 0.3))
        evaluation.run_job(opencv, store, sweep)
        finish_run(store, sweep)

    return once(shared / "study", build)


@pytest.fixture(scope="session")
def finished(study_folder):
    """The store of the finished sweep, for reading only."""
    return opened(study_folder)


@pytest.fixture
def store(empty_store_folder, tmp_path):
    """A store of this test alone, without runs."""
    return transplanted(empty_store_folder, tmp_path)


@pytest.fixture
def study(study_folder, tmp_path):
    """A copy of the finished sweep that this test may modify."""
    return transplanted(study_folder, tmp_path)


@pytest.fixture(scope="session")
def comparison(study_folder):
    """The comparison of the finished sweep, for reading only."""
    from arogya_bench import compare

    return compare(EXPERIMENT, tracking_uri=f"sqlite:///{study_folder}/mlflow.db")


@pytest.fixture(scope="session")
def source():
    """Sixty synthetic images of three classes."""
    from arogya_bench.datasets.synthetic import Synthetic

    return Synthetic(cases=60, classes=3, image_size=32)


@pytest.fixture(scope="session")
def noisy():
    """Build conditions: clean, unless excluded, and noise of the given severities."""
    from arogya_bench.augmentations.conditions import AugmentationSpec, expand_conditions

    def build(*severities, clean=True):
        noise = AugmentationSpec(function=f"{PHOTOMETRIC}.gaussian_noise", severities=list(severities))
        specs = {
            **({"clean": AugmentationSpec(function=f"{PHOTOMETRIC}.clean")} if clean else {}),
            **({"gaussian_noise": noise} if severities else {}),
        }
        return expand_conditions(specs)

    return build


@pytest.fixture(scope="session")
def job_of(source, noisy):
    """Build a job on the synthetic images; any field can be changed."""
    from arogya_bench.datasets.splits import SplitPolicy
    from arogya_bench.evaluation.job import Job
    from arogya_bench.models.prior import Prior
    from arogya_bench.types import Training

    def build(name="prior", model=None, *, noise=(), clean=True, **changes):
        job = Job(
            model_name=name,
            model=model or Prior(),
            source=source,
            training_name="standard",
            training=Training(),
            conditions=noisy(*noise, clean=clean),
            split=SplitPolicy(train=0.5, validation=0.2, test=0.3),
            seed=42,
            device="cpu",
            limit=None,
            batch_size=8,
            resamples=10_000,
            resume=True,
            tracking_uri=None,
            experiment=EXPERIMENT,
            threads=1,
            config={"model": {"name": name}, "tracking": {"uri": None}, "seed": 42},
        )
        return replace(job, **changes)

    return build


@pytest.fixture(scope="session")
def checked_out():
    """Copy the working tree into a folder, as a fresh checkout would be."""
    root = Path(__file__).parents[1]

    def build(target):
        command = ("git", "ls-files", "--cached", "--others", "--exclude-standard")
        listed = subprocess.run(command, cwd=root, check=True, capture_output=True, text=True)
        for name in listed.stdout.splitlines():
            if (root / name).is_file():
                (target / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(root / name, target / name)
        return target

    return build


@dataclass(frozen=True, kw_only=True)
class Roster:
    """A dataset of ids whose images are noise: enough to log made-up predictions."""

    patients: int = 60
    visits: int = 2
    name: str = "roster"
    digest: str = "0" * 32

    def load(self):
        from arogya_bench.types import Case, Dataset

        return Dataset(
            name=self.name,
            task="classification",
            classes=("benign", "malignant", "other"),
            cases=tuple(
                Case(
                    case_id=f"c{patient:03}-{visit}",
                    group_id=f"p{patient:03}",
                    target=patient % 3,
                    metadata={"site": "arm" if patient % 2 else "leg"},
                )
                for patient in range(self.patients)
                for visit in range(self.visits)
            ),
            grouped=self.visits > 1,
            digest=self.digest,
            licence="CC0-1.0",
            source="made up by a test",
            version="1",
            read=noise,
        )


def noise(case):
    """A different image for every case, since the gate rejects copies."""
    rng = np.random.default_rng(list(case.case_id.encode()))
    return rng.integers(0, 256, (32, 32, 3), dtype=np.uint8)


@pytest.fixture(scope="session")
def roster():
    """Build a dataset of ids."""
    return Roster


@pytest.fixture(scope="session")
def guessed():
    """Make up predictions; with more skill, the true class is more probable."""
    from arogya_bench.types import Predictions

    def build(cases, *, skill, seed=0):
        noise = np.random.default_rng(seed).normal(size=(len(cases), len(cases.classes)))
        odds = np.exp(noise + skill * np.eye(len(cases.classes))[cases.targets])
        return Predictions(
            classes=cases.classes,
            case_ids=tuple(case.case_id for case in cases.cases),
            group_ids=tuple(case.group_id for case in cases.cases),
            targets=cases.targets,
            probabilities=odds / odds.sum(axis=1, keepdims=True),
        )

    return build


@pytest.fixture
def logged(store, job_of, guessed):
    """Log made-up predictions as the evaluations of a job, with all that a comparison reads."""
    from arogya_bench.datasets.splits import SplitPolicy
    from arogya_bench.evaluation.job import prepare
    from arogya_bench.evaluation.run_items import cell_tags, job_params
    from arogya_bench.scoring.label_table import predictions_to_table
    from arogya_bench.tracking.items import Params, ParquetTable
    from arogya_bench.tracking.runs import finish_run, start_run, write_items

    def build(name, *, skill=1.0, draw=0, status="FINISHED", tags=(), **fields):
        split = SplitPolicy(train=0.2, validation=0.2, test=0.6)
        planned = prepare(job_of(name, **{"source": Roster(), "split": split, **fields}))
        runs = []
        for condition in planned.job.conditions:
            predictions = guessed(planned.split.test, skill=skill, seed=draw)
            table = ParquetTable(file="predictions.parquet", rows=predictions_to_table(predictions))
            run_id = start_run(store, name, {**cell_tags(planned, condition), **dict(tags)})
            if status == "FINISHED":
                write_items(store, run_id, [Params(values=job_params(planned)), table])
            finish_run(store, run_id, status)
            runs.append(run_id)
        return runs[0]

    return build


@dataclass(frozen=True, kw_only=True)
class Ended:
    """Result of a command: its exit code, its output, and the files that it added."""

    code: int
    out: str
    err: str
    left: list[str]


@contextmanager
def logging_kept():
    """Remove the handlers that Hydra adds to the root logger, with their open files."""
    root = logging.getLogger()
    before, level = list(root.handlers), root.level
    # Hydra's logging configuration closes every handler; that of TensorFlow would close the
    # stream with which pytest captures output.
    if absl := sys.modules.get("absl.logging"):
        absl.get_absl_handler().python_handler.setStream(sys.__stderr__)
    yield
    for handler in set(root.handlers) - set(before):
        handler.close()
    root.handlers[:] = before
    root.setLevel(level)


def command_in(folder, *words):
    from arogya_bench.cli.main import main

    before = set(folder.iterdir())
    with chdir(folder), logging_kept(), redirect_stdout(StringIO()) as out, redirect_stderr(StringIO()) as err:
        try:
            code = main(words)
        except SystemExit as end:  # argparse
            code = end.code
    left = sorted(path.name for path in set(folder.iterdir()) - before)
    return Ended(code=code, out=out.getvalue(), err=err.getvalue(), left=left)


@pytest.fixture(scope="session", name="command_in")
def _command_in():
    """Run the command line in a folder, in this process."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("COLUMNS", "200")
        yield command_in


@pytest.fixture
def command(command_in, tmp_path):
    """Run the command line in the folder of this test."""
    return partial(command_in, tmp_path)


@pytest.fixture(scope="session")
def tiny():
    """Overrides for a job that takes a second."""
    return (
        "model=prior",
        "dataset=synthetic",
        "dataset.cases=60",
        "dataset.classes=3",
        "dataset.image_size=32",
        "statistics.resamples=2000",
        f"tracking.experiment={EXPERIMENT}",
    )


FAULTY = """
import multiprocessing
import sys
import time
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from arogya_bench.models.prior import Prior


@dataclass(frozen=True, kw_only=True)
class Raising(Prior):
    adapter_name = "test_raising"
    adapter_version = 1

    def fit(self, *args, **named):
        raise RuntimeError("the [fan] stopped" + chr(10) + "and smoked")


@dataclass(frozen=True, kw_only=True)
class NotNumbers(Prior):
    adapter_name = "test_not_numbers"
    adapter_version = 1

    def load(self, weights, *, classes, device):
        return lambda images: np.full((len(images), len(classes)), np.nan)


@dataclass(frozen=True, kw_only=True)
class Leaving(Prior):
    adapter_name = "test_leaving"
    adapter_version = 1

    def fit(self, *args, **named):
        sys.exit("no licence")


@dataclass(frozen=True, kw_only=True)
class Spoiling(Prior):
    adapter_name = "test_spoiling"
    adapter_version = 1
    cache: str = ""

    def fit(self, *args, **named):
        next(Path(self.cache).rglob("*.png")).unlink()
        raise RuntimeError("the disk failed")


@dataclass(frozen=True, kw_only=True)
class Collapsing(Prior):
    adapter_name = "test_collapsing"
    adapter_version = 1

    def load(self, weights, *, classes, device):
        steps = super().load(weights, classes=classes, device=device)

        def forward(inputs):
            if multiprocessing.parent_process():  # of a measurement; the launcher basic starts no process
                raise ValueError("the network collapsed")
            return steps.forward(inputs)

        return replace(steps, forward=forward)


@dataclass(frozen=True, kw_only=True)
class Keyed(Prior):
    adapter_name = "test_keyed"
    adapter_version = 1
    api_key: str = ""


@dataclass(frozen=True, kw_only=True)
class Telling(Prior):
    adapter_name = "test_telling"
    adapter_version = 1
    api_key: str = ""

    def fit(self, *args, **named):
        raise RuntimeError(f"401 for the key {self.api_key}")


@dataclass(frozen=True, kw_only=True)
class Slow(Prior):
    adapter_name = "test_slow"
    adapter_version = 1

    def fit(self, *args, **named):
        Path("fitting").touch()
        time.sleep(120)
"""


@pytest.fixture(scope="session")
def options(tmp_path_factory):
    """A ``--config-dir`` with adapters of an importable user module."""
    folder = tmp_path_factory.mktemp("options")
    (folder / "faulty_models.py").write_text(FAULTY, encoding="utf-8")
    (folder / "model").mkdir()
    for name in ("Raising", "NotNumbers", "Leaving", "Spoiling", "Slow", "Keyed", "Telling", "Collapsing"):
        text = f"_target_: faulty_models.{name}\n"
        (folder / "model" / f"{name.lower()}.yaml").write_text(text, encoding="utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(folder)
        patch.setenv("PYTHONPATH", str(folder))
        yield folder


@pytest.fixture(scope="session")
def fault_models(tmp_path_factory):
    """A ``--config-dir`` of models that are slow, hang, kill their process or need too much memory."""
    from real_sweeps import written

    return written(tmp_path_factory.mktemp("models"))


@pytest.fixture
def at_work(fault_models, tmp_path):
    """Start the command in the folder of this test; it is killed at the end of the test."""
    from real_sweeps import cleared, started

    running = []

    def start(*words, folder=tmp_path, **named):
        running.append(started(*words, models=fault_models, folder=folder, **named))
        return running[-1]

    yield start
    for process in running:
        cleared(process)


@pytest.fixture(scope="session")
def s3():
    """An empty bucket of an S3 server in this process, whose address is in the environment."""
    moto = pytest.importorskip("moto.server")
    boto3 = pytest.importorskip("boto3")
    server = moto.ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    settings = {
        "MLFLOW_S3_ENDPOINT_URL": f"http://{host}:{port}",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_EC2_METADATA_DISABLED": "true",  # no request for keys leaves this machine
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "AWS_CONFIG_FILE": os.devnull,
    }
    with pytest.MonkeyPatch.context() as patch:
        for name, value in settings.items():
            patch.setenv(name, value)
        client = boto3.client(
            "s3", endpoint_url=settings["MLFLOW_S3_ENDPOINT_URL"], aws_access_key_id="any", aws_secret_access_key="any"
        )
        client.create_bucket(Bucket="studies")
        yield client
    server.stop()


@pytest.fixture
def slurm(tmp_path):
    """A stand-in for Slurm for this test; its tasks are killed at the end of the test."""
    from slurm_stand_in import opened

    stand_in = opened(tmp_path / "slurm")
    yield stand_in
    stand_in.close()
