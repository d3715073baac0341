"""What a sweep costs while it runs, and a budget that ends it before it is passed."""

import re

import pytest

from arogya_bench.tracking.runs import search_runs
from arogya_bench.tracking.store import open_store

PER_HOUR = 3600  # a USD a second
PRICE = (f"+prices.machines.box={{cpus: 1, memory_gb: 1, per_hour: {PER_HOUR}}}", "prices.machine=box")
MODELS = """
import time
from dataclasses import dataclass

from arogya_bench.models.prior import Prior


@dataclass(frozen=True, kw_only=True)
class Slow(Prior):
    adapter_name = "test_slow"
    adapter_version = 1

    def load(self, weights, *, classes, device):
        predictor = super().load(weights, classes=classes, device=device)

        def predict(images):
            time.sleep(600)
            return predictor(images)

        return predict


@dataclass(frozen=True, kw_only=True)
class Paid(Prior):
    adapter_name = "test_paid_calls"
    adapter_version = 1
    paid = True
"""


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    """A ``--config-dir`` of a model that takes minutes, and one that is paid by the image."""
    folder = tmp_path_factory.mktemp("models")
    (folder / "budget_models.py").write_text(MODELS, encoding="utf-8")
    (folder / "model").mkdir()
    for name in ("Slow", "Paid"):
        text = f"_target_: budget_models.{name}\n"
        (folder / "model" / f"{name.lower()}.yaml").write_text(text, encoding="utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(folder)
        patch.setenv("PYTHONPATH", str(folder))  # of the processes of the jobs
        yield ("--config-dir", str(folder))


def cells(folder):
    store = open_store(f"sqlite:///{folder}/mlflow.db", "study", create=False)
    return [run for run in search_runs(store, "") if run.tags.get("arogya.kind") == "evaluation"]


def cost_of(ended):
    """USD that the sweep says it cost."""
    (line,) = [each for each in ended.err.splitlines() if each.startswith("Cost: ")]
    return float(line.removeprefix("Cost: ").partition(" USD")[0])


def test_each_job_says_what_the_sweep_has_cost_and_will_cost(command, tiny):
    ended = command("run", "-m", *tiny, *PRICE, "seed=1,2,3")

    lines = [line for line in ended.err.splitlines() if line.startswith("✓")]
    so_far = [float(re.search(r"· ([\d.]+) USD so far", line)[1]) for line in lines]
    in_all = [re.search(r"about ([\d.]+) USD in all", line) for line in lines]
    assert ended.code == 0
    assert 0 < so_far[0] < so_far[1] < so_far[2] <= cost_of(ended)
    assert so_far[0] < float(in_all[0][1])
    assert in_all[2] is None
    assert "(box at 3600 USD an hour; AWS EC2 on demand" in ended.err


def test_a_finished_study_costs_nothing_more(command, tiny):
    command("run", *tiny, *PRICE)

    again = command("run", *tiny, *PRICE)

    assert again.code == 0
    assert "Cost: " not in again.err


def test_a_job_that_fits_runs_in_a_process_of_its_own(command, tiny, tmp_path):
    ended = command("run", *tiny, *PRICE, "sweep.budget=600", "sweep.job_timeout=300")

    assert ended.code == 0, ended.err
    assert [run.status for run in cells(tmp_path)] == ["FINISHED"]


def test_a_job_that_would_pass_the_budget_is_not_started(command, models, tiny, tmp_path):
    """5 images at 1 USD each are within a budget of 900; 5 more at 250 each are not, whatever the machine costs."""
    calls = ("+prices.api.prior.per_1k_images=1000", "+prices.api.paid.per_1k_images=250000")

    ended = command("run", "-m", *tiny, *PRICE, *calls, "model=prior,paid", "sweep.budget=900", *models)

    found = {run.tags["arogya.model"]: run for run in cells(tmp_path)}
    assert ended.code == 3
    assert (found["prior"].status, found["paid"].status) == ("FINISHED", "FAILED")
    assert found["paid"].tags["arogya.error"] == "BudgetExceeded"
    assert "The work was not started" in found["paid"].tags["arogya.error_message"]
    assert "Fix: increase sweep.budget=USD" in found["paid"].tags["arogya.error_message"]
    assert "1 cell evaluated, 0 reused, 1 failed." in ended.err
    assert cost_of(ended) < 900


@pytest.mark.slow
@pytest.mark.parametrize("launcher", ["basic", "pool"])
def test_a_running_job_ends_before_the_budget_is_passed(command, models, tiny, tmp_path, launcher, monkeypatch):
    """Each second costs a USD; the model would take ten minutes."""
    monkeypatch.setenv("AROGYA_WORKERS", "1")
    budget = 40

    words = (f"hydra/launcher={launcher}", f"sweep.budget={budget}", "model=slow", "seed=1,2")
    ended = command("run", "-m", *tiny, *PRICE, *words, *models)

    first, second = sorted(cells(tmp_path), key=lambda run: run.tags["arogya.seed"])
    assert ended.code == 3
    assert (first.status, second.status) == ("KILLED", "FAILED")
    assert first.tags["arogya.error"] == second.tags["arogya.error"] == "BudgetExceeded"
    assert "The work was ended" in first.tags["arogya.error_message"]
    assert "The work was not started" in second.tags["arogya.error_message"]
    when_ended = float(re.search(r"would cost ([\d.]+) USD", first.tags["arogya.error_message"])[1])
    assert budget / 2 < when_ended <= budget + 2  # with the five seconds that ending it may take


@pytest.mark.slow
def test_history_keeps_a_job_that_would_take_too_long_from_starting(command, tiny, tmp_path):
    command("run", *tiny, "seed=1")

    ended = command("run", *tiny, "seed=2", "+prices.machines.box={cpus: 1, memory_gb: 1, per_hour: 1e9}",
                    "prices.machine=box", "sweep.budget=1")  # fmt: skip

    assert ended.code == 3
    assert "The work was not started" in ended.err


@pytest.mark.slow
def test_the_same_command_with_a_larger_budget_runs_what_is_missing(command, tiny, tmp_path):
    refused = command("run", *tiny, *PRICE, "sweep.budget=0.01")

    ended = command("run", *tiny, *PRICE, "sweep.budget=600")

    assert (refused.code, ended.code) == (3, 0)
    assert sorted(run.status for run in cells(tmp_path)) == ["FAILED", "FINISHED"]


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        pytest.param(("prices.machine=bax",), "no machine 'bax'", id="unknown-machine"),
        pytest.param(("~prices",), "needs the price of this machine", id="no-list"),
        pytest.param(("model=paid", *PRICE), "no API price of 'paid'", id="unknown-api"),
        pytest.param(("hydra/launcher=slurm", "prices.machine=m7i.large"), "launcher slurm", id="other-machines"),
    ],
)
def test_a_budget_with_an_unknown_price_is_refused_before_any_work(command, models, tiny, words, problem):
    ended = command("run", *tiny, "sweep.budget=5", *words, *models)

    assert (ended.code, ended.left) == (2, [])
    assert problem in ended.err
    assert "Fix: " in ended.err


def test_an_unknown_price_without_a_budget_stops_nothing_and_is_not_0(command, tiny):
    ended = command("run", *tiny, "~prices")

    assert ended.code == 0
    assert "USD" not in ended.err
