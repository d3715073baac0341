"""The part of the page docs/calibration.md on single tests and intervals."""

from collections.abc import Iterator, Sequence
from math import sqrt
from textwrap import fill

from benchmarks.statistics.checks import CHECKS, Check
from benchmarks.statistics.method_calibration import SEED, CalibrationTable, ErrorRate, StudySetting, violations
from benchmarks.statistics.simulation import ICC, PREVALENCE, SHARED_VARIANCE, SIGNAL
from benchmarks.statistics.trials import RESAMPLES

MIN_SIZE = 0.03
NO_ANSWER = "\u2013"
LINE_WIDTH = 120  # of the page, tables apart


def render_methods(table: CalibrationTable) -> str:
    """Render the tables and how they were simulated."""
    settings = sorted({setting for _, setting in table}, key=lambda setting: (setting.clustered, setting.groups))
    violated = fill(f"**Violations**: {'; '.join(violations(table)) or 'none'}.", LINE_WIDTH)
    blocks = ["## Single tests and intervals", fill(_render_intro(table), LINE_WIDTH), violated]
    for kind, title in (("size", "Size of tests"), ("coverage", "Coverage of intervals")):
        rows = "\n".join(_render_rows(kind, table, settings))
        blocks += [f"### {title}", fill(SECTION_INTROS[kind], LINE_WIDTH), rows]
    return "\n\n".join(blocks) + "\n"


SECTION_INTROS = {
    "size": "Share of studies in which a true hypothesis was rejected at the nominal level of 5 %, in "
    "per cent. Above 6 is a violation. Below 3 (*) a test is conservative, as discrete tests are "
    "on few cases.",
    "coverage": "Share of intervals with a nominal level of 95 % that contain the true value, in per "
    "cent. From 200 patients on, values outside 93 to 97 are violations; values for 50 patients "
    "are shown only.",
}


def _render_intro(table: CalibrationTable) -> str:
    resampled, quick = _study_counts(table, resampled=True), _study_counts(table, resampled=False)
    fewest = min(resampled)
    standard_error = 100 * sqrt(0.05 * 0.95 / fewest)
    return (
        "Each method alone, on studies of another kind. They have two classes; a "
        f"score has signal {SIGNAL} between the classes and noise of variance 1, of which "
        f"{SHARED_VARIANCE:.0%} is common to all models; {PREVALENCE:.0%} of the patients are "
        "positive. In clustered studies a patient has 1 to 7 cases, 4 on average, whose noise has "
        f"an intraclass correlation of {ICC}; columns give the number of patients. Methods that "
        f"resample were run on {_join_numbers(resampled)} studies per setting, with {RESAMPLES} "
        "resamples of patients, stratified by class; all others on "
        f"{_join_numbers(quick)}. The standard error of a size of 5 % is {standard_error:.2f} "
        f"percentage points with {fewest:,} studies. Seed {SEED}. `loss` is the squared error of "
        "the probability, averaged within a patient. A dash: the method assumes one case per "
        "patient."
    )


def _study_counts(table: CalibrationTable, *, resampled: bool) -> list[int]:
    names = {check.name for check in CHECKS if check.needs_resamples == resampled}
    return sorted({rate.studies for (name, _), rate in table.items() if name in names})


def _join_numbers(numbers: Sequence[int]) -> str:
    *first, last = (f"{number:,}" for number in numbers)
    return f"{', '.join(first)} or {last}" if first else last


def _render_rows(kind: str, table: CalibrationTable, settings: Sequence[StudySetting]) -> Iterator[str]:
    heads = [f"{setting.groups}{' clustered' * setting.clustered}" for setting in settings]
    yield "| method | " + " | ".join(heads) + " | note |"
    yield "|---" * (len(heads) + 2) + "|"
    for check in CHECKS:
        if check.kind == kind:
            cells = [_render_cell(check, table.get((check.name, setting))) for setting in settings]
            yield f"| {check.name} | " + " | ".join(cells) + f" | {check.note} |"


def _render_cell(check: Check, rate: ErrorRate | None) -> str:
    if rate is None or rate.error_share is None:
        return NO_ANSWER
    shown = rate.error_share if check.kind == "size" else 1 - rate.error_share
    conservative = check.kind == "size" and rate.error_share < MIN_SIZE
    unanswered = 1 - rate.answers / rate.studies
    text = f"{100 * shown:.1f}{'*' * conservative}"
    return text if unanswered < 0.001 else f"{text} ({unanswered:.1%} without result)"
