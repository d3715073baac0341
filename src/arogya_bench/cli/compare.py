"""What ``arogya-bench compare`` and ``arogya-bench report`` do."""

import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from arogya_bench.comparison.comparison import Comparison, from_json
from arogya_bench.comparison.comparison import compare as compare_runs
from arogya_bench.errors import ConfigError, TrackingError, UserError, did_you_mean
from arogya_bench.report import figures
from arogya_bench.report import terminal as screen
from arogya_bench.runtime.console import echo, spinner
from arogya_bench.tracking.artifacts import fetch_artifact
from arogya_bench.tracking.items import Folder, Item, Params, Tags
from arogya_bench.tracking.runs import (
    RunRecord,
    close_on_error,
    finish_run,
    get_run,
    search_runs,
    start_run,
    take_over_mlflow_run,
    write_items,
)
from arogya_bench.tracking.store import Store, is_writable, open_store
from arogya_bench.tracking.tags import (
    COMPARED_AT,
    COMPARISON,
    COMPARISON_RUN_ID,
    KIND,
    VERDICT,
    environment_tags,
)

FORMATS = ("html", "csv", "json", "pdf", "png")
DEFAULT_FORMATS = ("html", "csv", "json")  # what a comparison run keeps


def run_compare(
    experiment: str, *, tracking_uri: str | None, where: str | None, metric: str, out: Path
) -> int:
    """Compare, print, write the files, and log them as a comparison run.

    Returns:
        The exit code.

    Raises:
        Fixable: If there is nothing to compare, or the files cannot be written.
    """
    _check_writable(out)
    with spinner("reading MLflow and resampling patients"):
        comparison = compare_runs(experiment, tracking_uri=tracking_uri, where=where, metric=metric)
    store = open_store(tracking_uri, experiment, create=False)
    asker = take_over_mlflow_run(store)
    run_id = _log_comparison(comparison, store, parent=asker)
    _annotate_parent_run(asker, run_id, store)
    screen.print_comparison(comparison)
    write_report(comparison, out, DEFAULT_FORMATS)
    echo(f"Written: {out}/report.html, comparison.json, tables/*.csv. MLflow run: {run_id}")
    return 0


def run_report(
    experiment: str,
    *,
    tracking_uri: str | None,
    run_id: str | None,
    formats: Sequence[str],
    out: Path,
) -> int:
    """Write a logged comparison down again.

    Returns:
        The exit code.

    Raises:
        Fixable: If there is no such comparison or no such format.
    """
    if not formats:
        raise ConfigError("No report format is named.", fix=f"choose from: {', '.join(FORMATS)}")
    for each in formats:
        if each not in FORMATS:
            raise ConfigError(
                f"There is no report format {each!r}.{did_you_mean(each, FORMATS)}",
                fix=f"choose from: {', '.join(FORMATS)}",
            )
    _check_writable(out)
    store = open_store(tracking_uri, experiment, create=False)
    run = _find_comparison_run(store, run_id)
    with fetch_artifact(run, "comparison.json", uri=store.uri) as path:
        comparison = from_json(path.read_text(encoding="utf-8"))
    _annotate_parent_run(take_over_mlflow_run(store), run.run_id, store)
    written = write_report(comparison, out, formats)
    echo(f"Written from MLflow run {run.run_id}: {', '.join(str(each) for each in written)}")
    return 0


def write_report(comparison: Comparison, out: Path, formats: Sequence[str]) -> list[Path]:
    """Write a comparison in the formats named.

    Returns:
        The files and folders, in the order of the formats.
    """
    out.mkdir(parents=True, exist_ok=True)
    written = {
        "html": out / "report.html",
        "json": out / "comparison.json",
        "csv": out / "tables",
        "pdf": out / "report.pdf",
        "png": out / "figures",
    }
    writers: dict[str, Callable[[Path], object]] = {
        "html": comparison.to_html,
        "json": comparison.to_json,
        "csv": comparison.to_csv,
        "pdf": comparison.to_pdf,
        "png": lambda folder: figures.save_figures(comparison, folder),
    }
    for each in formats:
        writers[each](written[each])
    return [written[each] for each in formats]


def _log_comparison(comparison: Comparison, store: Store, *, parent: str | None) -> str:
    """Keep the comparison in MLflow; the same evidence is kept once.

    Returns:
        The run id.
    """
    key = str(comparison.about["key"])
    found = search_runs(store, f"tags.`{COMPARISON}` = '{key}' and attributes.status = 'FINISHED'")
    if found:
        again = str(int(time.time() * 1000))
        write_items(store, found[-1].run_id, [Tags(values={COMPARED_AT: again})])
        return found[-1].run_id
    metric = str(comparison.about["metric"])
    tags = {KIND: "comparison", COMPARISON: key, **environment_tags()}
    run_id = start_run(store, f"comparison · {metric}", tags, parent=parent)
    with close_on_error(store, run_id), tempfile.TemporaryDirectory() as folder:
        write_report(comparison, Path(folder), DEFAULT_FORMATS)
        verdicts = "; ".join(str(each) for each in comparison.verdict["reason"])
        items: list[Item] = [
            Params(values={"metric": metric, "evaluations": comparison.about["evaluations"]}),
            Tags(values={VERDICT: verdicts, "mlflow.note.content": verdicts}),
            Folder(name="", path=Path(folder)),
        ]
        write_items(store, run_id, items)
    finish_run(store, run_id)
    return run_id


def _annotate_parent_run(parent_run_id: str | None, run_id: str, store: Store) -> None:
    """Say in the run that ``mlflow run`` made which comparison it led to, and what that says."""
    if parent_run_id:
        verdict = get_run(store.uri, run_id).tags[VERDICT]
        tags = {COMPARISON_RUN_ID: run_id, "mlflow.note.content": verdict}
        write_items(store, parent_run_id, [Tags(values=tags)])


def _find_comparison_run(store: Store, run_id: str | None) -> RunRecord:
    if run_id:
        run = get_run(store.uri, run_id)
        if run.tags.get(KIND) == "comparison":
            return run
        raise TrackingError(
            f"Run {run_id} is not a comparison but: {run.tags.get(KIND, 'not ours')}.",
            fix="leave --run-id out to take the newest comparison.",
        )
    condition = f"tags.`{KIND}` = 'comparison' and attributes.status = 'FINISHED'"
    found = search_runs(store, condition)
    if not found:
        raise TrackingError(
            f"The experiment {store.experiment!r} has no comparison yet.",
            fix=f"make one: arogya-bench compare {store.experiment}",
        )
    return max(found, key=lambda run: int(run.tags.get(COMPARED_AT, run.start_time)))


def _check_writable(out: Path) -> None:
    folder = out.absolute()
    if not is_writable(next(each for each in (folder, *folder.parents) if each.exists())):
        raise UserError(
            f"The folder {folder} cannot be written.", fix="name another one with --out."
        )
