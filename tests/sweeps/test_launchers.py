from pathlib import Path

import pytest
from hydra.types import RunMode

from arogya_bench.configuration.compose import RunRequest, compose_sweep
from arogya_bench.runtime.process import current_process
from arogya_bench.sweeps.launcher_settings import launcher_spec
from arogya_bench.sweeps.launchers import forwarded_environment, output_folder
from arogya_bench.sweeps.worker import RunJob, remove_outputs

POOL = "hydra/launcher=pool"
KEYS = ("GEMINI_API_KEY", "GOOGLE_API_KEY", "OPENAI_API_KEY")


@pytest.mark.parametrize("dry", [(), ("--dry-run",)], ids=["run", "dry-run"])
@pytest.mark.parametrize(
    "words",
    [
        pytest.param(("hydra.launcher.n_jobs=0",), id="setting"),
        pytest.param(("+sweep.resources.prior.n_jobs=0",), id="resources"),
    ],
)
def test_a_pool_without_workers_is_refused(command, tiny, words, dry):
    ended = command("run", "-m", *dry, *tiny, POOL, *words)

    assert (ended.code, ended.left) == (2, [])
    assert "0 workers" in ended.err
    assert "Fix: set AROGYA_WORKERS or hydra.launcher.n_jobs to" in ended.err


@pytest.mark.parametrize("dry", [(), ("--dry-run",)], ids=["run", "dry-run"])
@pytest.mark.parametrize("value", ["0", "two"])
def test_a_variable_that_is_no_number_of_workers_is_refused(command, tiny, monkeypatch, value, dry):
    monkeypatch.setenv("AROGYA_WORKERS", value)

    ended = command("run", "-m", *dry, *tiny, POOL)

    assert (ended.code, ended.left) == (2, [])
    assert value in ended.err
    assert "Fix: set AROGYA_WORKERS or hydra.launcher.n_jobs to" in ended.err


def test_a_setting_that_a_launcher_does_not_have_is_refused(command, tiny):
    ended = command("run", "-m", "--dry-run", *tiny, POOL, "+sweep.resources.prior.gpus=1")

    assert (ended.code, ended.left) == (2, [])
    assert "sweep.resources does not fit this launcher" in ended.err
    assert "arogya-bench run --cfg hydra prints them." in ended.err


def test_a_folder_with_an_apostrophe_is_one_that_hydra_reads(tmp_path, monkeypatch):
    ward = tmp_path / "o'brien's ward"
    ward.mkdir()
    monkeypatch.chdir(ward)
    request = RunRequest(overrides=("model=prior", "hydra/launcher=slurm"))

    with compose_sweep(request) as sweep, output_folder(sweep.config):
        overrides = list(sweep.config.hydra.overrides.hydra)
        again = sweep.loader.load_configuration("config", overrides, RunMode.RUN)
        folder = Path(again.hydra.sweep.dir)
        assert folder.is_dir()

    assert folder.parent == ward / "outputs"
    assert not folder.exists()


def test_what_hydra_wrote_on_another_machine_goes_with_the_last_job(tmp_path):
    jobs = [tmp_path / "arogya-x" / number for number in "01"]
    foreign = tmp_path / "mine" / "0"
    for folder in (*jobs, foreign):
        (folder / ".hydra").mkdir(parents=True)

    remove_outputs(jobs[0])
    assert [folder.exists() for folder in jobs] == [False, True]

    remove_outputs(jobs[1])
    remove_outputs(foreign)
    assert [path.name for path in tmp_path.iterdir()] == ["mine"]


@pytest.mark.parametrize("launcher", ["ray_cluster", "slurm", "pool"])
def test_keys_of_apis_reach_every_job_and_no_description_of_it(launcher, monkeypatch):
    for name in (*KEYS, "AROGYA_API_LEDGER"):
        monkeypatch.setenv(name, f"value of {name}")

    with compose_sweep(RunRequest(overrides=("model=prior", f"hydra/launcher={launcher}"))) as sweep:
        spec = launcher_spec(sweep.config)
        environment = forwarded_environment(spec)
    run_job = RunJob(
        store_uri="sqlite:///mlflow.db",
        parent="",
        owner=current_process(),
        in_child_process=True,
        timeout=None,
        folder=".",
        environment=environment,
    )

    assert spec.inherits_environment or {*KEYS, "AROGYA_API_LEDGER"} <= environment.keys()
    assert "value of" not in repr(run_job)
