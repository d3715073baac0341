"""Sections on decisions: which class a note and a prevalence are about, and thresholds that nothing reaches."""

from arogya_bench.report.failure_sections import degradation_section
from arogya_bench.report.quality_sections import net_benefit_section, operating_section

POINT = {
    "model": "cnn", "positive_class": "alder", "target": "specificity", "target_value": 0.9, "thresholds": "0.4",
    "prevalence": 0.36, "prevalence_of": "test cases", "note": "fewer than 10 cases", "sensitivity": 0.8,
    "specificity": 0.9, "ppv": 0.7, "npv": 0.6,
}  # fmt: skip
BENEFIT = {
    "model": "cnn", "positive_class": "alder", "threshold_probability": 0.1, "net_benefit": 0.2, "treat_all": 0.1,
    "advantage": 0.1, "prevalence": 0.36, "prevalence_of": "test cases", "note": "",
}  # fmt: skip
FALL = {
    "model": "cnn", "augmentation": "rotation", "metric": "accuracy", "retained": 0.9, "critical_severity": 12.0,
    "severity_scale": "severity", "floor": 0.8, "worst_condition": "rotation_30", "value": 0.7, "clean": 0.9,
    "drop": 0.2, "ece_clean": None, "ece_mean": None, "rank": None, "note": "",
}  # fmt: skip
ESTIMATES = ("sensitivity", "specificity", "ppv", "npv", "net_benefit", "advantage", "value")
BOUNDS = {f"{name}.{end}": None for name in ESTIMATES for end in ("ci_low", "ci_high")}
POINT, BENEFIT, FALL = ({**BOUNDS, **row} for row in (POINT, BENEFIT, FALL))


def column(section, header):
    (place,) = [place for place, name in enumerate(section.headers) if name == header]
    return [row[place] for row in section.rows]


def test_of_several_classes_each_note_names_its_own():
    several = operating_section([POINT, {**POINT, "positive_class": "elm", "note": ""}])

    assert several.footnotes == ("cnn by specificity \N{GREATER-THAN OR EQUAL TO} 0.9 for alder: fewer than 10 cases.",)
    assert operating_section([POINT]).footnotes[0].startswith("cnn by specificity \N{GREATER-THAN OR EQUAL TO} 0.9: ")


def test_a_threshold_that_no_probability_reaches_is_no_number():
    rows = [POINT, {**POINT, "thresholds": "inf"}, {**POINT, "thresholds": "0.4, inf"}]

    assert column(operating_section(rows), "threshold") == ["0.4", "none reaches it", "0.4, none"]


def test_prevalences_of_several_classes_stand_beside_them():
    several = net_benefit_section([BENEFIT, {**BENEFIT, "positive_class": "elm", "prevalence": 0.08}])

    assert column(several, "prevalence") == ["0.360 (test cases)", "0.080 (test cases)"]
    assert "At a prevalence" not in several.note
    assert "At a prevalence of 0.360 (test cases)." in net_benefit_section([BENEFIT]).note


def test_a_critical_severity_has_its_unit_and_a_model_that_nothing_changes_is_said_once():
    flat = {**FALL, "model": "prior", "drop": 0.0, "clean": 0.2, "note": "equally bad: rotation_15"}
    scale = [{"augmentation": "rotation", "scale": "rotation (degrees)"}]

    section = degradation_section([FALL, flat, {**flat, "augmentation": "all"}], scale)

    assert column(section, "critical severity") == ["rotation (degrees): 12.000"]
    assert section.footnotes == ("prior: 0.200 under every condition, as on clean images.",)
