"""A metric of two classes is refused on data with more, before anything is resampled."""

import pytest

from arogya_bench import compare
from arogya_bench.comparison.metric_check import MULTICLASS_FORMS
from arogya_bench.errors import ConfigError
from arogya_bench.metrics.classification import METRICS, TWO_CLASS_METRICS
from arogya_bench.types import Dataset


def with_two_classes(roster):
    """A dataset of ids with benign and malignant cases only."""

    class TwoClasses(roster):
        def load(self):
            whole = super().load()
            fields = {name: getattr(whole, name) for name in Dataset.__dataclass_fields__}
            cases = tuple(case for case in whole.cases if case.target < 2)
            return Dataset(**{**fields, "classes": whole.classes[:2], "cases": cases})

    return TwoClasses(name="clinic", digest="c" * 32)


@pytest.mark.parametrize("metric", TWO_CLASS_METRICS)
def test_a_metric_of_two_classes_is_refused_on_three_and_the_one_that_fits_is_named(logged, store, metric):
    logged("a")
    logged("b", draw=1)

    with pytest.raises(ConfigError) as refusal:
        compare("study", tracking_uri=store.uri, metric=metric)

    assert refusal.value.problem == f"{metric} is defined for two classes; roster has 3."
    assert refusal.value.fix == f"use the metric {MULTICLASS_FORMS[metric]}."


def test_every_metric_of_two_classes_has_a_form_for_more():
    assert set(MULTICLASS_FORMS) == set(TWO_CLASS_METRICS)
    assert set(MULTICLASS_FORMS.values()) <= set(METRICS)


def test_of_several_datasets_those_that_do_not_fit_are_named(logged, store, roster):
    logged("a")
    logged("a", source=roster(name="hospital", digest="d" * 32))
    logged("a", source=with_two_classes(roster))

    with pytest.raises(ConfigError) as refusal:
        compare("study", tracking_uri=store.uri, metric="f1")

    assert refusal.value.problem == "f1 is defined for two classes; hospital has 3, roster has 3."
    assert "use the metric f1_macro, or select the datasets with two classes" in refusal.value.fix
    assert "--where \"tags.`arogya.dataset` = 'clinic'\"" in refusal.value.fix


def test_on_two_classes_the_metric_is_used(logged, store, roster):
    logged("a", source=with_two_classes(roster))
    logged("b", source=with_two_classes(roster), draw=1)

    comparison = compare("study", tracking_uri=store.uri, metric="f1")

    assert comparison.about["metric"] == "f1"
    assert comparison.leaderboard["f1"].notna().all()


def test_the_command_ends_with_2_and_logs_nothing(study, command_in, tmp_path):
    ended = command_in(tmp_path, "compare", "study", "--tracking-uri", study.uri, "--metric", "f1")

    assert ended.code == 2
    assert "f1 is defined for two classes; synthetic-60x3 has 3." in ended.err
    assert "Fix: use the metric f1_macro." in ended.err
    assert ended.left == []


def test_of_more_classes_the_one_that_the_dataset_names_is_positive(logged, store):
    logged("a", positive="malignant")

    comparison = compare(store.experiment, tracking_uri=store.uri)

    assert set(comparison.operating_points["positive_class"]) == {"malignant"}
    assert comparison.leaderboard["positive_class"].isna().all()
