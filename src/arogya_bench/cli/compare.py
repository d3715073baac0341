"""The commands ``arogya-bench compare`` and ``arogya-bench report``."""

import json
import shlex
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

from rich.markup import escape

from arogya_bench.api import Comparison, NothingFinished, compare, list_evaluations
from arogya_bench.cli.arguments import REPORT_FORMATS
from arogya_bench.comparison.json_schema import write_schema
from arogya_bench.comparison.table_frames import to_flat_table
from arogya_bench.errors import ConfigError, TrackingError, UserError, did_you_mean
from arogya_bench.figures.fonts import ADVICE, choose_fonts
from arogya_bench.report.content import NO_RESULT, build_report
from arogya_bench.report.figures import save_figures
from arogya_bench.report.terminal import print_comparison
from arogya_bench.report.words import load_words
from arogya_bench.runtime.console import echo, plural
from arogya_bench.runtime.csv_text import to_csv_text
from arogya_bench.runtime.digests import digest_of
from arogya_bench.runtime.output_files import check_output_folder, named_write_errors, write_file
from arogya_bench.runtime.progress import show_activity
from arogya_bench.tracking.artifacts import fetch_artifact
from arogya_bench.tracking.experiment_note import NOTE, report_path, update_note
from arogya_bench.tracking.items import Folder, Item, Params, Tags
from arogya_bench.tracking.mlflow_run import check_mlflow_run, take_over_mlflow_run
from arogya_bench.tracking.runs import (
    RunRecord,
    close_on_error,
    finish_run,
    get_run,
    search_runs,
    start_run,
    write_items,
)
from arogya_bench.tracking.store import Store, open_store
from arogya_bench.tracking.tags import (
    COMPARED_AT,
    COMPARISON,
    COMPARISON_RUN_ID,
    KIND,
    VERDICT,
    WHERE,
    environment_tags,
)
from arogya_bench.tracking.ui_address import UiAddress, find_ui

LOGGED_FILE = "evaluations.csv"
DEFAULT_FORMATS = ("html", "csv", "json")  # logged with a comparison run
OUT_FIX = "choose another folder with --out."
PARAM_LIMIT = 500  # characters of a filter; MLflow refuses params above 6,000


def run_compare(
    experiment: str | Sequence[str], *, tracking_uri: str | None, out: Path, wording: str | None = None, **choices: Any
) -> int:
    """Compare experiments, print and write the report, and log it as a comparison run of the first one.

    Args:
        experiment: Name of the experiment, or several names.
        tracking_uri: Of the store.
        out: Folder of the report.
        wording: Language or YAML file of the words of the report.
        choices: Further arguments of ``compare``.

    Raises:
        NothingFinished: After the report has been written and logged, which says so.
    """
    check_output_folder(out, fix=OUT_FIX)
    load_words(wording)  # before the work
    check_mlflow_run(tracking_uri)
    comparison, refusal = _compare(experiment, tracking_uri=tracking_uri, **choices)
    comparison = comparison.with_wording(wording) if wording else comparison
    store = open_store(tracking_uri, comparison.about["experiments"][0], create=False)
    parent_run_id = take_over_mlflow_run(store)
    run_id = log_comparison(comparison, store, parent=parent_run_id)
    _annotate_parent_run(parent_run_id, run_id, store)
    print_comparison(comparison)
    ui = find_ui(store)
    write_report(comparison, out, DEFAULT_FORMATS, server=ui.server)
    echo(f"Written: {out}/report.html, comparison.json, tables/*.csv. MLflow run: {run_id}")
    with suppress(TrackingError):  # another command that describes the experiment at the same time
        update_note(store)
    _print_link(ui, store, run_id)
    if refusal:
        raise refusal
    return 0


def _compare(
    experiment: str | Sequence[str], *, tracking_uri: str | None, **choices: Any
) -> tuple[Comparison, UserError | None]:
    """Compare; where no evaluation has finished, what a report says of that, and the error to end with."""
    with show_activity("Reading evaluations from MLflow and resampling"):
        try:
            return compare(experiment, tracking_uri=tracking_uri, **choices), None
        except NothingFinished as error:
            return error.comparison, error


def _print_link(ui: UiAddress, store: Store, run_id: str) -> None:
    if ui.command:
        echo(f"Open it in MLflow: {escape(shlex.join(ui.command))}")
    echo(f"  report      {ui.server}{report_path(store, run_id)}")


