import shutil
from urllib.parse import urlsplit

import pytest

from arogya_bench.analysis.options import AnalysisOptions
from arogya_bench.comparison.comparison import ComparisonTables
from arogya_bench.errors import ConfigError, UserError
from arogya_bench.tracking.runs import search_runs


def compare_store(store, **options):
    return ComparisonTables.from_store(store, metric="accuracy", options=AnalysisOptions(**options))


@pytest.fixture
def compared(store, logged, roster):
    """Compare two models on 72 cases of as many patients."""

    def build(**options):
        source = roster(patients=120, visits=1)
        logged("strong", skill=4.0, source=source)
        logged("weak", skill=0.0, draw=1, source=source)
        return compare_store(store, **options)

    return build


def test_the_chosen_test_and_correction_reach_the_table_and_its_description(compared):
    found = compared(test="mcnemar", correction="holm")

    (pair,) = found.pairwise.to_dict("records")
    assert (pair["method"], pair["correction"]) == ("McNemar mid-p, interval of Tango", "holm")
    assert pair["p_value"] == pair["mcnemar_p"]
    assert found.about["correction"] == "Holm's adjustment"
    assert "whichever test is chosen" in found.about["verdict_rule"]
    assert found.verdict["models"].tolist() == ["strong"]


def test_a_test_that_does_not_fit_is_refused_before_predictions_are_read(compared, store):
    compared()
    for run in search_runs(store, ""):
        shutil.rmtree(urlsplit(run.artifact_uri).path)

    with pytest.raises(ConfigError, match=r"delong does not fit .*: it compares AUROCs, and accuracy decides"):
        compare_store(store, test="delong", correction="holm")
    with pytest.raises(UserError, match=r"predictions.parquet"):
        compare_store(store)
