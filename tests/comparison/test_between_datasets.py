import pytest

from arogya_bench import compare
from arogya_bench.datasets.splits import SplitPolicy
from arogya_bench.errors import ConfigError

PUBLISHED = {"model": "net", "metric": "f1_macro", "value": 0.9, "source": "Roe 2023", "caveat": "another split"}


@pytest.fixture
def two_datasets(store, logged, roster):
    """Two models on two datasets, on the first of which they have two splits."""
    other_split = SplitPolicy(train=0.3, validation=0.3, test=0.4)
    for name, skill, draw in (("strong", 4.0, 0), ("weak", 1.5, 1)):
        logged(name, skill=skill, draw=draw)
        logged(name, skill=skill, draw=draw, split=other_split)
        logged(name, skill=skill, draw=draw + 2, source=roster(name="clinic", digest="c" * 32))
    return store


def test_tables_of_several_datasets_stand_in_a_comparison(two_datasets):
    found = compare(
        "study",
        tracking_uri=two_datasets.uri,
        literature=[{**PUBLISHED, "dataset": "clinic"}, {**PUBLISHED, "dataset": "moon"}],
    )

    ranks = found.across_datasets
    assert ranks[["model", "mean_rank", "datasets"]].to_numpy().tolist() == [["strong", 1.0, 2], ["weak", 2.0, 2]]
    assert "is left out, since it has the images of roster" in ranks["note"].iloc[0]
    assert found.ensembles["dataset"].nunique() == 3
    assert set(found.ensembles["ensemble"]) == {"strong + weak"}
    assert found.literature["note"].tolist() == ["", "this comparison has no result on a dataset of this name"]
    assert "net" not in [*found.leaderboard["model"], *found.pairwise["b"], *found.across_datasets["model"]]


def test_literature_of_an_unknown_metric_is_refused(store, logged):
    logged("a")

    with pytest.raises(ConfigError, match="'dice', which does not exist"):
        compare("study", tracking_uri=store.uri, literature=[{**PUBLISHED, "dataset": "roster", "metric": "dice"}])
