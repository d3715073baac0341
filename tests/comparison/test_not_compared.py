"""What stands apart from the rest of its dataset is said, with the reason."""

import json

import pytest

from arogya_bench.comparison.loading import load_evaluations
from arogya_bench.datasets.splits import SplitPolicy


@pytest.fixture
def apart(store):
    def rows():
        return [(row["model"], row["reason"]) for row in load_evaluations(store, resamples=2000).not_compared]

    return rows


def test_other_content_of_a_dataset(logged, apart, roster):
    logged("a")
    logged("b")
    logged("c", source=roster(digest="1" * 32))

    ((model, reason),) = apart()

    assert model == "c"
    assert reason.startswith("other content of the dataset (digest 111111 against 000000)")


def test_another_split_is_named(logged, apart):
    logged("a")
    logged("b")
    logged("c", split=SplitPolicy(train=0.2, validation=0.2, test=0.6, seed=7))

    ((model, reason),) = apart()

    assert (model, reason) == ("c", "another split (group-20-20-60-s7 against group-20-20-60-s42)")


def test_another_version_of_an_added_metric(logged, apart):
    def metric(version):
        return {"arogya.metrics": json.dumps({"mine": {"function": "package.mine", "version": version}})}

    logged("a", tags=metric(1))
    logged("b", tags=metric(2))

    ((model, reason),) = apart()

    assert model == "a"
    assert reason.startswith("its run logs version 1 of mine and others version 2")


def test_other_datasets_and_rows_of_one_split_are_not_mentioned(logged, apart, roster):
    logged("a")
    logged("b")
    logged("c", source=roster(name="other"))

    assert apart() == []
