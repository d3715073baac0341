"""The limits of a report, and their short form on a terminal."""

from arogya_bench.report.limit_sections import limits_section


def limit(model, name, verdict, reason="it holds"):
    value = {"value": 0.9, "value.ci_low": 0.8, "value.ci_high": 0.95}
    return {"model": model, "limit": name, "verdict": verdict, "reason": reason, **value}


def test_the_terminal_has_one_row_per_model_with_the_limits_that_are_open():
    section = limits_section(
        [
            limit("a", "accuracy at least 0.8", "eligible"),
            limit("a", "ece at most 0.1", "undecided", "more patients"),
            limit("b", "accuracy at least 0.8", "excluded", "below"),
            limit("b", "ece at most 0.1", "eligible"),
            limit("c", "accuracy at least 0.8", "eligible"),
        ]
    )

    assert len(section.rows) == 5
    assert section.brief().rows == [
        ["a", "undecided", "1 of 2", "more patients"],
        ["b", "excluded", "1 of 2", "below"],
        ["c", "eligible", "1 of 1", ""],
    ]