def write_logged_values(
    experiments: Sequence[str],
    *,
    tracking_uri: str | None,
    out: Path,
    where: str | None = None,
    sweep: str | None = None,
    run_ids: Sequence[str] = (),
) -> int:
    """Write the values and bounds that evaluations logged as a CSV file."""
    check_output_folder(out, fix=OUT_FIX)
    table = list_evaluations(experiments, tracking_uri=tracking_uri, where=where, sweep=sweep, run_ids=run_ids)
    write_file(out / LOGGED_FILE, to_csv_text(to_flat_table(table)), fix=OUT_FIX)
    echo(f"Written: {out}/{LOGGED_FILE} ({plural(len(table), 'evaluation')}).")
    return 0


def run_report(
    experiment: str,
    *,
    tracking_uri: str | None,
    run_id: str | None,
    formats: Sequence[str],
    out: Path,
    wording: str | None = None,
) -> int:
    """Export a logged comparison."""
    choices = f"choose from: {', '.join(REPORT_FORMATS)}"
    if not formats:
        raise ConfigError("No report format given.", fix=choices)
    for name in formats:
        if name not in REPORT_FORMATS:
            raise ConfigError(f"There is no report format {name!r}.{did_you_mean(name, REPORT_FORMATS)}", fix=choices)
    check_output_folder(out, fix=OUT_FIX)
    store = open_store(tracking_uri, experiment, create=False)
    check_mlflow_run(store.uri)
    run = _find_comparison_run(store, run_id)
    with fetch_artifact(run, "comparison.json", uri=store.uri) as path:
        comparison = Comparison.from_json(path.read_text(encoding="utf-8"))
    comparison = comparison.with_wording(wording) if wording else comparison
    _annotate_parent_run(take_over_mlflow_run(store), run.run_id, store)
    written = write_report(comparison, out, formats, server=find_ui(store).server)
    echo(f"Written from MLflow run {run.run_id}: {', '.join(str(path) for path in written)}")
    if {"pdf", "png"} & set(formats):
        note_missing_letters(comparison)
    return 0


def note_missing_letters(comparison: Comparison) -> None:
    """Say which letters of a report no font of this machine has; a viewer of HTML uses its own fonts."""
    missing = choose_fonts([json.dumps(json.loads(comparison.to_json()), ensure_ascii=False)]).missing
    if missing:
        letters = " ".join(missing)
        echo(f"No font of this machine has {letters}: PDF and PNG files may show boxes instead. Fix: {ADVICE}.")


def write_report(comparison: Comparison, out: Path, formats: Sequence[str], *, server: str = "") -> list[Path]:
    """Write a comparison in the given formats; return the files and folders, in the same order.

    Args:
        comparison: What to write.
        out: Folder of the files.
        formats: Of ``REPORT_FORMATS``.
        server: Address of ``mlflow ui`` for links to runs; empty for what is logged, which names no machine.
    """
    with named_write_errors(out, fix=OUT_FIX):
        out.mkdir(parents=True, exist_ok=True)
    writers: dict[str, tuple[Path, Callable[[Path], object]]] = {
        "html": (out / "report.html", partial(comparison.to_html, server=server)),
        "json": (out / "comparison.json", comparison.to_json),
        "csv": (out / "tables", comparison.to_csv),
        "pdf": (out / "report.pdf", partial(comparison.to_pdf, server=server)),
        "markdown": (out / "report.md", comparison.to_markdown),
        "schema": (out / "comparison.schema.json", write_schema),
        "latex": (out / "tables", comparison.to_latex),
        "png": (out / "figures", lambda folder: save_figures(comparison, folder)),
        "site": (out / "site", partial(comparison.to_site, server=server)),
    }
    for name in formats:
        path, write = writers[name]
        with named_write_errors(path, fix=OUT_FIX):
            write(path)
    return [writers[name][0] for name in formats]


