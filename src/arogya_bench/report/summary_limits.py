"""What an answer does not show, and what its readers must know: the second half of the first screen."""

from collections.abc import Mapping, Sequence
from typing import Any

from arogya_bench.comparison.costs import LOCAL
from arogya_bench.comparison.pareto import LATENCY
from arogya_bench.comparison.selection import ALL_VARIANTS
from arogya_bench.comparison.verdict_words import join_names
from arogya_bench.gate.findings import describe_finding
from arogya_bench.report.columns import TONES, Row, any_value
from arogya_bench.report.section import row_footnotes
from arogya_bench.report.structure import WeightedWarning
from arogya_bench.report.wording import is_undefined
from arogya_bench.runtime.console import plural

FEW_GROUPS = 100  # below which only large differences can be shown
LEAST_OPTIMISM = 0.01  # of the deciding metric that is worth a sentence
DISTURBED = (
    "How fast the models are: the machine was disturbed at every measurement, so that no answer rests on these times."
)
Tables = Mapping[str, Sequence[Row]]


def list_not_shown(about: Mapping[str, Any], tables: Tables, facts: Mapping[str, Any]) -> tuple[str, ...]:
    """What the comparison cannot show, one sentence each, and each only if it is so."""
    sentences = (
        _about_patients(facts),
        _small_differences(tables["leaderboard"], facts),
        _other_sites(tables, facts),
        _another_training(tables["leaderboard"]),
        _imported_training(tables),
        _choice(about, tables["ranks"]),
        "" if tables["robustness"] else "How the models do on degraded images: only clean images were evaluated.",
        _speed(tables["leaderboard"]),
        "" if tables["subgroups"] else "Whether some patients fare worse, such as by sex or age: no column names them.",
        "Whether patients are better off with it: only a clinical study can show that.",
    )
    return tuple(sentence for sentence in sentences if sentence)


def list_warnings(verdict: Row, tables: Tables, facts: Mapping[str, Any]) -> tuple[WeightedWarning, ...]:
    """Accepted errors of the data gate, then warnings of it, on the data and of models without a result, then notes."""
    findings = [(str(finding["severity"]), describe_finding(finding)) for finding in facts.get("gate_findings", ())]
    errors = [text for severity, text in findings if severity == "error"]
    warnings = [text for severity, text in findings if severity != "error"] + list(facts.get("caveats", ()))
    warnings += _without_result(tables)
    notes = [line for line in str(verdict.get("notes") or "").splitlines() if line]
    notes += row_footnotes(tables["leaderboard"], lambda row: str(row["model"]))
    weighted = [("error", errors), ("warning", warnings), ("note", notes)]
    return tuple(WeightedWarning(weight=weight, text=text) for weight, texts in weighted for text in texts)


def _without_result(tables: Tables) -> list[str]:
    """The models that were asked for and have no row at all, so that no table names them."""
    ranked = {str(row["model"]) for row in tables["leaderboard"]}
    failed: dict[str, list[Row]] = {}
    for row in tables.get("missing", ()):
        if str(row["model"]) not in ranked:
            failed.setdefault(str(row["model"]), []).append(row)
    return [_describe_failure(model, rows) for model, rows in failed.items()]


def _describe_failure(model: str, rows: Sequence[Row]) -> str:
    causes = list(
        dict.fromkeys(str(row["cause"]) for row in rows if not is_undefined(row.get("cause")) and row["cause"])
    )
    because = f" ({join_names(causes, 'and')})" if causes else ""
    return f"{model} was asked for and gave no result{because}."


def _about_patients(facts: Mapping[str, Any]) -> str:
    is_synthetic = str(facts.get("name", facts["dataset"])).startswith("synthetic")
    return "Anything about patients: the images of this dataset are synthetic." if is_synthetic else ""


def _small_differences(board: Sequence[Row], facts: Mapping[str, Any]) -> str:
    groups = int(board[0]["groups"]) if board else FEW_GROUPS
    if groups >= FEW_GROUPS:
        return ""
    unit = "patient" if facts.get("grouped", True) else "case"
    return f"Small differences: {plural(groups, unit)} can show large ones only."


def _other_sites(tables: Tables, facts: Mapping[str, Any]) -> str:
    """Of models that were trained elsewhere nobody knows here on which cases."""
    if facts.get("sites"):
        return f"Whether it holds at another site than the {plural(int(facts['sites']), 'site')} of the test cases."
    imported = imported_models(tables)
    if any(row.get("kind", LOCAL) == LOCAL and row["model"] not in imported for row in tables["leaderboard"]):
        return "Whether it holds at another site: training and test cases come from the same source."
    return "Whether it holds at another site: the data name no site."


def imported_models(tables: Tables) -> frozenset[str]:
    """The models of which only predictions were imported; earlier versions do not say it."""
    return frozenset(
        str(row["model"]) for row in tables.get("models", ()) if not is_undefined(row.get("imported_from"))
    )


def _imported_training(tables: Tables) -> str:
    names = [str(row["model"]) for row in tables["leaderboard"] if row["model"] in imported_models(tables)]
    if not names:
        return ""
    return (
        f"How much another training would change: the imported predictions of {join_names(names, 'and')} do not say it."
    )


def _another_training(board: Sequence[Row]) -> str:
    """Which models another training would change, by how much nobody knows."""
    single = [str(row["model"]) for row in board if row.get("seeded") and len(row["seeds"]) == 1]
    if not single:
        return ""
    were = "was" if len(single) == 1 else "were"
    return f"How much another training would change: {join_names(single, 'and')} {were} trained with one seed."


def _choice(about: Mapping[str, Any], ranks: Sequence[Row]) -> str:
    if about.get("variants") == ALL_VARIANTS:
        return "How good the best variant is: all are ranked on the test cases, so that the best one looks too good."
    optimism = next((row.get("optimism") for row in ranks if row.get("rank") == 1), None)
    if optimism is None or float(optimism) < LEAST_OPTIMISM:
        return ""
    return f"How good the first model is on other cases: chosen by these, it looks better by about {optimism:.2f}."


def _speed(board: Sequence[Row]) -> str:
    local = [row for row in board if row.get("kind", LOCAL) == LOCAL]
    if any_value(local, LATENCY):
        grades = [row.get("latency_grade") for row in local if not is_undefined(row.get(LATENCY))]
        return "" if any(is_undefined(grade) or grade in TONES for grade in grades) else DISTURBED
    if not local:
        return ""
    return "How fast the models are and what they cost: they were not measured."
