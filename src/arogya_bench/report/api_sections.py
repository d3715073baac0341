"""The sections of a report on models behind APIs: what was asked when, and how long it took."""

from collections.abc import Sequence
from dataclasses import replace
from functools import partial

from arogya_bench.comparison.api_table import API_P50, API_P95, MEAN_SPANS
from arogya_bench.comparison.costs import COST
from arogya_bench.report import api_charts
from arogya_bench.report.columns import Column, Row, measured, model_name, text
from arogya_bench.report.section import Section, group_notes, row_footnotes
from arogya_bench.report.speed_findings import describe_api_times
from arogya_bench.report.wording import (
    UNDEFINED,
    format_count,
    format_measured,
    format_percent,
    format_significant,
    is_undefined,
)

MEAN_HEADERS = ("mean wait (ms)", "+ mean retries (ms)", "+ mean latency (ms)")
API_NOTE = (
    "The version that answered, the days on which it was asked, and the tokens of one image with all attempts; "
    "thinking counts as output. Cost: these tokens at dated prices; a control has none, since nobody would run it."
)
METHOD_NOTE = (
    "the same cases as for every model, without file names and metadata. Each request is repeated as often as "
    "model.repeats says, once by default; equal requests are sent once, and share their answer. Attempts that end in "
    "an error or take too long are tried again. A malformed answer is asked for up to twice more, one that was cut at "
    "its limit of tokens once more, with twice the limit. An answer that is blocked or refused is final, and is not "
    "asked for again until it pleases. The texts of the answers are not evaluated. Versions and dates are those of the "
    "answers"
)
TIMES_NOTE = (
    "Measured by the client, from sending an image to its answer, over the network, with several requests at once. "
    "Not ranked beside local latencies: it is that of the network, of the load of the provider and of the hour, and "
    "its interval [95 %] is over these answers, not over days. Wait: for a turn within the limits of requests and "
    "tokens. Retries: failed attempts and the pauses after them. The latency is that of the last attempt. Answers that "
    "were reused from an earlier run are left out."
)


def api_section(rows: Sequence[Row]) -> Section:
    """List what was asked when, and what it cost."""
    cost = measured(COST, "USD/1,000 images")
    columns = (
        text("model"),
        Column(header="API", format_cell=_describe_api, detail=True),
        text("model_version", "model version"),
        Column(header="asked (UTC)", format_cell=_asked),
        Column(header="tokens in / out", format_cell=_tokens),
        replace(cost, brief=measured(COST, "USD/1,000 images", bounds=False)),
    )
    return Section(
        name="api", title="Models behind APIs", note=API_NOTE, columns=columns, records=rows, footnotes=_terms(rows)
    )


def api_times_section(rows: Sequence[Row]) -> Section:
    """List how long answers took, and of what that time consists."""
    columns = (
        text("model"),
        Column(header="answers", format_cell=lambda row: format_count(row["answers_timed"])),
        Column(header="p50 (ms)", format_cell=lambda row: format_measured(row, API_P50)),
        Column(header="p95 (ms)", format_cell=lambda row: format_measured(row, API_P95)),
        Column(header="wait p50 (ms)", format_cell=lambda row: format_significant(row["wait_p50_ms"])),
        *(_mean_column(name, header) for name, header in zip(MEAN_SPANS, MEAN_HEADERS, strict=True)),
        Column(header="retried", format_cell=lambda row: format_percent(row["retried_share"])),
    )
    return Section(
        name="api-times",
        title="Answer times of APIs, over the network",
        note=TIMES_NOTE,
        columns=columns,
        records=rows,
        plot=partial(api_charts.plot_api_times, rows),
        finding=partial(describe_api_times, rows),
        footnotes=row_footnotes(rows, model_name),
    )


def _mean_column(name: str, header: str) -> Column:
    return Column(header=header, format_cell=lambda row: format_significant(row[name]), detail=True)


def _describe_api(row: Row) -> str:
    mode = ", batch mode" if row["batch"] else ""
    control = f", control: {str(row['control']).replace('_', ' ')}" if row["control"] else ""
    return f"{row['api']}, {row['tier']}{mode}{control}"


def _asked(row: Row) -> str:
    first, last = str(row["first_asked"] or "")[:10], str(row["last_asked"] or "")[:10]
    if not first:
        return UNDEFINED
    return first if first == last else f"{first} to {last}"


def _tokens(row: Row) -> str:
    """Of one image, with all attempts; thinking is billed as output."""
    known = [row[f"{name}_tokens_per_case"] for name in ("input", "output", "thinking")]
    if all(map(is_undefined, known)):
        return UNDEFINED
    given, output, thinking = (0.0 if is_undefined(value) else float(value) for value in known)
    return f"{given:,.0f} / {output + thinking:,.0f}"


def _terms(rows: Sequence[Row]) -> tuple[str, ...]:
    notes = [(model_name(row), f"research comparison; {row['terms']}") for row in rows if row["terms"]]
    return group_notes(notes, of=len(rows))


def describe_apis(rows: Sequence[Row]) -> tuple[tuple[str, str], ...]:
    """What an API row is, for the methods of a report; empty without one."""
    return (("APIs", METHOD_NOTE),) if rows else ()
