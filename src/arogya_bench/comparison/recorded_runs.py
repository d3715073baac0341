"""The runs that a comparison read, so that it can be recomputed from the same ones when the store holds more."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, Self

from arogya_bench.tracking.runs import RunRecord
from arogya_bench.tracking.tags import ERROR, ERROR_MESSAGE, FIT_RUN_ID, KIND, SPLIT_DIGEST

Runs = list[RunRecord]


@dataclass(frozen=True, kw_only=True)
class UnfinishedRun:
    """How a run stood that had not finished; it may be resumed later.

    Attributes:
        cause: Class of the error; empty if it was not known.
        message: First line of the error.
        knew_data: Whether the run had read its data.
    """

    run_id: str
    status: str
    cause: str
    message: str
    knew_data: bool

    @classmethod
    def from_run(cls, run: RunRecord) -> Self:
        """What a comparison says of the run."""
        lines = run.tags.get(ERROR_MESSAGE, "").splitlines()
        return cls(
            run_id=run.run_id,
            status=run.status,
            cause=run.tags.get(ERROR, ""),
            message=lines[0] if lines else "",
            knew_data=SPLIT_DIGEST in run.tags,
        )

    def restore(self, run: RunRecord) -> RunRecord:
        """The run as it stood then."""
        later = {ERROR, ERROR_MESSAGE, *(() if self.knew_data else (SPLIT_DIGEST,))}
        tags = {name: value for name, value in run.tags.items() if name not in later}
        then = {name: value for name, value in ((ERROR, self.cause), (ERROR_MESSAGE, self.message)) if value}
        return replace(run, status=self.status, tags={**tags, **then})


@dataclass(frozen=True, kw_only=True)
class RecordedRuns:
    """The runs that a comparison read.

    Attributes:
        by_kind: Run ids by what the runs are, such as ``evaluation`` and ``fit``, oldest first.
        unfinished: Those of them that had not finished.
    """

    by_kind: Mapping[str, tuple[str, ...]]
    unfinished: tuple[UnfinishedRun, ...] = ()

    @property
    def ids(self) -> frozenset[str]:
        """Of all runs."""
        return frozenset(run_id for ids in self.by_kind.values() for run_id in ids)

    def restrict(self, runs: Runs) -> Runs:
        """Those of some runs that were read, as they stood then."""
        ids, unfinished = self.ids, {run.run_id: run for run in self.unfinished}
        kept = [run for run in runs if run.run_id in ids]
        return [unfinished[run.run_id].restore(run) if run.run_id in unfinished else run for run in kept]

    def to_record(self) -> dict[str, object]:
        """The same as JSON values."""
        kinds = {kind: list(ids) for kind, ids in sorted(self.by_kind.items())}
        return {"runs": kinds, "unfinished": [asdict(run) for run in self.unfinished]}

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> Self:
        """Read what ``to_record`` wrote."""
        return cls(
            by_kind={kind: tuple(ids) for kind, ids in record["runs"].items()},
            unfinished=tuple(UnfinishedRun(**run) for run in record["unfinished"]),
        )


class RunJournal:
    """Notes the runs that searches find, to be given to a store as ``on_read``.

    Args:
        first: What chooses or changes the runs before they are noted; None for nothing.
    """

    def __init__(self, first: Callable[[Runs], Runs] | None = None) -> None:
        self._first = first
        self._found: dict[str, RunRecord] = {}

    def __call__(self, runs: Runs) -> Runs:
        """Note runs that were found, and hand them on."""
        counted = runs if self._first is None else self._first(runs)
        self._found |= {run.run_id: run for run in counted}
        return counted

    @property
    def ids(self) -> frozenset[str]:
        """Of all runs that were found."""
        return frozenset(self._found)

    def recorded(self) -> RecordedRuns:
        """What was read; of the fits, which are searched for all at once, those that other runs name."""
        named = {run.tags.get(FIT_RUN_ID) for run in self._found.values() if run.tags.get(KIND) != "fit"}
        read = [run for run in self._found.values() if run.tags.get(KIND) != "fit" or run.run_id in named]
        return RecordedRuns(
            by_kind={kind: _ids(read, kind) for kind in {run.tags.get(KIND, "") for run in read}},
            unfinished=tuple(UnfinishedRun.from_run(run) for run in _in_order(read) if run.status != "FINISHED"),
        )


def _in_order(runs: Sequence[RunRecord]) -> Runs:
    return sorted(runs, key=lambda run: (run.start_time, run.run_id))


def _ids(runs: Sequence[RunRecord], kind: str) -> tuple[str, ...]:
    return tuple(run.run_id for run in _in_order(runs) if run.tags.get(KIND, "") == kind)
