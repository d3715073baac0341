import pytest

from arogya_bench.analysis.options import AnalysisOptions
from arogya_bench.comparison.blocks import ComparableRuns
from arogya_bench.comparison.loading import load_evaluations
from arogya_bench.comparison.logged_intervals import METHOD
from arogya_bench.comparison.selection import Selection
from arogya_bench.comparison.studies import build_study
from arogya_bench.scoring.scores import compute_scores
from arogya_bench.tracking.items import Scalars, Tags
from arogya_bench.tracking.runs import write_items
from arogya_bench.tracking.tags import RESAMPLING_DIGEST

RESAMPLES = 2000
METRIC, OTHER = "f1_macro", "accuracy"


@pytest.fixture
def read_block(store):
    def read() -> ComparableRuns:
        (block,) = load_evaluations(store, selection=Selection(), resamples=RESAMPLES).blocks
        return block

    return read


@pytest.fixture
def log_scores(store, read_block):
    """Log the scores of a stored evaluation into its run, as evaluations do."""

    def log(*, resamples=RESAMPLES, change=0.0):
        block = read_block()
        for (digest, condition, _), run in block.runs.items():
            (predictions,) = block.load_predictions(digest, condition)
            scores = compute_scores(predictions, resamples=resamples, seed=block.split_digest)
            values = {name: value + change * (name == OTHER) for name, value in scores.scalars().items()}
            digests = Tags(values={RESAMPLING_DIGEST: " ".join(scores.resampling_digests)})
            write_items(store, run.run_id, [Scalars(values=values), digests])

    return log


def read_study(block):
    return build_study(block, METRIC, AnalysisOptions())


def interval_of(study, metric):
    (row,) = study.rows
    return row.mean_over_seeds(metric).interval() if row.is_resampled(metric) else row.intervals[metric]


def test_logged_intervals_are_those_that_the_comparison_would_compute(logged, read_block, log_scores):
    logged("a")
    computed = interval_of(read_study(read_block()), OTHER)
    log_scores()

    taken = interval_of(read_study(read_block()), OTHER)

    assert taken.method == METHOD
    assert (taken.estimate, taken.low, taken.high) == (computed.estimate, computed.low, computed.high)


def test_the_deciding_metric_is_resampled_all_the_same(logged, read_block, log_scores):
    logged("a")
    log_scores()

    (row,) = read_study(read_block()).rows

    assert row.is_resampled(METRIC)
    assert not row.is_resampled(OTHER)
    with pytest.raises(ValueError, match="an interval needs resamples, not 1"):
        row.mean_over_seeds(OTHER).interval()


@pytest.mark.parametrize("logging", [{"resamples": 500}, {"change": 0.01}])
def test_intervals_of_other_resamples_or_of_another_value_are_computed_again(logged, read_block, log_scores, logging):
    logged("a")
    computed = interval_of(read_study(read_block()), OTHER)
    log_scores(**logging)

    (row,) = read_study(read_block()).rows

    assert row.is_resampled(OTHER)
    assert row.mean_over_seeds(OTHER).interval() == computed


def test_degraded_images_have_their_logged_intervals(logged, read_block, log_scores, noisy):
    logged("a", conditions=noisy(0.1))
    (before,) = read_study(read_block()).degraded
    log_scores()

    (after,) = read_study(read_block()).degraded

    computed = before.rows[0].mean_over_seeds(METRIC).interval()
    taken = after.rows[0].intervals[METRIC]
    assert (taken.low, taken.high) == (computed.low, computed.high)


def test_averages_over_classes_that_a_resample_may_lack_are_computed_again(logged, read_block, log_scores, roster):
    """Of 12 patients 4 have each class: 1 resample in 40 lacks one, which the run averages otherwise."""
    logged("a", source=roster(patients=20))
    computed = interval_of(read_study(read_block()), "precision_macro")
    log_scores()

    taken = interval_of(read_study(read_block()), "precision_macro")

    assert (taken.low, taken.high) == (computed.low, computed.high)
    assert interval_of(read_study(read_block()), OTHER).method == METHOD
