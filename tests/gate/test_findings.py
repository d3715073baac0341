"""A finding carries what its code stands for, and names a few of many."""

import re

import pytest

from arogya_bench.gate.codes import CODES, SEVERITIES
from arogya_bench.gate.findings import GateReport, finding, format_finding


@pytest.mark.parametrize("code", CODES)
def test_every_code_has_a_title_and_a_way_out(code):
    severity, title, fix = CODES[code]

    assert re.fullmatch(r"AB[1-5]\d\d", code)
    assert severity in SEVERITIES
    assert title[0].isupper()
    assert not fix.endswith(".")


def test_many_examples_are_counted():
    made = finding("AB104", list("abcdefgh"))

    assert (made.count, made.examples) == (8, tuple("abcde"))
    assert made.examples_text == "a, b, c, d, e and 3 more"


@pytest.mark.parametrize(("names", "count", "named"), [("ab", 2, "a, b"), ("", 90, ""), ("a", 4, "a and 3 more")])
def test_the_number_of_further_examples_is_stated(names, count, named):
    assert finding("AB104", list(names), count=count).examples_text == named


def test_evidence_may_make_a_finding_milder():
    assert finding("AB105", ["a"], severity="info").severity == "info"


def test_a_report_sorts_what_stops_from_what_warns():
    findings = tuple(finding(code, ["a"]) for code in ("AB101", "AB104", "AB109"))
    report = GateReport(
        dataset="skin",
        dataset_digest="0" * 32,
        split="official",
        split_digest="1" * 32,
        cases=1,
        findings=findings,
        unusable=frozenset(),
    )

    assert [each.code for each in report.errors] == ["AB101"]
    assert [each.code for each in report.warnings] == ["AB104"]
    assert report.summary() == ("Gate: 1 error (AB101) and 1 warning (AB104) in 1 case of skin, split official.")
    assert report.table().shape == (3, 7)


def test_a_finding_in_one_line_has_a_short_detail_and_omits_a_long_one():
    short = finding("AB302", ["benign in test: 1 group"], detail="fewer than 5 groups")
    long = finding("AB105", ["a ~ b"] * 7, detail="x" * 121)

    assert format_finding(vars(short)).startswith(
        "Warning AB302: Class with few cases in a split (1): fewer than 5 groups. Fix: add cases,"
    )
    assert format_finding(vars(long)) == (
        f"Warning AB105: Near duplicate across splits (7). Fix: {CODES['AB105'].fix}."
    )
