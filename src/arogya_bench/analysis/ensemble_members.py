"""Which rows are combined into ensembles, and of which seeds."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import cast

import numpy as np

from arogya_bench.analysis.combined_predictions import Combine
from arogya_bench.analysis.positive_class import states_probabilities
from arogya_bench.analysis.scored_rows import EvaluatedRow, ScoredRow
from arogya_bench.analysis.study import Study
from arogya_bench.metrics.plugins import PluginMetric
from arogya_bench.runtime.console import plural
from arogya_bench.types import Predictions, Probabilities

MAX_CANDIDATES = 6  # 15 pairs and 20 triples
MAX_CASES = 2_000_000  # cases of all seeds and ensembles together; with more, fewer rows are combined
MAX_CALLS = 20_000  # of a metric of another package, one for each group


@dataclass(frozen=True, kw_only=True)
class Candidates:
    """The rows that are combined; ``note`` says how they were chosen if there were more."""

    rows: tuple[ScoredRow, ...]
    note: str = ""


@dataclass(frozen=True, kw_only=True)
class Members:
    """Two or three rows that answer together, on the seeds that all of them have."""

    rows: tuple[ScoredRow, ...]

    @property
    def names(self) -> list[str]:
        """Display names, in the order of the leaderboard."""
        return [row.name for row in self.rows]

    @property
    def seeds(self) -> tuple[str, ...]:
        """Shared by the members that a seed changes; that of the first if a seed changes none; empty without any."""
        by_row = [_seed_names(row.row) for row in self.rows if not _is_fixed(row.row)]
        if not by_row:
            return _seed_names(self.rows[0].row)[:1]
        return tuple(seed for seed in by_row[0] if all(seed in seeds for seeds in by_row))

    @property
    def seeds_note(self) -> str:
        """What must be known of the seeds."""
        if not self.seeds:
            return "its members have no seed in common"
        every = {seed for row in self.rows if not _is_fixed(row.row) for seed in _seed_names(row.row)}
        return f"only seeds {' '.join(self.seeds)}, which all members have" if every - set(self.seeds) else ""

    @property
    def answers_note(self) -> str:
        """What became of cases without an answer."""
        missing = [[np.isnan(table).any(axis=1) for table in self._tables(seed)] for seed in self.seeds]
        some = max(int(np.any(by_member, axis=0).sum()) for by_member in missing)
        if not some:
            return ""
        none = max(int(np.all(by_member, axis=0).sum()) for by_member in missing)
        unanswered = f"; {plural(none, 'case')} without any answer" if none else ""
        return f"{plural(some, 'case')} that a member did not answer: the others decide{unanswered}"

    def combine(self, combine: Combine) -> EvaluatedRow:
        """The answers of the members together, seed i with seed i."""
        first = cast("Predictions", self.rows[0].row.predictions[0])
        return EvaluatedRow(
            name=" + ".join(self.names),
            predictions=tuple(
                replace(first, probabilities=combine(self._tables(seed)), answers={}) for seed in self.seeds
            ),
            seeds=self.seeds,
            repeats=self._repeats,
            seeded=any(row.row.seeded for row in self.rows),
        )

    @property
    def _repeats(self) -> tuple[str, ...]:
        """Of a cross-validation, the repeat of each seed; empty otherwise."""
        found = {
            seed: repeat for row in self.rows for seed, repeat in zip(row.row.seeds, row.row.repeats, strict=False)
        }
        return tuple(found[seed] for seed in self.seeds) if found else ()

    def _tables(self, seed: str) -> list[Probabilities]:
        """The probabilities of each member for a seed."""
        return [_of_seed(row.row, seed).probabilities for row in self.rows]


def choose_candidates(study: Study) -> Candidates:
    """The rows that may be recommended and are shown to be better than guessing, in the order of the leaderboard.

    If they are too many, those with the best validation scores; without these the first of the leaderboard, which
    the test cases chose.
    """
    judgement = study.judgement
    rows = [
        row
        for row in judgement.compared
        if row.name not in judgement.excluded
        and judgement.above_chance.get(row.name) is not False
        and states_probabilities(row)
    ]
    most = _most_candidates(study, rows)
    if len(rows) <= most:
        return Candidates(rows=tuple(rows))
    on_validation = _validation_scores(study, rows)
    chosen = f"the {most} of {len(rows)} rows that are combined"
    if on_validation is None:
        note = f"{chosen} are the best on these test cases, so that the ensembles look too good"
        return Candidates(rows=tuple(rows[:most]), note=note)
    best = sorted(range(len(rows)), key=lambda i: on_validation[i])[-most:]
    return Candidates(rows=tuple(rows[i] for i in sorted(best)), note=f"{chosen} were chosen on validation")


def _most_candidates(study: Study, rows: Sequence[ScoredRow]) -> int:
    """How many rows are combined, so that large datasets take seconds."""
    seeds = max((len(row.row.predictions) for row in rows), default=1)
    slow = isinstance(study.task.metrics[study.metric], PluginMetric)
    work, most = (study.cases.groups, MAX_CALLS) if slow else (study.cases.cases, MAX_CASES)
    fitting = [n for n in range(2, MAX_CANDIDATES + 1) if seeds * work * _count_ensembles(n) <= most]
    return max(fitting, default=2)


def _count_ensembles(rows: int) -> int:
    """Pairs by one rule, and triples by two."""
    return rows * (rows - 1) // 2 + 2 * (rows * (rows - 1) * (rows - 2) // 6)


def _validation_scores(study: Study, rows: Sequence[ScoredRow]) -> list[float] | None:
    """The deciding metric on validation, better if higher; None unless every row has it."""
    sign = 1 if study.task.metrics[study.metric].best == "high" else -1
    scores = []
    for row in rows:
        of_seeds = [
            study.task.score(predictions, study.task.plugin_metrics).values.get(study.metric)
            for predictions in study.validation.get(row.name, ())
        ]
        known = [value for value in of_seeds if value is not None]
        if not known or len(known) < len(of_seeds):
            return None
        scores.append(sign * float(np.mean(known)))
    return scores


def _is_fixed(row: EvaluatedRow) -> bool:
    """Whether it is one model for every seed."""
    return len(row.predictions) == 1 and not row.seeded


def _seed_names(row: EvaluatedRow) -> tuple[str, ...]:
    return row.seeds or tuple(str(number) for number in range(len(row.predictions)))


def _of_seed(row: EvaluatedRow, seed: str) -> Predictions:
    position = 0 if _is_fixed(row) else _seed_names(row).index(seed)
    return cast("Predictions", row.predictions[position])
