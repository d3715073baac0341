"""The gate for continuous integration: exit codes, lines and JUnit XML."""

from xml.etree import ElementTree as ET

import pytest


@pytest.fixture
def require(command, store, tmp_path):
    """Run ``arogya-bench require`` with limits."""

    def run(model, limits, *words):
        path = tmp_path / "limits.yaml"
        path.write_text(f"limits: {limits}\n", encoding="utf-8")
        return command("require", "study", "--tracking-uri", store.uri, "--model", model, "--limits", str(path), *words)

    return run


@pytest.fixture
def two_rows(logged, roster):
    source = roster(patients=200, visits=1)
    logged("good", skill=4.0, source=source)
    logged("poor", skill=0.5, draw=1, source=source)


def test_every_limit_that_is_shown_to_hold_is_exit_code_0(two_rows, require):
    ended = require("good", "{accuracy: {at_least: 0.8}, licence: {commercial: true}}")

    assert ended.code == 0
    assert "good: every limit is shown to hold." in ended.out


def test_limits_that_are_missed_or_open_fail_the_script_and_stand_in_its_xml(two_rows, require, tmp_path):
    limits = "{accuracy: {at_least: 0.9}, latency_p95_ms: {at_most: 300}, licence: {commercial: true}}"

    ended = require("poor", limits, "--junit", "out/limits.xml")

    suite = ET.parse(tmp_path / "out" / "limits.xml").getroot().find("testsuite")
    failures = {case.get("name"): case.find("failure") for case in suite}
    assert ended.code == 1
    assert suite.attrib["tests"] == str(len(failures)) == "5"
    assert suite.attrib["failures"] == "2"
    assert failures["accuracy at least 0.9"].get("type") == "excluded"
    assert failures["latency_p95_ms at most 300"].get("type") == "undecided"
    assert failures["licence for commercial use"] is None
    assert "is shown to be below 0.9" in failures["accuracy at least 0.9"].get("message")


@pytest.mark.parametrize(
    ("model", "limits", "words", "problem"),
    [
        ("goood", "{accuracy: {at_least: 0.9}}", (), "Did you mean 'good'?"),
        ("good", "{acuracy: {at_least: 0.9}}", (), "Did you mean 'accuracy'?"),
        ("good", "{accuracy: {at_least: 0.1}}", ("--junit", "."), "cannot be written"),
        ("good", "{}", (), "limits.yaml states no limit"),
        ("good", "{sensitivity: {at_least: 0.1}}\npositive_class: malignnt", (), "malignnt', which no dataset has"),
        ("good", "{accuracy: {at_least: 1.2}}", (), "runs from 0 to 1"),
        ("good", "{worst_subgroup: {at_least: 0.9, metric: auroc}}", (), "auroc is not computed for subgroups"),
        ("good", "{ece: {at_least: 0.9}}", (), "ece: {at_most: 0.9}"),
        ("good", "{accuracy: {at_least: 0.9}}", ("--dataset", "rooster"), "Did you mean 'roster'?"),
    ],
)
def test_what_cannot_be_meant_is_exit_code_2(two_rows, require, model, limits, words, problem):
    ended = require(model, limits, *words)

    assert ended.code == 2
    assert problem in ended.err


def test_what_imported_predictions_cannot_show_is_told_with_what_could(logged, roster, require):
    logged("theirs", skill=4.0, source=roster(patients=200, visits=1), tags={"arogya.imported_from": "theirs.csv"})

    ended = require("theirs", "{latency_p95_ms: {at_most: 300}, robustness: {at_least: 0.5}}")

    assert "latency_p95_ms is not measured; only predictions were imported" in ended.out
    assert "import predictions on them" in ended.out
