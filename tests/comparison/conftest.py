import pytest
from measurement_runs import write_measurement

from arogya_bench.comparison.loading import load_evaluations
from arogya_bench.comparison.tables import compare_block
from arogya_bench.tracking.runs import get_run


@pytest.fixture
def compare_only(store):
    """Compare the models of the only block of the store."""

    def tables(metric="f1_macro"):
        (block,) = load_evaluations(store, where=None, resamples=2000).blocks
        return compare_block(block, metric)

    return tables


@pytest.fixture
def measured(store, logged):
    """Log an evaluation of a model, and measurements of it with the given numbers."""

    def build(name, *measurements, **evaluation):
        tags = get_run(store.uri, logged(name, **evaluation)).tags
        return [write_measurement(store, tags, **numbers) for numbers in measurements or ({},)]

    return build
