"""The first screen of a report: question, answer, the three numbers behind it, and what they rest on."""

from collections.abc import Mapping, Sequence
from typing import Any

from arogya_bench.comparison.comparison import ComparisonTables
from arogya_bench.comparison.limit_outcomes import ELIGIBLE, UNDECIDED
from arogya_bench.comparison.pareto import LATENCY
from arogya_bench.comparison.verdict import LOWEST_COST, NOT_WORSE, ONLY_ONE
from arogya_bench.comparison.verdict_words import join_names
from arogya_bench.report.chapters import rows_of
from arogya_bench.report.columns import Row
from arogya_bench.report.structure import KeyNumber, Summary
from arogya_bench.report.summary_limits import imported_models, list_not_shown, list_warnings
from arogya_bench.report.wording import UNDEFINED, format_measured, format_with_interval, is_undefined

QUESTION = "Which of these models should be deployed for {dataset}?"
READ_TABLES = (
    "leaderboard", "pairwise", "robustness", "operating_points", "per_class", "ranks", "subgroups", "measurements",
    "missing", "models", "limits",
)  # fmt: skip
SEEDS_NOT_STATED = "not stated by imported predictions"
Tables = Mapping[str, Sequence[Row]]


def build_summary(comparison: ComparisonTables, verdict: Row, facts: Mapping[str, Any]) -> Summary:
    """The first screen of a dataset with a result."""
    dataset = str(verdict["dataset"])
    tables = {name: rows_of(comparison, name, dataset) for name in READ_TABLES}
    return Summary(
        question=QUESTION.format(dataset=dataset),
        answer=_answer(verdict, tables, facts, float(comparison.about["alpha"])),
        reason=str(verdict["reason"]),
        numbers=_numbers(verdict, tables, facts),
        rests_on=_rests_on(comparison.about, tables, facts),
        not_shown=list_not_shown(comparison.about, tables, facts),
        warnings=list_warnings(verdict, tables, facts),
    )


def summarise_failure(dataset: str, reason: str) -> Summary:
    """The first screen of a dataset on which no evaluation finished."""
    return Summary(question=QUESTION.format(dataset=dataset), answer="No result.", reason=reason)


def _answer(verdict: Row, tables: Tables, facts: Mapping[str, Any], alpha: float) -> str:
    """The verdict in one sentence, for somebody who does not read on."""
    models = [name for name in str(verdict["models"]).split(", ") if name]
    alternatives = [name for name in str(verdict.get("alternatives") or "").split(", ") if name]
    if verdict["verdict"] == "ahead":
        beaten = _count_beaten(models[0], tables["pairwise"], alpha, low_is_better=_is_low(facts))
        among = "" if beaten == len(tables["leaderboard"]) - 1 else " that may be recommended"
        return f"{models[0]}: it is shown to be better than each other model{among}.{_cheaper(alternatives)}"
    if verdict["verdict"] == "recommended":
        because, is_cheapest = _because(str(verdict["reason"])), LOWEST_COST in str(verdict["reason"])
        also = "" if is_cheapest else _cheaper(alternatives)
        return f"{models[0]}: it is the one to take of these models{because}.{also}"
    if alternatives:
        return f"Any of {join_names(alternatives, 'and')}: they differ by too little to matter."
    return f"Not decided: {_undecided(models, tables)}."


def _because(reason: str) -> str:
    """Why a model is recommended that is not shown to be better than each other one."""
    if ONLY_ONE in reason:
        return ", since it alone is shown to meet every limit"
    if LOWEST_COST in reason:
        return ", since it is shown to cost least of those that differ by too little to matter"
    if NOT_WORSE in reason:
        return ", since it alone is shown to lose too little to matter against any other that may be recommended"
    return ""


