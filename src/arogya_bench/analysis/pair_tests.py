"""The pairs of a study by the test and the correction that the user chose."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from math import sqrt
from typing import cast

import numpy as np

from arogya_bench.analysis.case_scores import case_scores, group_scores
from arogya_bench.analysis.options import DEFAULT_CORRECTION, DEFAULT_TEST
from arogya_bench.analysis.pair_test_check import TestedData, check_pair_test
from arogya_bench.analysis.pairs import PairJudgement
from arogya_bench.analysis.scored_rows import ScoredRow, SharedCases
from arogya_bench.analysis.study import Study
from arogya_bench.errors import UndefinedMetric
from arogya_bench.statistics.delong import delong
from arogya_bench.statistics.intervals import interval
from arogya_bench.statistics.multiplicity import Adjustment, adjust
from arogya_bench.statistics.notes import join_notes
from arogya_bench.statistics.paired_differences import ALPHA
from arogya_bench.statistics.proportions import mcnemar
from arogya_bench.statistics.signed_rank import wilcoxon
from arogya_bench.statistics.step_down import step_down_p_values
from arogya_bench.statistics.t_tests import paired_t
from arogya_bench.types import Predictions

D_Z = "difference / standard deviation between groups (d_z)"


@dataclass(frozen=True, kw_only=True)
class PairOutcome:
    """A pair by the chosen test.

    Attributes:
        pair: By the default test, on which the verdict rests.
        p_value: None where the test is undefined, with the reason in ``note``.
        low: Lower end of the 95 % interval of the difference; None if the test has none.
        direction: Above 0 if the test has the first row ahead.
        effect_size: As ``effect_size_kind`` says; None where it is undefined.
        p_adjusted: After the chosen correction.
        better: The row that is shown to be better after it; None if neither is.
    """

    pair: PairJudgement
    p_value: float | None
    low: float | None
    high: float | None
    direction: float
    method: str
    effect_size: float | None
    effect_size_kind: str = D_Z
    note: str = ""
    p_adjusted: float | None = None
    simultaneous_low: float | None = None
    simultaneous_high: float | None = None
    better: str | None = None


@dataclass(frozen=True, kw_only=True)
class _TestedPair:
    """Both rows of a pair, the better one first, and what a test reads of them."""

    pair: PairJudgement
    a: ScoredRow
    b: ScoredRow
    cases: SharedCases
    metric: str

    @property
    def sign(self) -> int:
        """1 if a high value of the metric is better, otherwise -1."""
        return 1 if self.cases.task.metrics[self.metric].best == "high" else -1

    @property
    def d_z(self) -> float | None:
        """The difference over the standard deviation between groups."""
        spread = sqrt(self.pair.result.group_variance * self.cases.groups)
        return self.pair.result.estimate / spread if spread else None


def pair_outcomes(study: Study) -> list[PairOutcome]:
    """Test every pair of the family, in the order of the judgement.

    Raises:
        ConfigError: If the chosen test does not fit the data.
    """
    if "pair_outcomes" not in study.computed:
        study.computed["pair_outcomes"] = _compute_outcomes(study)
    outcomes: list[PairOutcome] = study.computed["pair_outcomes"]
    return outcomes


def _compute_outcomes(study: Study) -> list[PairOutcome]:
    check_pair_test(study.options, tested_data(study))
    rows = {row.name: row for row in study.rows}
    outcomes = [
        _test(study.options.test, _TestedPair(pair=pair, a=rows[pair.a], b=rows[pair.b], cases=study.cases,
                                              metric=study.metric))
        for pair in study.judgement.pairs
    ]  # fmt: skip
    return [_conclude(outcome) for outcome in _correct(outcomes, study)]


def control_outcomes(study: Study) -> list[PairOutcome]:
    """Every pair of a row and a control, by the default test, each by itself."""
    rows = {row.name: row for row in study.rows}
    return [
        replace(
            _group_t(_TestedPair(pair=pair, a=rows[pair.a], b=rows[pair.b], cases=study.cases, metric=study.metric)),
            better=pair.better,
        )
        for pair in study.judgement.control_pairs
    ]


def tested_data(study: Study) -> TestedData:
    """What decides whether a test fits a study."""
    return TestedData(
        dataset=study.dataset,
        metric=study.metric,
        classes=len(study.cases.class_names),
        cases=study.cases.cases,
        groups=study.cases.groups,
        seeds=max((len(row.row.predictions) for row in study.judgement.compared), default=1),
    )


def _test(name: str, tested: _TestedPair) -> PairOutcome:
    try:
        return _TESTS[name](tested)
    except UndefinedMetric as error:
        return PairOutcome(
            pair=tested.pair, p_value=None, low=None, high=None, direction=0.0, method=name, effect_size=None,
            note=f"the test is undefined: {error}",
        )  # fmt: skip


def _group_t(tested: _TestedPair) -> PairOutcome:
    result = tested.pair.result
    return PairOutcome(
        pair=tested.pair,
        p_value=result.p_value,
        low=result.low,
        high=result.high,
        direction=tested.sign * result.estimate,
        method="t, variance over groups" + ("" if result.seed_variance is None else " and seeds"),
        effect_size=tested.d_z,
    )


def _bootstrap(tested: _TestedPair) -> PairOutcome:
    a, b = tested.a.mean_over_seeds(tested.metric), tested.b.mean_over_seeds(tested.metric)
    estimate, of_seeds = tested.pair.result.estimate, tested.pair.result.seed_variance
    rng = np.random.default_rng(a.draws.seed or 0)
    noise = rng.normal(scale=sqrt(of_seeds), size=a.values.size) if of_seeds else 0.0
    found = interval(estimate, a.values - b.values + noise, None, draws=a.draws, method="percentile")
    smallest = found.p_two_sided_plus1 is not None and found.p_two_sided_plus1 <= 2 / (found.resamples + 1)
    return PairOutcome(
        pair=tested.pair,
        p_value=found.p_value,
        low=found.low,
        high=found.high,
        direction=tested.sign * estimate,
        method="paired bootstrap over groups, percentile",
        effect_size=tested.d_z,
        note=join_notes(
            found.note,
            "the spread between seeds is added as a normal error" if of_seeds else "",
            f"p is the smallest that {found.resamples} resamples can show" if smallest else "",
        ),
    )


def _paired_t(tested: _TestedPair) -> PairOutcome:
    found = paired_t(*_group_scores(tested))
    return PairOutcome(
        pair=tested.pair,
        p_value=found.p_value,
        low=found.low,
        high=found.high,
        direction=tested.sign * found.estimate,
        method="paired t of the means of groups",
        effect_size=found.d_z,
        note=found.note,
    )


def _wilcoxon(tested: _TestedPair) -> PairOutcome:
    found = wilcoxon(*_group_scores(tested))
    shift = "" if found.low is None or found.low == found.high else f"{found.low:.3f} to {found.high:.3f}"
    return PairOutcome(
        pair=tested.pair,
        p_value=found.p_value,
        low=None,
        high=None,
        direction=tested.sign * (found.rank_biserial or 0.0),
        method=found.method,
        effect_size=found.rank_biserial,
        effect_size_kind="rank-biserial correlation",
        note=join_notes(found.note, f"its interval is of the Hodges-Lehmann shift: {shift}" if shift else ""),
    )


def _mcnemar(tested: _TestedPair) -> PairOutcome:
    a, b = case_scores(tested.a, tested.metric), case_scores(tested.b, tested.metric)
    if a is None or b is None:
        raise UndefinedMetric(f"{tested.metric} is no share of cases")
    found = mcnemar(int((a > b).sum()), int((b > a).sum()), total=int(np.isfinite(a).sum()))
    return PairOutcome(
        pair=tested.pair,
        p_value=found.p_value,
        low=found.low,
        high=found.high,
        direction=float(found.b - found.c),
        method=f"{found.method}, interval of Tango",
        effect_size=found.odds_ratio,
        effect_size_kind="odds ratio of the discordant cases",
        note=found.note,
    )


def _delong(tested: _TestedPair) -> PairOutcome:
    first, second = (cast("Predictions", row.row.predictions[0]) for row in (tested.a, tested.b))
    found = delong(first.targets, first.probabilities[:, 1], second.probabilities[:, 1])
    return PairOutcome(
        pair=tested.pair,
        p_value=found.p_value,
        low=found.low,
        high=found.high,
        direction=found.diff,
        method=found.method,
        effect_size=tested.d_z,
        note=found.note,
    )


def _group_scores(tested: _TestedPair) -> list[np.ndarray]:
    scores = [group_scores(row, tested.cases, tested.metric) for row in (tested.a, tested.b)]
    if any(column is None for column in scores):
        raise UndefinedMetric(f"{tested.metric} is no mean over cases")
    return [column for column in scores if column is not None]


def _correct(outcomes: Sequence[PairOutcome], study: Study) -> list[PairOutcome]:
    """Adjust the p-values of all pairs; only the default correction has simultaneous intervals."""
    correction = study.options.correction
    if correction == DEFAULT_CORRECTION:
        return [
            replace(
                outcome,
                p_adjusted=outcome.pair.result.p_adjusted,
                simultaneous_low=outcome.pair.result.simultaneous_low,
                simultaneous_high=outcome.pair.result.simultaneous_high,
            )
            for outcome in outcomes
        ]
    if correction == "romano_wolf":
        adjusted = list(step_down_p_values(study.judgement.all_pairs).values())
    else:
        raw = [np.nan if outcome.p_value is None else outcome.p_value for outcome in outcomes]
        adjusted = adjust(raw, method=cast("Adjustment", correction)).tolist()
    return [
        replace(outcome, p_adjusted=None if np.isnan(p) else float(p))
        for outcome, p in zip(outcomes, adjusted, strict=True)
    ]


def _conclude(outcome: PairOutcome) -> PairOutcome:
    shown = outcome.p_adjusted is not None and outcome.p_adjusted < ALPHA
    opposite = outcome.direction < 0
    by_default = outcome.pair.better is not None
    return replace(
        outcome,
        better=outcome.pair.a if shown and not opposite else None,
        note=join_notes(
            outcome.note,
            "the test points the other way than the difference of the metric" if shown and opposite else "",
            _default_note(outcome) if (shown and not opposite) != by_default else "",
        ),
    )


def _default_note(outcome: PairOutcome) -> str:
    shown = "shown" if outcome.pair.better else "not shown"
    p_adjusted = outcome.pair.result.p_adjusted
    return (
        f"{shown} by the default test {DEFAULT_TEST} with {DEFAULT_CORRECTION} (p = {p_adjusted:.3g}), on which the "
        "verdict rests"
    )


_TESTS: Mapping[str, Callable[[_TestedPair], PairOutcome]] = {
    "group_t": _group_t,
    "bootstrap": _bootstrap,
    "paired_t": _paired_t,
    "wilcoxon": _wilcoxon,
    "mcnemar": _mcnemar,
    "delong": _delong,
}
