"""A short simulation of the whole verdict; ``make calibrate`` runs the whole one."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from scipy.stats import binom

from benchmarks.statistics.stored_results import StoredResults
from benchmarks.statistics.verdict_calibration import calibrate_verdict, violations
from benchmarks.statistics.verdict_measures import MEASURES, Count, Goal
from benchmarks.statistics.verdict_page import render_verdict
from benchmarks.statistics.verdict_results import SettingResult
from benchmarks.statistics.verdict_settings import NO_WRONG_LEADER, NO_WRONG_PAIR, SETTINGS

STUDIES, RESAMPLES = 150, 1_000
BY_CHANCE = 1e-6
PAGE = Path(__file__).resolve().parents[2] / "docs" / "calibration.md"
BY_NAME = {setting.name_in_full: setting for setting in SETTINGS}
SHORT_FORM = (
    "null: 2 equal models far above 3 others, 300 patients",
    "null: 2 equal models x 3 seeds that err independently, spread 3 points, 300 patients",
    "null: 5 equal models x 3 seeds that err independently, spread 3 points, 300 patients",
    "null: class of 2, 3 classes, 100 patients, f1_macro",
    "null: opposite recalls, random class mix, 150 patients, accuracy",
    "power: accuracy .81 against .90, whose errors are a class missing from the truth, 200 patients",
    "power: .85 against four of .75, 300 patients",
    "power: .85 against four of .75 x 3 seeds that err alike, spread 3 points, 300 patients",
    "detectable: 2 models, 300 patients",
    "coverage: f1_macro, 200 patients",
)
SLOW = {name for name in SHORT_FORM if name.startswith(("null: 5", "power: .85 against four of .75 x", "detectable"))}
QUICK = BY_NAME["null: 2 equal models, 50 patients, 3 classes"]


def is_missed_beyond_chance(goal, count):
    """Whether a count is all but impossible if the true share were just at the limits of the goal."""
    too_many = binom.sf(count.hits - 1, count.of, goal.at_most)
    too_few = binom.cdf(count.hits, count.of, goal.at_least)
    return not count.of or min(too_many, too_few) < BY_CHANCE


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=[pytest.mark.slow] if name in SLOW else []) for name in SHORT_FORM]
)
def test_verdicts_on_planted_truths_meet_their_goals(name):
    setting = BY_NAME[name]

    ((_, result),) = calibrate_verdict([setting], studies=STUDIES, resamples=RESAMPLES)

    assert {
        goal.measure: result.counts[goal.measure]
        for goal in setting.goals
        if is_missed_beyond_chance(goal, result.counts[goal.measure])
    } == {}


@pytest.mark.parametrize(
    ("goal", "share"),
    [
        (
            NO_WRONG_LEADER,
            0.22,
        ),  # two equal recipes of three seeds, spread 3 points, whose spread no interval contained
        (NO_WRONG_PAIR, 0.47),  # the same with five recipes
        (Goal(measure="best named", at_least=0.75), 0.44),  # .85 against four of .75, corrected over all pairs
        (Goal(measure="best named", at_least=0.4), 0.08),  # the same with three seeds, by too cautious an interval
        (Goal(measure="best named", at_least=0.7, at_most=0.88), 0.5),  # half of the detectable differences
        (Goal(measure="wrong leader", at_most=0.0), 1 / STUDIES),  # one study that names the worse model
        (Goal(measure="row covered", at_least=0.93, at_most=0.97), 0.81),  # images as units
    ],
)
def test_the_short_form_catches_errors_of_earlier_versions(goal, share):
    counted = STUDIES * (2 if goal.measure == "row covered" else 1)  # both rows of each study

    assert is_missed_beyond_chance(goal, Count(round(share * counted), counted))


@pytest.mark.parametrize(("goal", "hits"), [(NO_WRONG_LEADER, 15), (Goal(measure="best named", at_least=0.75), 105)])
def test_the_short_form_passes_what_chance_does(goal, hits):
    assert not is_missed_beyond_chance(goal, Count(hits, STUDIES))


def test_number_of_workers_changes_nothing():
    one, two = (next(calibrate_verdict([QUICK], studies=60, resamples=200, workers=n))[1] for n in (1, 2))

    assert replace(one, seconds=0) == replace(two, seconds=0)


def test_more_studies_begin_with_the_same_ones():
    few, more = (next(calibrate_verdict([QUICK], studies=n, resamples=200))[1] for n in (30, 60))

    assert all(few.counts[name].hits <= more.counts[name].hits for name in MEASURES)


def test_finished_settings_are_not_simulated_again(tmp_path):
    stored = StoredResults(file=tmp_path / "results" / "state.json")
    ((_, first),) = calibrate_verdict([QUICK], studies=2, resamples=200, stored=stored)
    written = json.loads(stored.file.read_text())
    written[QUICK.name_in_full]["result"]["leaders"] = {"read from the file": 2}
    stored.file.write_text(json.dumps(written))

    ((_, again),) = calibrate_verdict([QUICK], studies=2, resamples=200, stored=stored)
    ((_, more),) = calibrate_verdict([QUICK], studies=3, resamples=200, stored=stored)

    assert again == replace(first, leaders={"read from the file": 2})
    assert more.studies == 3


@pytest.mark.parametrize(
    ("goal", "hits", "met"),
    [
        (NO_WRONG_LEADER, 130, True),  # 6.5 %, within one standard error of 6
        (NO_WRONG_LEADER, 131, False),
        (Goal(measure="best named", at_least=0.75), 1_500, True),
        (Goal(measure="best named", at_least=0.75), 1_499, False),
        (Goal(measure="row covered", at_least=0.93, at_most=0.97), 1_941, False),
    ],
)
def test_a_goal_says_whether_it_is_met(goal, hits, met):
    assert goal.is_met(Count(hits, 2_000)) is met


def test_a_goal_is_missed_without_studies():
    assert not NO_WRONG_LEADER.is_met(Count(0, 0))


def test_the_page_shows_every_setting_and_what_it_misses():
    counts = dict.fromkeys(MEASURES, Count(0, 2_000)) | {"wrong leader": Count(200, 2_000)}
    result = SettingResult(studies=2_000, resamples=2_000, counts=counts, leaders={"": 2_000}, seconds=30)
    pairs = [(QUICK, result)]

    text = render_verdict(pairs)

    assert "| 2 equal models, 50 patients, 3 classes | **10.0** | 0.0 | at most 6 | 2,000 | 15 |" in text
    assert violations(pairs) == ["null, 2 equal models, 50 patients, 3 classes: wrong leader 10.0 %"]


def test_the_page_in_the_docs_shows_every_setting():
    page = PAGE.read_text(encoding="utf-8")

    assert [setting.name for setting in SETTINGS if f"\n| {setting.name} |" not in page] == []
