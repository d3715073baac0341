"""The table of the stability of the ranking: over resamples, seeds, parts of the data, conditions and methods."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import comb

import numpy as np
import scipy

from arogya_bench.analysis.case_scores import group_scores
from arogya_bench.analysis.scored_rows import ScoredRow
from arogya_bench.analysis.study import Study
from arogya_bench.analysis.subset_scores import dividing_columns, score_part
from arogya_bench.analysis.table_rows import TableRow
from arogya_bench.runtime.console import plural
from arogya_bench.statistics.notes import join_notes
from arogya_bench.statistics.ranking import kendall_tau, rankings_side_by_side
from arogya_bench.statistics.t_tests import remove_rounding_noise
from arogya_bench.types import Floats

RESAMPLES = "resamples of the test cases"
MAX_TESTED_SCORES = 20_000  # pairs of rows times groups; beyond it, the tests of all pairs take too long
MAX_NAMES = 5  # of rows that are first somewhere
LEAST_SHARE = 0.005  # of repetitions, for a name
RANK_STABILITY_COLUMNS = (
    "dataset", "metric", "source", "n", "tau", "tau_low", "same_order", "leader", "leader_first", "leader_rank_low",
    "leader_rank_high", "first", "note",
)  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class _Repetitions:
    """The rows scored again, shape (rows, n), from one source of variation."""

    source: str
    scores: Floats
    note: str = ""


def rank_stability_rows(study: Study) -> list[TableRow]:
    """One row per source of variation, of the rows that may be recommended.

    Returns:
        ``tau``: mean of Kendall's tau-b between the rankings of ``n`` repetitions and that of the leaderboard, and
        ``tau_low``, the lowest one (of resamples the 2.5 % quantile); ``same_order``: the share of repetitions with the
        same ranking; ``leader_first``: that with the same first row, ties shared; ``leader_rank_low`` and
        ``leader_rank_high``: its ranks (of resamples 95 % of them); ``first``: who is first how often. Empty with
        fewer than two such rows.
    """
    judgement = study.judgement
    rows = [row for row in judgement.compared if row.name not in judgement.excluded]
    if len(rows) < 2:
        return []
    sources = (_resamples(study, rows), *_seeds(study, rows), *_parts(study, rows), *_conditions(study, rows),
               _methods(study, rows))  # fmt: skip
    return [_describe(study, rows, found) for found in sources]


def _resamples(study: Study, rows: Sequence[ScoredRow]) -> _Repetitions:
    values = np.array([row.mean_over_seeds(study.metric).values for row in rows])
    return _Repetitions(source=RESAMPLES, scores=values)


def _seeds(study: Study, rows: Sequence[ScoredRow]) -> Iterator[_Repetitions]:
    """Each seed that all rows with several seeds share; rows with one seed are the same in each."""
    several = [row for row in rows if len(row.by_seed) > 1]
    if not several:
        return
    shared = sorted(set.intersection(*(set(row.row.seeds) for row in several)))
    scores = [
        [row.estimate(study.metric) if len(row.by_seed) == 1 else row.select_seeds([seed]).estimate(study.metric)
         for seed in shared]
        for row in rows
    ]  # fmt: skip
    fixed = len(rows) - len(several)
    note = f"{plural(fixed, 'model')} with one seed, the same in each" if fixed else ""
    yield _Repetitions(source="training seeds", scores=np.array(scores).reshape(len(rows), len(shared)), note=note)


def _parts(study: Study, rows: Sequence[ScoredRow]) -> Iterator[_Repetitions]:
    """The parts of each metadata column that divides the cases."""
    for column in dividing_columns(study):
        scores = [[score_part(row, study, column.cases_of(part)) for part in column.large_parts] for row in rows]
        left_out = len(column.parts) - len(column.large_parts)
        note = f"{plural(left_out, 'small part')} left out" if left_out else ""
        yield _Repetitions(source=f"parts by {column.name}", scores=np.array(scores), note=note)


def _conditions(study: Study, rows: Sequence[ScoredRow]) -> Iterator[_Repetitions]:
    """Each condition under which all rows were evaluated."""
    if not study.degraded:
        return
    columns: list[list[float]] = []
    for degraded in study.degraded:
        by_name: Mapping[str, ScoredRow] = {row.name: row for row in degraded.rows}
        if all(row.name in by_name for row in rows):
            columns.append([by_name[row.name].estimate(study.metric) for row in rows])
    absent = len(study.degraded) - len(columns)
    note = f"{plural(absent, 'condition')} left out, which not every model has" if absent else ""
    yield _Repetitions(source="conditions", scores=np.array(columns).reshape(len(columns), len(rows)).T, note=note)


def _methods(study: Study, rows: Sequence[ScoredRow]) -> _Repetitions:
    """Ranks by the mean rank within cases, and by the number of models that a model is shown to beat."""
    none = np.empty((len(rows), 0))
    source = "methods of ranking"
    scores = [column for row in rows if (column := group_scores(row, study.cases, study.metric)) is not None]
    if len(scores) < len(rows):
        return _Repetitions(source=source, scores=none, note=f"{study.metric} is no mean over cases")
    if scores[0].size < 2:
        return _Repetitions(source=source, scores=none, note=f"not computed: {study.metric} rests on one {study.unit}")
    if comb(len(rows), 2) * scores[0].size > MAX_TESTED_SCORES:
        return _Repetitions(source=source, scores=none, note="not computed: too many models and cases")
    best = study.task.metrics[study.metric].best
    found = rankings_side_by_side(np.array(scores).T, best=best)
    sign = -1 if best == "high" else 1
    ranks = sign * np.column_stack([found.rank_then_aggregate, found.test_then_rank])
    return _Repetitions(
        source=source, scores=ranks, note=join_notes("mean rank within cases; number of models shown to be worse",
                                                     found.note)
    )  # fmt: skip


def _describe(study: Study, rows: Sequence[ScoredRow], found: _Repetitions) -> TableRow:
    sign = 1 if study.task.metrics[study.metric].best == "high" else -1
    overall = sign * np.array([row.estimate(study.metric) for row in rows])
    defined = np.isfinite(found.scores).all(axis=0)
    table = remove_rounding_noise(np.column_stack([overall, sign * found.scores[:, defined]]))
    undefined = int((~defined).sum())
    note = f"undefined for a model in {undefined} of {defined.size}, which are left out" if undefined else ""
    return {
        **dict.fromkeys(RANK_STABILITY_COLUMNS),
        "dataset": study.dataset,
        "metric": study.metric,
        "source": found.source,
        "n": int(defined.sum()),
        "leader": rows[0].name,
        **(_agreement(table, [row.name for row in rows], found.source) if defined.any() else {}),
        "note": join_notes(found.note, note),
    }


def _agreement(table: Floats, names: Sequence[str], source: str) -> TableRow:
    """What the columns after the first say about the first; higher is better, the leader is the first row."""
    tau = kendall_tau(table)
    ranks = scipy.stats.rankdata(-table, axis=0)
    leader = scipy.stats.rankdata(-table, axis=0, method="min")[0, 1:]
    outside = 0.025 if source == RESAMPLES else 0.0
    first = table[:, 1:] == table[:, 1:].max(axis=0)
    shares = (first / first.sum(axis=0)).mean(axis=1)
    return {
        "tau": None if tau is None else float(tau.mean()),
        "tau_low": None if tau is None else float(np.quantile(tau, outside)),
        "same_order": float((ranks[:, 1:] == ranks[:, :1]).all(axis=0).mean()),
        "leader_first": float(shares[0]),
        "leader_rank_low": int(np.quantile(leader, outside, method="lower")),
        "leader_rank_high": int(np.quantile(leader, 1 - outside, method="higher")),
        "first": _describe_first(dict(zip(names, shares, strict=True))),
    }


def _describe_first(shares: Mapping[str, float]) -> str:
    first = sum(share > 0 for share in shares.values())
    most = [(name, share) for name, share in Counter(shares).most_common(MAX_NAMES) if share >= LEAST_SHARE]
    others = first - len(most)
    listed = ", ".join(f"{name} {100 * share:.0f} %" for name, share in most)
    return f"{listed}, {others} more" if others > 0 else listed
