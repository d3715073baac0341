import pickle

import numpy as np
import pytest

from arogya_bench.errors import ConfigError, MetricError, UndefinedMetric
from arogya_bench.metrics import plugins
from arogya_bench.metrics.catalogue import metric
from arogya_bench.metrics.plugins import MetricSpec, PluginMetric
from arogya_bench.metrics.replicates import replicates
from arogya_bench.statistics import bootstrap, interval
from arogya_bench.statistics import draws as draws_of


def of(function, *, low=0.0, high=1.0, resamples=None):
    rated = metric(best="high", low=low, high=high)(function)
    return PluginMetric(
        name="mine",
        best="high",
        summary=rated.summary,
        spec=MetricSpec(function="here.function", version=1, resamples=resamples),
        function=rated,
    )


def hits(targets, probabilities):
    """Share of the cases that were predicted right."""
    return float((probabilities.argmax(axis=1) == targets).mean())


def first_class(targets, probabilities):
    if not (targets == 0).any():
        raise UndefinedMetric("no case of the first class")
    return float(probabilities[targets == 0, 0].mean())


@pytest.fixture
def cases():
    rng = np.random.default_rng(1)
    targets = rng.integers(0, 3, 60)
    odds = rng.random((60, 3)) + np.eye(3)[targets]
    return targets, odds / odds.sum(axis=1, keepdims=True)


@pytest.fixture
def drawn():
    groups = np.arange(60) // 2
    return draws_of(60, rng=np.random.default_rng(2), resamples=2000, groups=groups)


def test_a_metric_that_we_have_too_gets_the_same_resamples(cases, drawn):
    ours = replicates(*cases, draws=drawn, names=["accuracy"])

    theirs = plugins.replicates([of(hits)], *cases, draws=drawn)

    assert theirs.estimates["mine"] == pytest.approx(ours.estimates["accuracy"])
    assert theirs.values["mine"] == pytest.approx(ours.values["accuracy"])
    assert theirs.jackknife["mine"] == pytest.approx(ours.jackknife["accuracy"])
    assert theirs.digest == ours.digest


def test_the_interval_is_that_of_the_bootstrap(cases, drawn):
    targets, probabilities = cases
    expected = bootstrap(first_class, {"targets": targets, "probabilities": probabilities}, draws=drawn)

    found = plugins.replicates([of(first_class)], *cases, draws=drawn)

    made = interval(found.estimates["mine"], found.values["mine"], found.jackknife["mine"], draws=drawn)
    assert made == expected


def test_a_slow_metric_takes_the_first_of_the_resamples(cases):
    many = draws_of(60, rng=np.random.default_rng(2), resamples=3000)

    slow = plugins.replicates([of(hits, resamples=2000)], *cases, draws=many)

    whole = plugins.replicates([of(hits)], *cases, draws=many)
    assert slow.values["mine"].tolist() == whole.values["mine"][:2000].tolist()


def test_a_metric_that_does_not_exist_has_a_reason(cases):
    targets, probabilities = cases

    found = plugins.score_with_reasons([of(first_class)], np.ones_like(targets), probabilities)

    assert found.values == {}
    assert found.undefined == {"mine": "no case of the first class"}


def test_cases_without_an_answer_leave_it_undefined(cases, drawn):
    targets, probabilities = cases
    probabilities[3] = np.nan

    found = plugins.score_with_reasons([of(hits)], targets, probabilities)
    again = plugins.replicates([of(hits)], targets, probabilities, draws=drawn)

    assert found.undefined == {"mine": "1 of 60 cases have no probabilities"}
    assert np.isnan(again.estimates["mine"])
    assert np.isnan(again.values["mine"]).all()
    assert again.values["mine"].size == 2000


@pytest.mark.parametrize("value", [1.5, -0.1, np.nan, np.inf])
def test_a_value_outside_its_range_is_refused(cases, value):
    with pytest.raises(MetricError, match=r"mine .* outside its declared range 0 to 1"):
        plugins.score_with_reasons([of(lambda targets, probabilities: value)], *cases)


def test_rounding_stays_in_the_range(cases):
    found = plugins.score_with_reasons([of(lambda targets, probabilities: 1 + 1e-12)], *cases)

    assert found.values == {"mine": 1.0}


def test_a_function_that_fails_is_named_with_its_error(cases):
    def failing(targets, probabilities):
        raise KeyError("threshold")

    with pytest.raises(MetricError, match=r"mine \(here.function\) failed on 60 cases: KeyError"):
        plugins.score_with_reasons([of(failing)], *cases)


def test_a_function_may_spoil_what_it_is_given(cases):
    targets, probabilities = cases
    before = targets.copy(), probabilities.copy()

    def spoiling(targets, probabilities):
        targets[:] = 0
        probabilities[:] = 0
        return 0.0

    plugins.score_with_reasons([of(spoiling)], targets, probabilities)

    assert targets.tolist() == before[0].tolist()
    assert probabilities.tolist() == before[1].tolist()


SOURCE = """
from arogya_bench.metrics.catalogue import metric
from arogya_bench.metrics.classification import accuracy

def plain(targets, probabilities):
    return 0.5

@metric(best="low", low=0.0, high=2.0)
def good(targets, probabilities):
    "Half."
    return 0.5

@metric(best="high", low=0.0, high=1.0)
def lonely(targets):
    return 0.5
"""


@pytest.fixture
def theirs(tmp_path, monkeypatch):
    (tmp_path / "their_metrics.py").write_text(SOURCE, encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)

    def find(name="mine", function="their_metrics.good", resamples=None):
        spec = MetricSpec(function=function, version=3, resamples=resamples)
        (found,) = plugins.load_plugin_metrics({name: spec}, reserved_names={"accuracy"})
        return found

    return find


def test_what_a_metric_declares_is_kept_with_its_name(theirs):
    found = theirs()

    assert (found.name, found.best, found.summary) == ("mine", "low", "Half.")


def test_a_metric_travels_to_another_process(theirs):
    found = theirs()

    assert pickle.loads(pickle.dumps(found)) == found


@pytest.mark.parametrize("name", ["accuracy", "cases", "rank", "a.ci_low", "1st", ""])
def test_a_name_that_is_ours_or_none_is_refused(theirs, name):
    with pytest.raises(ConfigError, match=f"metric.{name}: "):
        theirs(name)


@pytest.mark.parametrize(
    ("function", "problem"),
    [
        ("nowhere.at_all", "cannot be imported"),
        ("plain", "cannot be imported"),
        ("their_metrics.goo", "Did you mean 'good'"),
        ("their_metrics.plain", "not a metric of cases"),
        ("their_metrics.lonely", "not a metric of cases"),
        ("their_metrics.accuracy", "not a metric of cases"),
    ],
)
def test_a_function_that_is_none_is_refused(theirs, function, problem):
    with pytest.raises(ConfigError, match=problem):
        theirs(function=function)


def test_too_few_resamples_are_refused(theirs):
    with pytest.raises(ConfigError, match="resamples=100"):
        theirs(resamples=100)