def _undecided(models: Sequence[str], tables: Tables) -> str:
    """Why there is no answer: limits that may be met or not, or cases that do not tell the models apart."""
    if not models:
        return "no model can be recommended on these cases"
    names = join_names(models, "and")
    if set(models) <= _with_open_limit(tables.get("limits", ())):
        none = f"{names} is not" if len(models) == 1 else f"none of {names} is"
        return f"{none} shown to meet every limit yet"
    if len(models) > 1:
        return f"these cases do not show which of {names} is better"
    if len(tables["leaderboard"]) == 1:
        return f"there is no other model to compare {names} with"
    return f"{names} cannot be recommended on these cases"


def _with_open_limit(rows: Sequence[Row]) -> set[str]:
    """The models that are not shown to meet some limit, nor to miss it."""
    return {str(row["model"]) for row in rows if row["verdict"] == UNDECIDED}


def _is_low(facts: Mapping[str, Any]) -> bool:
    """Whether low values of the deciding metric are better."""
    return facts.get("direction") == "low"


def _count_beaten(model: str, pairs: Sequence[Row], alpha: float, *, low_is_better: bool) -> int:
    """How many models a model is shown to be better than; one that may not be recommended may be better."""
    shown = [row for row in pairs if not is_undefined(row["p_adjusted"]) and float(row["p_adjusted"]) < alpha]
    return sum(row["a" if (float(row["difference"]) > 0) != low_is_better else "b"] == model for row in shown)


def _cheaper(alternatives: Sequence[str]) -> str:
    """What a reader must know who does not read on: that less money buys as much."""
    if not alternatives:
        return ""
    is_one = len(alternatives) == 1
    names, verb, loses = join_names(alternatives, "and"), "is" if is_one else "are", "loses" if is_one else "lose"
    return f" {names} {verb} cheaper and {loses} too little to matter."


def _numbers(verdict: Row, tables: Tables, facts: Mapping[str, Any]) -> tuple[KeyNumber, ...]:
    """The metric of the model, its lead, and what is most telling beside them, as far as each is known."""
    board, metric = tables["leaderboard"], str(facts["metric"])
    spoken = f"{metric} (lower is better)" if _is_low(facts) else metric
    named = str(verdict.get("recommended") or "") or next(iter(str(verdict["models"]).split(", ")), "")
    row = next((row for row in board if row["model"] == named), board[0] if board else None)
    if row is None:
        return ()
    model = str(row["model"])
    first = KeyNumber(label=f"{spoken} of {model}", value=format_with_interval(row, metric), term=metric)
    rest = (_lead(model, tables, spoken), _telling_number(row, tables, low_is_better=_is_low(facts)))
    return (first, *(number for number in rest if number is not None))


def _lead(model: str, tables: Tables, metric: str) -> KeyNumber | None:
    """The difference to the next model, with its interval; one that meets every limit comes before others."""
    limited = {str(row["model"]) for row in tables.get("limits", ()) if row["verdict"] != ELIGIBLE}
    others = [str(row["model"]) for row in tables["leaderboard"] if row["model"] != model]
    others.sort(key=limited.__contains__)
    pairs = {frozenset((str(row["a"]), str(row["b"]))): row for row in tables["pairwise"]}
    pair = next((pairs[key] for other in others if (key := frozenset((model, other))) in pairs), None)
    if pair is None or is_undefined(pair["difference"]):
        return None
    other = str(pair["b"] if pair["a"] == model else pair["a"])
    value = format_with_interval(pair if pair["a"] == model else _reverse(pair), "difference", signed=True)
    return KeyNumber(label=f"Difference in {metric} to {other}", value=value, term="difference")


def _reverse(pair: Row) -> Row:
    value, low, high = (pair[key] for key in ("difference", "difference.ci_low", "difference.ci_high"))
    ends = {"difference.ci_low": None if high is None else -high, "difference.ci_high": None if low is None else -low}
    return {"difference": -value, **ends}


def _telling_number(row: Row, tables: Tables, *, low_is_better: bool) -> KeyNumber | None:
    """How many are found and spared, else the class that fares worst, else the worst degradation, else the time."""
    model = str(row["model"])
    of_model = {name: [found for found in rows if found.get("model") == model] for name, rows in tables.items()}
    return (
        _operating_point(of_model["operating_points"])
        or _weakest_class(of_model["per_class"])
        or _worst_condition(of_model["robustness"], low_is_better=low_is_better)
        or _latency(row)
    )


