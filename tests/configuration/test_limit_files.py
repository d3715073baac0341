"""Limits files: what they may say, and what is refused with advice."""

from pathlib import Path

import pytest

from arogya_bench.comparison.requirements import Limit
from arogya_bench.configuration.limit_files import load_limits
from arogya_bench.errors import ConfigError

DOCS = Path(__file__).parents[2] / "docs"
FILE = """
metric: f1_macro
margin: 0.01
positive_class: malignant
prevalence: 0.1
subgroups: [sex, site]
limits:
  sensitivity: {at_least: 0.95}
  ece: {at_most: 0.1}
  worst_subgroup: {at_least: 0.8, column: sex}
  licence: {commercial: true, allowed: [cnn]}
"""


def test_a_file_is_read_into_limits_and_settings(tmp_path):
    (tmp_path / "limits.yaml").write_text(FILE, encoding="utf-8")

    found = load_limits(tmp_path / "limits.yaml")

    assert found.limits == (
        Limit(quantity="sensitivity", at_least=0.95),
        Limit(quantity="ece", at_most=0.1),
        Limit(quantity="worst_subgroup", at_least=0.8, column="sex"),
        Limit(quantity="licence", allowed=("cnn",)),
    )
    options = found.options()
    assert (options.margin, options.prevalence, options.subgroups) == (0.01, 0.1, ("sex", "site"))
    assert "sensitivity" in options.extra_metrics
    assert found.to_record()["limits"][-1] == {"quantity": "licence", "commercial": True, "allowed": ["cnn"]}


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ({"limit": {}}, "Did you mean 'limits'"),
        ({"margn": 0.1}, "Did you mean 'margin'"),
        ({"limits": {"accuracy": {"at_lest": 0.9}}}, "Did you mean 'at_least'"),
        ({"limits": {"accuracy": {}}}, "either at_least or at_most"),
        ({"limits": {"accuracy": 0.9}}, r"write accuracy: \{at_least: 0.9\}"),
        ({"limits": {"accuracy": {"at_least": 0.9, "at_most": 1.0}}}, "either at_least or at_most"),
        ({"limits": {"accuracy": {"at_least": 0.9, "column": "sex"}}}, "takes no column"),
        ({"limits": {"licence": {"commercial": False}}}, "does not say commercial: true"),
        ({"limits": {"accuracy": {"at_least": "high"}}}, "limits.accuracy.at_least"),
        ({"prevalence": 1.5}, "prevalence is 1.5"),
        ({"margin": -0.1}, "not a number from 0"),
        ({}, "There are no limits"),
    ],
)
def test_what_cannot_be_meant_is_refused(content, problem):
    with pytest.raises(ConfigError, match=problem):
        load_limits(content)


def test_a_file_that_is_missing_is_named(tmp_path):
    with pytest.raises(ConfigError, match="There is no limits file"):
        load_limits(tmp_path / "none.yaml")


def test_an_option_must_not_contradict_the_file():
    found = load_limits({"margin": 0.01})

    assert found.options(margin=0.01).margin == 0.01
    with pytest.raises(ConfigError, match=r"--margin is 0\.05, and the limits file states 0\.01"):
        found.options(margin=0.05)


def test_the_example_to_copy_can_be_read():
    found = load_limits(DOCS / "limits-example.yaml")

    assert [limit.quantity for limit in found.limits] == ["sensitivity", "auroc_macro_ovr", "ece"]


def test_the_page_shows_a_file_with_every_kind_of_limit(tmp_path):
    block = (DOCS / "deciding.md").read_text(encoding="utf-8").partition("```yaml\n")[2].partition("```")[0]
    (tmp_path / "limits.yaml").write_text(block, encoding="utf-8")

    found = {limit.quantity for limit in load_limits(tmp_path / "limits.yaml").limits}

    assert found >= {"worst_subgroup", "robustness", "latency_p95_ms", "cost_per_1k_images_usd", "licence"}
