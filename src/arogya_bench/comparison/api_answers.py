"""How the API of a leaderboard row answered: read from the predictions and the tags of its evaluations."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from arogya_bench.analysis.conditions import CLEAN
from arogya_bench.analysis.scored_rows import EvaluatedRow
from arogya_bench.api_models.calls import Status
from arogya_bench.comparison.blocks import ComparableRuns
from arogya_bench.prices.tokens import TokenUsage
from arogya_bench.scoring.tasks import correct_cases
from arogya_bench.tracking.runs import RunRecord
from arogya_bench.tracking.tags import (
    API,
    API_CONTROL,
    API_FIRST_ASKED,
    API_LAST_ASKED,
    API_MODEL_VERSION,
    API_TERMS,
    API_TIER,
    model_without_control,
)
from arogya_bench.types import Floats, Labels, Predictions

FAILURES = tuple(status for status in Status if status is not Status.OK)
OWN_SERVER = "own"  # tier of a server that nobody bills


@dataclass(frozen=True, kw_only=True)
class ApiAnswers:
    """The answers of an API to the test cases under one condition.

    Attributes:
        name: Display name of the leaderboard row.
        runs: One per seed, and per fold of a cross-validation.
        predictions: One per seed, on the same cases; one in all if no seed changes them.
        logged: One per seed, also where seeds agree: an answer that was reused has no time, the first one has.
    """

    name: str
    runs: tuple[RunRecord, ...] = field(repr=False)
    predictions: tuple[Predictions, ...] = field(repr=False)
    logged: tuple[Predictions, ...] = field(repr=False)

    @property
    def api(self) -> str:
        """Name of the adapter."""
        return self._stated(API)

    @property
    def model(self) -> str:
        """Name of the model; of a control, that of the model that it belongs to."""
        return model_without_control(self.runs[0].tags)

    @property
    def tier(self) -> str:
        """``paid``, ``free``, or ``own`` for a server of one's own."""
        return self._stated(API_TIER)

    @property
    def model_version(self) -> str:
        """The versions that answered."""
        return self._stated(API_MODEL_VERSION)

    @property
    def terms(self) -> str:
        """What the terms of the provider limit; empty if there are none."""
        return self._stated(API_TERMS)

    @property
    def control(self) -> str:
        """``blank`` or ``shuffled_labels``; empty for the model itself."""
        return self._stated(API_CONTROL)

    @property
    def batch(self) -> bool:
        """Whether requests were sent in the batch mode of the provider."""
        return "True" in self.params("model.batch")

    @property
    def first_asked(self) -> str:
        """When the oldest answer was requested, in ISO format; empty if unknown."""
        return min(self._values(API_FIRST_ASKED), default="")

    @property
    def last_asked(self) -> str:
        """When the newest answer was requested."""
        return max(self._values(API_LAST_ASKED), default="")

    @cached_property
    def answered(self) -> NDArray[np.bool_]:
        """Shape (n,) over all seeds: whether there is an answer."""
        table = np.concatenate([seed.probabilities for seed in self.predictions])
        has_answer: NDArray[np.bool_] = ~np.isnan(table).any(axis=1)
        return has_answer

    @cached_property
    def correct(self) -> NDArray[np.bool_]:
        """Shape (n,): whether the answer is right; a case without an answer is wrong."""
        columns = [correct_cases(seed) for seed in self.predictions]
        return np.concatenate([column for column in columns if column is not None])

    @cached_property
    def group_of(self) -> Labels:
        """Shape (n,), an integer for each group, the same for all seeds."""
        names = [group for seed in self.predictions for group in seed.group_ids]
        index: Labels = np.unique(np.array(names), return_inverse=True)[1].astype(np.int64)
        return index

    @property
    def cases(self) -> int:
        """Number of test cases, once."""
        return len(self.predictions[0].case_ids)

    @property
    def groups(self) -> int:
        """Number of independent groups of the cases."""
        return int(np.unique(self.group_of).size)

    def has_status(self, status: Status) -> NDArray[np.bool_]:
        """Shape (n,): which cases ended so; all False in a store without the columns of answers."""
        values = self.column("answer_status")
        return np.array([value == status for value in values] or [False] * self.answered.size, dtype=np.bool_)

    def column(self, name: str) -> list[Any]:
        """The values of a column of ``ANSWER_COLUMNS``; empty in a store without it."""
        return [value for seed in self.predictions for value in seed.answers.get(name, ())]

    def numbers(self, name: str) -> Floats:
        """The values of a column that are known."""
        return _known(self.column(name))

    def times(self, name: str) -> Floats:
        """The times of a column, of the answers that were not reused."""
        return _known(
            value
            for seed in self.logged
            for value, reused in zip(seed.answers.get(name, ()), seed.answers.get("answer_reused", ()), strict=False)
            if not reused
        )

    @property
    def usages(self) -> list[TokenUsage]:
        """The tokens of each case, over all its attempts and repeats."""
        columns = [self.column(f"answer_{name}_tokens") for name in ("input", "cached", "output", "thinking")]
        return [
            TokenUsage(input=_count(given), cached=_count(cached), output=_count(output), thinking=_count(thinking))
            for given, cached, output, thinking in zip(*columns, strict=True)
        ]

    def params(self, name: str) -> Sequence[str]:
        """The distinct values of a parameter of the runs."""
        return list(dict.fromkeys(run.params[name] for run in self.runs if name in run.params))

    @property
    def settings(self) -> dict[str, Sequence[str]]:
        """The parameters of the model that the runs log, whether it is a control left out."""
        names = dict.fromkeys(name for run in self.runs for name in run.params if name.startswith("model."))
        return {name: self.params(name) for name in names if name != "model.control"}

    def _values(self, tag: str) -> list[str]:
        return [run.tags[tag] for run in self.runs if run.tags.get(tag)]

    def _stated(self, tag: str) -> str:
        """The distinct values of a tag."""
        return ", ".join(dict.fromkeys(part for value in self._values(tag) for part in _parts(tag, value)))


def load_api_answers(
    block: ComparableRuns, evaluated: Mapping[str, EvaluatedRow], condition: str = CLEAN
) -> dict[str, ApiAnswers]:
    """The answers of each row of an API, by display name; of classifiers only.

    Args:
        block: With the runs.
        evaluated: The predictions of each row under the condition, by its digest.
        condition: Name of the condition.
    """
    found = {}
    for digest, row in evaluated.items():
        if digest in block.api_rows and _labels(row):
            found[row.name] = ApiAnswers(
                name=row.name,
                runs=tuple(run for seed in row.seeds for run in block.parts((digest, condition, seed))),
                predictions=_labels(row.collapse_seeds()),
                logged=_labels(row),
            )
    return found


def _labels(row: EvaluatedRow) -> tuple[Predictions, ...]:
    return tuple(seed for seed in row.predictions if isinstance(seed, Predictions))


def _parts(tag: str, value: str) -> list[str]:
    """A tag may list several versions; a sentence has commas of its own."""
    return value.split(", ") if tag == API_MODEL_VERSION else [value]


def _known(values: Iterable[Any]) -> Floats:
    numbers = [float(value) for value in values if value is not None]
    return np.array([value for value in numbers if np.isfinite(value)], dtype=np.float64)


def _count(value: Any) -> int | None:
    return None if value is None or not np.isfinite(value) else int(value)
