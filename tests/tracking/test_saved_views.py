import base64
import json
import zlib

import pytest

from arogya_bench.tracking.runs import FINISHED_EVALUATIONS, FINISHED_MEASUREMENTS, search_runs
from arogya_bench.tracking.saved_views import LEADERBOARD, ROBUSTNESS, SPEED, view_tags, view_url

NOW = 1_700_000_000_000


def state(view):
    """Decode a view as MLflow's page does."""
    stored = json.loads(view_tags(NOW)[f"mlflow.sharedViewState.{view}"])
    kind, _, packed = stored["state"].partition(";")
    assert kind == "deflate"
    return stored, json.loads(zlib.decompress(base64.b64decode(packed)))


def test_the_leaderboard_shows_clean_evaluations_best_first():
    stored, shown = state(LEADERBOARD)

    assert stored["name"] == "Leaderboard"
    assert shown["searchFilter"].endswith("tags.`arogya.augmentation` = 'clean'")
    assert (shown["orderByKey"], shown["orderByAsc"]) == ("metrics.`f1_macro`", False)


def test_model_and_metric_come_first_where_few_columns_fit():
    _, shown = state(LEADERBOARD)

    assert shown["selectedColumns"][:2] == ["tags.`arogya.model`", "metrics.`f1_macro`"]


def test_seeds_and_datasets_are_told_apart():
    for view, place in ((LEADERBOARD, 2), (ROBUSTNESS, 3)):
        shown = state(view)[1]["selectedColumns"]
        assert shown[place : place + 2] == ["tags.`arogya.dataset`", "tags.`arogya.seed`"]


def test_the_metrics_of_detection_are_shown_with_their_ends():
    stored = json.loads(view_tags(NOW, [("mAP50_95", "mAP50")])[f"mlflow.sharedViewState.{LEADERBOARD}"])

    shown = json.loads(zlib.decompress(base64.b64decode(stored["state"].partition(";")[2])))

    ends = ["metrics.`mAP50_95.ci_low`", "metrics.`mAP50_95.ci_high`", "metrics.`mAP50`"]
    assert shown["selectedColumns"][1] == "metrics.`mAP50_95`"
    assert shown["selectedColumns"][4:] == ends
    assert (shown["orderByKey"], shown["orderByAsc"]) == ("metrics.`mAP50_95`", False)


def test_robustness_shows_every_condition_of_a_model_together():
    stored, shown = state(ROBUSTNESS)

    assert (stored["name"], shown["searchFilter"]) == ("Robustness", FINISHED_EVALUATIONS)
    assert shown["orderByKey"] == "tags.`arogya.model`"
    assert "tags.`arogya.condition`" in shown["selectedColumns"]


def test_speed_shows_measurements_with_their_grade_fastest_first():
    stored, shown = state(SPEED)

    assert (stored["name"], shown["searchFilter"]) == ("Speed", FINISHED_MEASUREMENTS)
    assert (shown["orderByKey"], shown["orderByAsc"]) == ("metrics.`latency_p50_ms`", True)
    assert shown["selectedColumns"][:3] == ["tags.`arogya.model`", "metrics.`latency_p50_ms`", "tags.`arogya.grade`"]


@pytest.mark.parametrize(("view", "rows"), [(LEADERBOARD, 2), (ROBUSTNESS, 6)])
def test_the_filter_of_a_view_finds_its_runs(finished, view, rows):
    _, shown = state(view)

    assert len(search_runs(finished, shown["searchFilter"])) == rows


@pytest.mark.parametrize("view", [LEADERBOARD, ROBUSTNESS])
def test_the_columns_of_a_view_are_in_its_runs(finished, view):
    _, shown = state(view)

    run = search_runs(finished, shown["searchFilter"])[0]

    known = {f"tags.`{name}`" for name in run.tags} | {f"metrics.`{name}`" for name in run.metrics}
    assert set(shown["selectedColumns"]) <= known


def test_a_view_is_dated():
    stored, _ = state(LEADERBOARD)

    assert (stored["createdAt"], stored["updatedAt"]) == (NOW, NOW)


def test_a_view_fits_into_a_tag_of_an_experiment():
    assert all(len(value) < 20_000 for value in view_tags(NOW).values())


def test_a_link_opens_the_view():
    assert view_url("/#/experiments/1/runs?x=y", LEADERBOARD, server="http://host:1") == (
        "http://host:1/#/experiments/1/runs?x=y&viewStateShareKey=arogya-leaderboard"
    )
