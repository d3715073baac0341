"""What is told of a row after its first run counts: its name, and what its weights were fitted on."""

import json
from dataclasses import dataclass, field, replace

import pytest

from arogya_bench import compare
from arogya_bench.evaluation.evaluation import run_job
from arogya_bench.models.prior import Prior
from arogya_bench.sweeps.plan import SweepPlan, finished_cells, prepare_all
from arogya_bench.sweeps.row_facts import declare_training_data, update_reused_runs
from arogya_bench.tracking.runs import FINISHED_EVALUATIONS, search_runs


@dataclass(frozen=True, kw_only=True)
class Pretrained(Prior):
    adapter_name = "test_declared"
    adapter_version = 1
    smoothing: float = 1.0
    trained_on: list[str] = field(default_factory=list, metadata={"identity": False})


@dataclass(frozen=True, kw_only=True)
class Overlapping:
    """A dataset that is said to share images with another."""

    source: object

    def load(self):
        return replace(self.source.load(), overlaps=("isic2019",))


@pytest.fixture
def store(store, job_of):
    """A store in which two rows were evaluated, of which nothing was declared."""
    run_job(hub(job_of), store, None)
    run_job(job_of("hub", Pretrained()), store, None)
    return store


def shared_images(job):
    return replace(job, source=Overlapping(source=job.source))


def hub(job_of, *trained_on):
    return job_of("hub", Pretrained(smoothing=3.0, trained_on=list(trained_on)))


def runs_of(store, name):
    return search_runs(store, f"{FINISHED_EVALUATIONS} and tags.`arogya.model` = '{name}'")


def test_a_row_that_is_declared_after_its_run_is_named_and_cannot_be_recommended(store, job_of, source):
    declare_training_data([hub(job_of, source.load().name.upper())], store)

    comparison = compare("study", tracking_uri=store.uri, variants="all")
    (dataset,) = comparison.about["datasets"]
    named = {finding["code"]: finding["detail"] for finding in dataset["gate_findings"]}
    assert named["AB501"] == "hub (smoothing=3.0)"
    assert "hub (smoothing=3.0) cannot be recommended" in str(list(comparison.verdict["notes"]))
    assert not any("overridden" in caveat for caveat in dataset["caveats"])


def test_a_row_that_is_declared_nothing_of_keeps_what_was_declared(store, job_of, source):
    name = source.load().name
    declare_training_data([hub(job_of, name)], store)
    declare_training_data([hub(job_of)], store)

    (declared,) = [run for run in search_runs(store, FINISHED_EVALUATIONS) if "arogya.trained_on" in run.tags]
    assert json.loads(declared.tags["arogya.trained_on"]) == [name]
    assert "AB501" in declared.tags["arogya.gate_overridden"]


def test_weights_of_related_data_are_a_warning_once_the_data_is_read(store, job_of):
    job = shared_images(job_of("hub", Pretrained(trained_on=["ISIC 2019"])))
    plan = SweepPlan(jobs=prepare_all([job]), finished=finished_cells(store))

    declare_training_data([job], store)
    update_reused_runs(plan, store)

    (declared,) = [run for run in search_runs(store, FINISHED_EVALUATIONS) if "AB501" in run.tags["arogya.gate"]]
    assert declared.tags["arogya.model_config_digest"] == plan.jobs[0].model_config_digest
    assert "arogya.gate_overridden" not in declared.tags


def test_a_renamed_row_has_its_new_name_in_all_its_runs_and_nothing_is_evaluated_again(store, job_of, capsys):
    job = replace(hub(job_of), name="Our <b> [model]")
    plan = SweepPlan(jobs=prepare_all([job]), finished=finished_cells(store))

    update_reused_runs(plan, store)

    (run,) = runs_of(store, "Our <b> [model]")
    assert not plan.pending
    assert run.name == f"Our <b> [model] · clean · seed 42 · {plan.jobs[0].dataset.name}"
    assert run.status == "FINISHED"
    assert "hub is now Our <b> [model]: 1 finished cell renamed." in capsys.readouterr().err
    assert "Our <b> [model]" in set(compare("study", tracking_uri=store.uri, variants="all").leaderboard["model"])