def _operating_point(rows: Sequence[Row]) -> KeyNumber | None:
    """Sensitivity and specificity of two classes, at the threshold that was locked for sensitivity, else by default."""
    if len({row["positive_class"] for row in rows}) != 1:
        return None
    locked = [row for row in rows if row["target"] == "sensitivity" and not is_undefined(row["sensitivity"])]
    found = next(iter(locked or rows))
    if is_undefined(found["sensitivity"]) or is_undefined(found["specificity"]):
        return None
    at = f"at the threshold for a sensitivity of {found['target_value']:g}" if locked else "by default"
    value = f"{format_with_interval(found, 'sensitivity')}, {format_with_interval(found, 'specificity')}"
    label = f"Sensitivity and specificity of {found['model']} for {found['positive_class']} {at}"
    return KeyNumber(label=label, value=value, term="sensitivity")


def _weakest_class(rows: Sequence[Row]) -> KeyNumber | None:
    known = [row for row in rows if not is_undefined(row["sensitivity"])]
    if len(known) < 2:
        return None
    worst = min(known, key=lambda row: float(row["sensitivity"]))
    label = f"Lowest sensitivity of a class by {worst['model']}: {worst['class']}"
    return KeyNumber(label=label, value=format_with_interval(worst, "sensitivity"), term="sensitivity")


def _worst_condition(rows: Sequence[Row], *, low_is_better: bool) -> KeyNumber | None:
    known = [row for row in rows if not is_undefined(row["change"])]
    if not known:
        return None
    worst = (max if low_is_better else min)(known, key=lambda row: float(row["change"]))
    label = f"Change of {worst['model']} under {worst['condition']}, the worst degradation"
    return KeyNumber(label=label, value=format_with_interval(worst, "change", signed=True), term="change")


def _latency(row: Row) -> KeyNumber | None:
    if is_undefined(row.get(LATENCY)):
        return None
    value = f"{format_measured(row, LATENCY, grade=row.get('latency_grade') or '')} ms"
    return KeyNumber(label=f"Median time of {row['model']} for one image", value=value, term=LATENCY)


def _rests_on(about: Mapping[str, Any], tables: Tables, facts: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    board = tables["leaderboard"]
    first: Row = board[0] if board else {}
    grouped = facts.get("grouped", True)
    seeds = sorted({str(seed) for row in board if row.get("seeded") for seed in row["seeds"]}, key=_by_number)
    days = [str(about[name]) for name in ("evaluated_from", "evaluated_to") if about.get(name)]
    pairs = (
        ("Patients", _known(first.get("groups")) if grouped else "not named by the dataset"),
        ("Test cases", _known(first.get("cases"))),
        ("Sites", _known(facts.get("sites"), "not recorded")),
        ("Training seeds", _count_seeds(seeds, imported=bool(imported_models(tables)))),
        ("Evaluations", str(about["evaluations"])),
        ("Evaluated (UTC)", " to ".join(dict.fromkeys(days)) or "not recorded"),
        ("arogya-bench", str(about.get("version") or "not recorded")),
    )
    return tuple((label, value) for label, value in pairs if value)


def _count_seeds(seeds: Sequence[str], *, imported: bool) -> str:
    """How many there are and which, since one seed named 42 is not 42 of them."""
    if not seeds:
        return SEEDS_NOT_STATED if imported else "none of these models depends on one"
    return f"{len(seeds)} ({'seed' if len(seeds) == 1 else 'seeds'} {', '.join(seeds)})"


def _known(value: object, absent: str = UNDEFINED) -> str:
    return absent if is_undefined(value) else str(value)


def _by_number(seed: str) -> tuple[int, str]:
    return (int(seed), "") if seed.isdecimal() else (0, seed)
