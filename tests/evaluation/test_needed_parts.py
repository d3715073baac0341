"""A finished model is evaluated on every case; what learns needs something to learn from, and is told so before."""

from dataclasses import dataclass, replace

import numpy as np
import pytest

from arogya_bench import compare
from arogya_bench.datasets.splits import SplitPolicy
from arogya_bench.errors import ConfigError
from arogya_bench.evaluation.evaluation import run_job
from arogya_bench.evaluation.job import prepare
from arogya_bench.models.gemini import GeminiClassifier
from arogya_bench.models.prior import Prior
from arogya_bench.sweeps.plan import prepare_all
from arogya_bench.tracking.runs import search_runs
from arogya_bench.types import FitReport

EVERY_CASE = SplitPolicy(test=1)


@dataclass(frozen=True, kw_only=True)
class Brightness(Prior):
    """Calls bright images the last class; nothing is fitted."""

    trains = False
    adapter_name = "test_brightness"
    adapter_version = 1
    gain: float = 1.0

    def fit(self, train, validation, *, out, **options):
        (out / "nothing").touch()
        return FitReport()

    def load(self, weights, *, classes, **options):
        def predict(images):
            last = np.array([self.gain * image.mean() / 255 for image in images])
            rest = np.repeat((1 - last)[:, None] / (len(classes) - 1), len(classes) - 1, axis=1)
            return np.column_stack([rest, last])

        return predict


@dataclass(frozen=True, kw_only=True)
class Finder(Brightness):
    adapter_name = "test_finder"
    task = "detection"


@pytest.fixture
def job(job_of):
    return job_of("brightness", Brightness(), split=EVERY_CASE, resamples=2000)


def test_a_finished_model_is_planned_on_every_case(job):
    planned = prepare(job)

    assert [len(part) for part in planned.split.parts.values()] == [0, 0, 60]
    assert "Every one of the 60 cases is a test case (split.test=1)." in planned.gate_report.notes
    assert not planned.gate_report.errors


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"model_name": "prior", "model": Prior()}, "prior is trained, and there is no training case in the split"),
        ({"model_name": "gemini", "model": GeminiClassifier(prompt="{classes}?", shots=2)}, "gemini is trained"),
        ({"calibration": "temperature"}, "calibration=temperature is fitted on validation cases"),
        ({"model": Finder()}, "score threshold of brightness is chosen on validation cases"),
    ],
    ids=["trained", "few-shot", "calibrated", "detector"],
)
def test_what_learns_from_cases_is_refused_where_all_are_tested(job, change, problem):
    with pytest.raises(ConfigError, match=problem) as refusal:
        prepare(replace(job, **change))

    assert "split.train=0.8 split.validation=0.1 split.test=0.1" in refusal.value.fix


def test_jobs_of_one_source_do_not_inherit_the_split_of_another(job):
    first, second = prepare_all([job, replace(job, split=SplitPolicy())])

    assert len(first.dataset.notes) == len(second.dataset.notes) + 1


@pytest.mark.slow
def test_external_validation_is_compared_without_thresholds(job, store):
    run_job(job, store, None)
    run_job(replace(job, model_name="dim", model=Brightness(gain=0.2)), store, None)

    comparison = compare(store.experiment, tracking_uri=store.uri)

    assert sorted(comparison.leaderboard["model"]) == ["brightness", "dim"]
    assert set(comparison.leaderboard["cases"]) == {60}
    locked = comparison.operating_points.query("target != 'default'")
    assert locked["threshold"].isna().all()
    assert locked["note"].str.startswith("no predictions of the validation split").all()
    fits = search_runs(store, "tags.`arogya.kind` = 'fit'")
    assert not any(name.startswith("validation_") for fit in fits for name in fit.metrics)
