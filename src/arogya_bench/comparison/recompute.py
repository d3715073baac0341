"""Compute a written comparison again from MLflow: the same request on the same runs, whatever was added since."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from pyarrow import ArrowInvalid

from arogya_bench.analysis.options import AnalysisOptions
from arogya_bench.comparison.comparison import ComparisonTables
from arogya_bench.comparison.recorded_request import RecordedRequest, recorded_selection
from arogya_bench.comparison.recorded_runs import RecordedRuns, RunJournal
from arogya_bench.comparison.requirements import Requirements
from arogya_bench.errors import ConfigError, TrackingError
from arogya_bench.runtime.console import plural
from arogya_bench.tracking.runs import get_run, search_runs
from arogya_bench.tracking.store import Store, open_store, with_experiments
from arogya_bench.tracking.tags import KIND

NAMED_RUNS = 20  # that are missing, each looked up by itself

About = Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class Recomputation:
    """A comparison that was computed again.

    Attributes:
        tables: None if that was not possible.
        problems: Evidence that is gone or damaged, one sentence each.
    """

    tables: ComparisonTables | None
    problems: tuple[str, ...] = ()


def recompute(about: About, *, tracking_uri: str | None) -> Recomputation:
    """Compute the comparison again that the entry ``about`` describes; its words are kept as they are.

    Raises:
        TrackingError: If the store cannot be read, or lacks the experiment.
    """
    found = _recompute(about, tracking_uri)
    if found.tables is None or "wording" not in about:
        return found
    worded = {**found.tables.about, "wording": about["wording"]}
    return replace(found, tables=replace(found.tables, about=worded))


def _recompute(about: About, tracking_uri: str | None) -> Recomputation:
    store = open_store(tracking_uri, about["experiments"][0], create=False)
    if "request" not in about:
        return Recomputation(tables=_recompute_older(about, store))
    request = _read_request(about)
    journal = RunJournal(request.runs.restrict)
    store = replace(store, on_read=journal)
    try:
        tables = _compute(request, store)
    except (TrackingError, ArrowInvalid) as error:  # a store that does not answer raises again below
        missing = _missing_runs(request.runs, _stored_ids(request, store))
        problem = error.problem if isinstance(error, TrackingError) else f"A stored table is damaged: {error}"
        return Recomputation(tables=None, problems=(*_describe_missing(missing, store), problem))
    return Recomputation(tables=tables, problems=_describe_missing(_missing_runs(request.runs, journal.ids), store))


def _read_request(about: About) -> RecordedRequest:
    """What was asked for; ConfigError if the file does not say it as this version writes it."""
    try:
        return RecordedRequest.from_about(about)
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise ConfigError(
            f"The file is no comparison: what it says of the request (about.request) cannot be read: {error}.",
            fix="give comparison.json or report.html as it was written.",
        ) from error


def _compute(request: RecordedRequest, store: Store) -> ComparisonTables:
    return ComparisonTables.from_store(
        store,
        metric=request.metric,
        selection=request.selection,
        prices=request.prices,
        options=request.options,
        requirements=request.requirements,
        literature=request.literature,
    )


def _recompute_older(about: About, store: Store) -> ComparisonTables:
    """Compute a comparison of an earlier version, which says less, from all runs that it would select today."""
    stated = about.get("requirements")
    requirements = Requirements() if stated is None else Requirements.from_record(stated)
    margin = about.get("margin")
    return ComparisonTables.from_store(
        store,
        metric=str(about["metric"]).partition(",")[0],
        selection=recorded_selection(about, recorded=False),
        options=replace(requirements.options(), margin=AnalysisOptions().margin if margin is None else margin),
        requirements=requirements,
    )


def _stored_ids(request: RecordedRequest, store: Store) -> set[str]:
    experiments = with_experiments(store, request.selection.experiments)
    kinds = request.runs.by_kind
    return {run.run_id for kind in kinds for run in search_runs(experiments, f"tags.`{KIND}` = '{kind}'")}


def _missing_runs(recorded: RecordedRuns, found: set[str] | frozenset[str]) -> dict[str, str]:
    """Run id to kind of the runs that were read and are not found."""
    return {run_id: kind for kind, ids in recorded.by_kind.items() for run_id in ids if run_id not in found}


def _describe_missing(missing: Mapping[str, str], store: Store) -> tuple[str, ...]:
    named = list(missing.items())[:NAMED_RUNS]
    rest = len(missing) - len(named)
    further: Sequence[str] = (
        [f"{plural(rest, 'further run')} that the comparison read cannot be found."] if rest else ()
    )
    return (*(_describe_missing_run(run_id, kind, store) for run_id, kind in named), *further)


def _describe_missing_run(run_id: str, kind: str, store: Store) -> str:
    try:
        run = get_run(store.uri, run_id)
    except TrackingError:
        return f"The {kind} {run_id} that the comparison read is not in the store."
    return (
        f"The {kind} {run_id} ({run.name}) that the comparison read was deleted; "
        f"mlflow runs restore --run-id {run_id} brings it back."
    )
