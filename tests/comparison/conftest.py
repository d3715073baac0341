import pytest

from arogya_bench.comparison.loading import load_evaluations
from arogya_bench.comparison.tables import compare_block


@pytest.fixture
def compare_only(store):
    """Compare the models of the only block of the store."""

    def tables(metric="f1_macro"):
        (block,) = load_evaluations(store, where=None, resamples=2000).blocks
        return compare_block(block, metric)

    return tables