def log_comparison(comparison: Comparison, store: Store, *, parent: str | None) -> str:
    """Log a comparison, or update the run of an identical one; return the run id."""
    key = _logged_key(comparison)
    identical = search_runs(store, f"tags.`{COMPARISON}` = '{key}' and attributes.status = 'FINISHED'")
    if identical:
        write_items(store, identical[-1].run_id, [Tags(values={COMPARED_AT: str(int(time.time() * 1000))})])
        return identical[-1].run_id
    metric, where = str(comparison.about["metric"]), _filter_text(comparison)
    filter_tags = {WHERE: where} if where else {}
    tags = {KIND: "comparison", COMPARISON: key, **filter_tags, **environment_tags()}
    run_id = start_run(store, f"comparison · {metric}{' · filtered' if where else ''}", tags, parent=parent)
    with close_on_error(store, run_id), tempfile.TemporaryDirectory() as folder:
        write_report(comparison, Path(folder), DEFAULT_FORMATS)
        params = {"metric": metric, "evaluations": comparison.about["evaluations"]}
        verdicts = _describe_verdicts(comparison)
        link = f"Open the [report]({report_path(store, run_id).lstrip('/')})."
        items: list[Item] = [
            Params(values=params | ({"where": where[:PARAM_LIMIT]} if where else {})),
            Tags(values={VERDICT: verdicts, NOTE: _run_note(comparison, verdicts, link)}),
            Folder(name="", path=Path(folder)),
        ]
        write_items(store, run_id, items)
    finish_run(store, run_id)
    return run_id


def _logged_key(comparison: Comparison) -> str:
    """Digest of the inputs and of the words: a report in another language is logged beside the first one."""
    key, wording = str(comparison.about["key"]), comparison.about.get("wording")
    return digest_of({"key": key, "wording": wording}) if wording else key


def _filter_text(comparison: Comparison) -> str:
    """What selected the evaluations: the filter of the user, a sweep, runs, or that all variants are shown."""
    about = comparison.about
    names = {"sweep": "sweep", "run_ids": "runs", "variants": "variants"}
    others = [f"{text} {about[name]}" for name, text in names.items() if about.get(name)]
    return "; ".join(filter(None, [str(about["where"]), *others]))


def _describe_verdicts(comparison: Comparison) -> str:
    """The reason of each verdict, after the name of its dataset if there are several."""
    reasons = list(zip(comparison.verdict["dataset"], comparison.verdict["reason"], strict=True))
    if not reasons:
        reasons = [(failed["dataset"], failed["reason"]) for failed in comparison.about["datasets_without_result"]]
    if len(reasons) == 1:
        return str(reasons[0][1])
    return " ".join(f"{dataset}: {str(reason).rstrip('.')}." for dataset, reason in reasons)


def _run_note(comparison: Comparison, verdicts: str, link: str) -> str:
    """The description of a comparison run, which ``mlflow ui`` shows first."""
    where = _filter_text(comparison)
    datasets = build_report(comparison).datasets
    notes = [f"- {dataset.dataset}: {line}" for dataset in datasets for line in dataset.notes]
    failed = [f"{dataset.dataset}: {dataset.reason}" for dataset in datasets if dataset.status == NO_RESULT]
    failed = failed if comparison.about["datasets"] else []  # the verdicts say it
    warnings = [f"- {dataset.dataset}: {line}" for dataset in datasets for line in dataset.warnings]
    return "\n\n".join([verdicts, link, *([f"Filter: {where}"] if where else []), *notes, *failed, *warnings])


def _annotate_parent_run(parent_run_id: str | None, run_id: str, store: Store) -> None:
    """Tag the run that ``mlflow run`` started with the comparison and its description."""
    if parent_run_id:
        comparison_tags = get_run(store.uri, run_id).tags
        tags = {COMPARISON_RUN_ID: run_id, NOTE: comparison_tags.get(NOTE, comparison_tags[VERDICT])}
        write_items(store, parent_run_id, [Tags(values=tags)])


def _find_comparison_run(store: Store, run_id: str | None) -> RunRecord:
    """Return the given comparison run, or the newest one: one without a filter, if there is any."""
    if run_id:
        run = get_run(store.uri, run_id)
        run_kind = run.tags.get(KIND, "not an arogya-bench run")
        if run_kind == "comparison":
            return run
        raise TrackingError(
            f"Run {run_id} is not a comparison but: {run_kind}.", fix="omit --run-id to use the latest comparison."
        )
    runs = search_runs(store, f"tags.`{KIND}` = 'comparison' and attributes.status = 'FINISHED'")
    if not runs:
        raise TrackingError(
            f"The experiment {store.experiment!r} has no comparison yet.",
            fix=f"create one: arogya-bench compare {store.experiment}",
        )
    unfiltered = [run for run in runs if WHERE not in run.tags]
    newest = max(unfiltered or runs, key=lambda run: int(run.tags.get(COMPARED_AT, run.start_time)))
    if not unfiltered:
        echo(
            f"The experiment {store.experiment!r} has no comparison without a filter; "
            f"this is the newest one with: {escape(newest.tags[WHERE])}"
        )
    return newest
