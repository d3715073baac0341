import pytest

POOL = "hydra/launcher=pool"


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
