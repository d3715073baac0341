"""What the charts show, in a sentence or two, for readers who cannot see them."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from arogya_bench.report.wording import (
    MINUS,
    UNDEFINED,
    format_chance,
    format_number,
    format_p_value,
    format_percent,
    format_with_interval,
    is_undefined,
)
from arogya_bench.runtime.console import plural

MAX_NAMED = 3
LEAST_ADVANTAGE = 1e-9  # less is rounding
NOTHING = "No row has a value."
NOTHING_TO_LOSE = "No row is shown to be better than guessing on clean images, so that none has anything to lose."

Row = Mapping[str, Any]
Rows = Sequence[Row]


def describe_leaderboard(rows: Rows, metric: str) -> str:
    """Who is first by the deciding metric, how far ahead, and who is last."""
    ranked = [row for row in rows if not is_undefined(row[metric])]
    if not ranked:
        return f"No row has a value of {metric}."
    first, *others = ranked
    lead = f"{first['model']} has the best {metric}, {format_with_interval(first, metric)}"
    if not others:
        return f"{lead}; no other row has a value."
    last = others[-1]
    tail = (
        f"; the last of {len(ranked)} is {last['model']} with {format_with_interval(last, metric)}"
        if len(others) > 1
        else ""
    )
    return f"{lead}, before {others[0]['model']} with {format_with_interval(others[0], metric)}{tail}."


def describe_pairs(rows: Rows, metric: str, *, alpha: float = 0.05) -> str:
    """How many pairs are shown to differ, and which differ most."""
    tested = [row for row in rows if not is_undefined(row["difference"])]
    if not tested:
        return f"No pair has a difference in {metric}."
    shown = [row for row in tested if not is_undefined(row["p_adjusted"]) and row["p_adjusted"] < alpha]
    largest = max(tested, key=lambda row: abs(row["difference"]))
    others = [f"{row['a']} and {row['b']}" for row in tested if row not in shown]
    open_pairs = f" Not shown to differ: {_enumerate(others)}." if others else ""
    p_value = f"p = {format_p_value(largest['p_adjusted'])}".replace("= <", "<")
    return (
        f"{len(shown)} of {plural(len(tested), 'pair')} {'is' if len(shown) == 1 else 'are'} shown to differ. The "
        f"largest difference in {metric} is that of {largest['a']} {MINUS} {largest['b']}: "
        f"{format_with_interval(largest, 'difference', signed=True)}, {p_value}.{open_pairs}"
    )


def describe_robustness(rows: Rows, leaderboard: Rows, metric: str, *, low_is_better: bool = False) -> str:
    """Who keeps most and least of the clean value, and where the largest loss is; of low values, the largest rise."""
    clean = {str(row["model"]): row for row in leaderboard if not is_undefined(row[metric])}
    kept: dict[str, list[float]] = {}
    scored = [row for row in rows if not is_undefined(row.get("score"))]
    for row in scored:
        if clean.get(str(row["model"]), {}).get("above_chance") is not False:
            kept.setdefault(str(row["model"]), []).append(float(row["score"]))
    if not kept:
        return NOTHING_TO_LOSE if scored else _largest_change(rows, clean, metric, low_is_better=low_is_better)
    means = {model: sum(scores) / len(scores) for model, scores in kept.items()}
    best, worst = max(means, key=lambda name: means[name]), min(means, key=lambda name: means[name])
    sentence = f"On average over the conditions, {best} keeps {format_percent(means[best])} of its clean {metric}"
    if worst != best:
        sentence += f", the most; {worst} keeps {format_percent(means[worst])}, the least"
    return f"{sentence}.{_largest_loss([row for row in rows if str(row['model']) in kept], clean, metric)}"


def _largest_change(rows: Rows, clean: Mapping[str, Row], metric: str, *, low_is_better: bool) -> str:
    """Where no share of the clean value is defined: the change for the worse, if there is one."""
    changed = [row for row in rows if not is_undefined(row.get("change")) and str(row["model"]) in clean]
    if not changed:
        return f"No row has a value of {metric} on degraded images."
    sign = 1 if low_is_better else -1
    worst = max(changed, key=lambda row: sign * float(row["change"]))
    better, change = ("lower", "rise") if low_is_better else ("higher", "fall")
    if sign * float(worst["change"]) <= 0:
        return f"No condition makes {metric} worse ({better} is better)."
    before = format_number(clean[str(worst["model"])][metric])
    return (
        f"The largest {change} of {metric} ({better} is better) is that of {worst['model']} under "
        f"{worst['condition']}: from {before} to {format_number(worst['value'])}."
    )


def _largest_loss(rows: Rows, clean: Mapping[str, Row], metric: str) -> str:
    scored = [row for row in rows if not is_undefined(row.get("score")) and str(row["model"]) in clean]
    if not scored:
        return ""
    worst = min(scored, key=lambda row: float(row["score"]))
    before = format_number(clean[str(worst["model"])][metric])
    return (
        f" The largest loss is that of {worst['model']} under {worst['condition']}: from {before} to "
        f"{format_number(worst['value'])}."
    )


def describe_ranks(rows: Rows) -> str:
    """Who is first how often, and which ranks the first models have."""
    ranked = [row for row in rows if not is_undefined(row.get("rank"))]
    if not ranked:
        return NOTHING
    parts = []
    for row in ranked[:MAX_NAMED]:
        low, high = row.get("rank.ci_low"), row.get("rank.ci_high")
        ranks = "" if is_undefined(low) or is_undefined(high) else f", with ranks from {low:.0f} to {high:.0f}"
        parts.append(f"{row['model']} is first in {format_chance(row.get('p_best'))} of the resamples{ranks}")
    more = f"; {len(ranked) - MAX_NAMED} more rows follow" if len(ranked) > MAX_NAMED else ""
    return f"{'; '.join(parts)}{more}."


def describe_critical_difference(rows: Rows) -> str:
    """Which models the first one is shown to be better than, over datasets."""
    ranked = [row for row in rows if not is_undefined(row["critical_difference"])]
    ranked = [row for row in ranked if row["metric"] == ranked[0]["metric"]]
    if not ranked:
        return "There are too few datasets for a critical difference."
    first, reach = ranked[0], ranked[0]["mean_rank"] + ranked[0]["critical_difference"]
    behind = [str(row["model"]) for row in ranked if row["mean_rank"] > reach]
    shown = f"shown to be better than {_enumerate(behind)}" if behind else "not shown to be better than any other"
    return (
        f"Over {first['datasets']} datasets {first['model']} has the best mean rank, {first['mean_rank']:.2f}, and is "
        f"{shown}; the critical difference is {first['critical_difference']:.2f}."
    )


def describe_reliabilities(rows: Rows, guessing: Collection[str] = ()) -> str:
    """For each model of a picture, how far its probabilities are from what is observed.

    Args:
        rows: Of the table ``reliability``.
        guessing: Models that are not shown to be better than guessing, whose probabilities are easily right.
    """
    models: dict[str, list[Row]] = {}
    for row in rows:
        models.setdefault(str(row["model"]), []).append(row)
    left = [name for name in models if name in guessing]
    if left and len(left) < len(models):
        others = [row for row in rows if row["model"] not in guessing]
        named = _enumerate(left)
        return f"{describe_reliabilities(others)} Left aside, as not shown to be better than guessing: {named}."
    if not models:
        return NOTHING
    distances = {name: _mean_distance(bins) for name, bins in models.items()}
    known = {name: distance for name, distance in distances.items() if distance is not None}
    if not known:
        return NOTHING
    best, worst = min(known, key=lambda name: known[name]), max(known, key=lambda name: known[name])
    sentence = (
        f"The probabilities of {best} are nearest to what is observed: {format_number(known[best])} off on average"
    )
    return f"{sentence}; those of {worst} farthest: {format_number(known[worst])}." if worst != best else f"{sentence}."


def _mean_distance(bins: Rows) -> float | None:
    cases = [(row["cases"], abs(row["probability"] - row["observed"])) for row in bins if row["observed"] is not None]
    total = sum(count for count, _ in cases)
    return sum(count * distance for count, distance in cases) / total if total else None


def describe_net_benefit(rows: Rows) -> str:
    """Which model is the most useful at how many thresholds, and where none is."""
    by_threshold: dict[tuple[str, float], list[Row]] = {}
    for row in rows:
        if not is_undefined(row["net_benefit"]):
            by_threshold.setdefault((str(row["positive_class"]), row["threshold_probability"]), []).append(row)
    if not by_threshold:
        return NOTHING
    best = [max(group, key=lambda row: float(row["net_benefit"])) for group in by_threshold.values()]
    useful = [row for row in best if row["net_benefit"] > max(row["treat_all"], 0) + LEAST_ADVANTAGE]
    count = plural(len(best), "threshold")
    if not useful:
        return f"At none of {count} is the estimate of a model better than acting on all cases or on none."
    names = [str(row["model"]) for row in useful]
    first = max(dict.fromkeys(names), key=names.count)
    return (
        f"At {len(useful)} of {count} the estimate of a model is better than acting on all cases and on none; "
        f"{first} is the best at {names.count(first)} of them."
    )


def _enumerate(names: Sequence[str]) -> str:
    listed = ", ".join(names[:MAX_NAMED])
    return f"{listed} and {len(names) - MAX_NAMED} more" if len(names) > MAX_NAMED else listed or UNDEFINED
