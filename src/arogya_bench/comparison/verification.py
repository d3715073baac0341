"""Verify a written comparison: recompute it from MLflow and name every number that differs."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from arogya_bench.comparison.about import COMPARISON_VERSION
from arogya_bench.comparison.differences import Difference, count_numbers, find_differences, table_differences
from arogya_bench.comparison.recompute import Recomputation, recompute
from arogya_bench.comparison.table_frames import TABLES
from arogya_bench.errors import ConfigError, installed_version
from arogya_bench.runtime.console import plural

RUNS_TABLE = "runs"  # which names the digest of every prediction table
PRICED_TABLES = ("cost", "pareto", "recommendations", "limits", "verdict")  # of which older files do not say enough
FIX = "give comparison.json or report.html as `arogya-bench compare` or `report` wrote it."

Stored = Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class Verification:
    """What verifying has found.

    Attributes:
        checked: What was recomputed and compared, one sentence each.
        problems: Evidence that is gone or damaged, one sentence each.
        differences: Every place that differs.
        notes: What is to be said of the comparing, one sentence each.
        left_out: What the file says and what could not be recomputed, so that it is not verified.
        taken: What was taken as it is, such as the words of a file of the writer.
    """

    checked: tuple[str, ...] = ()
    problems: tuple[str, ...] = ()
    differences: tuple[Difference, ...] = ()
    notes: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()
    taken: tuple[str, ...] = ()

    @property
    def passed(self) -> bool:
        """Whether everything that the file says could be recomputed, and is as recomputed."""
        return not (self.problems or self.differences or self.left_out)


def verify_tables(text: str, *, tracking_uri: str | None) -> Verification:
    """Verify what ``comparison.json`` holds.

    Raises:
        ConfigError: If the text is no comparison.
        TrackingError: If the store cannot be read, or lacks the experiment.
    """
    stored = parse_comparison(text)
    recomputation = recompute(stored["about"], tracking_uri=tracking_uri)
    if recomputation.tables is None:
        return Verification(problems=recomputation.problems)
    recomputed = json.loads(recomputation.tables.to_json())
    notes = version_notes(stored["about"])
    if notes:
        return _verify_common(stored, recomputed, recomputation, notes)
    tables = [name for name in TABLES if name in stored]
    absent = [_absent_table(name) for name in TABLES if name not in stored]
    return Verification(
        checked=(_counted(stored, tables), *describe_evidence(recomputed)),
        problems=recomputation.problems,
        differences=(*absent, *find_differences(stored, recomputed, tables=tables)),
        notes=words_note(stored["about"]),
        taken=words_taken(stored["about"]),
    )


def parse_comparison(text: str) -> dict[str, Any]:
    """Read a comparison without changing anything of it; ConfigError if it is none."""
    try:
        stored = json.loads(text, object_pairs_hook=_unique_keys)
    except ValueError as error:
        raise ConfigError(f"The file is no comparison: {error}.", fix=FIX) from error
    about = stored.get("about") if isinstance(stored, dict) else None
    experiments = about.get("experiments") if isinstance(about, dict) else None
    if not (experiments and isinstance(experiments, list) and all(isinstance(name, str) for name in experiments)):
        raise ConfigError("The file is no comparison: it does not say which experiments it is about.", fix=FIX)
    for name in TABLES:
        rows = stored.get(name, [])
        if not (isinstance(rows, list) and all(isinstance(row, dict) for row in rows)):
            raise ConfigError(f"The file is no comparison: its table {name!r} is no list of rows.", fix=FIX)
    return dict(stored)


def version_notes(about: Stored) -> tuple[str, ...]:
    """What is to be said of a comparison that another version wrote; empty for this version."""
    writer, reader = str(about.get("version", "")), installed_version()
    rules = about.get("request", {}).get("comparison_version")
    if rules == COMPARISON_VERSION and writer in ("", reader):
        return ()
    named = f"version {writer}" if writer else "an earlier version"
    stated = f"The file was written by {named} of arogya-bench, and this is version {reader}"
    if writer == reader:
        stated = (
            f"The file was computed by the rules {rules or '(none named)'}, and those of today are {COMPARISON_VERSION}"
        )
    notes = [
        f"{stated}: only the tables and columns that both have are compared, and a difference may be one of the "
        "versions."
    ]
    if rules is None:
        notes.append(
            "The file does not say which runs it read and at which prices: it is compared with all evaluations that it "
            f"would select today, without {', '.join(PRICED_TABLES)}."
        )
    return tuple(notes)


def words_note(about: Stored) -> tuple[str, ...]:
    """Say so if the words are those of a file, which MLflow does not hold."""
    if isinstance(about.get("wording"), Mapping):
        return ("The words are those of a file of the writer (--wording): they are taken as they are.",)
    return ()


def words_taken(about: Stored) -> tuple[str, ...]:
    """The words, if nothing says what they should be."""
    return ("the words of the writer",) if isinstance(about.get("wording"), Mapping) else ()


def describe_evidence(recomputed: Stored) -> tuple[str, ...]:
    """Which runs were read, and how many prediction tables have the digest that the comparison names."""
    runs = recomputed["about"]["request"]["runs"]
    read = ", ".join(plural(len(ids), kind) for kind, ids in runs.items())
    digests = sum(bool(row.get("digest")) for row in recomputed.get(RUNS_TABLE, ()))
    sentence = f"The prediction tables of {plural(digests, 'run')} were compared by digest." if digests else ""
    return tuple(filter(None, [f"Read from MLflow, as the comparison did: {read}.", sentence]))


def _verify_common(
    stored: Stored, recomputed: Stored, recomputation: Recomputation, notes: tuple[str, ...]
) -> Verification:
    """Compare the tables and columns that both versions have, and name the others."""
    without = PRICED_TABLES if "request" not in stored["about"] else ()
    tables = [name for name in TABLES if name in stored and name not in without]
    left_out = [f"table {name}" for name in stored if name != "about" and name not in tables and stored[name]]
    differences: list[Difference] = []
    for name in tables:
        known = {column for row in recomputed[name] for column in row}
        columns = _filled_columns(stored[name])
        differences += table_differences(
            name, stored[name], recomputed[name], columns=[column for column in columns if column in known]
        )
        if recomputed[name]:
            left_out += [f"{name}.{column}" for column in columns if column not in known]
    return Verification(
        checked=(_counted(stored, tables), *describe_evidence(recomputed)),
        problems=recomputation.problems,
        differences=tuple(differences),
        notes=notes,
        left_out=tuple(left_out),
    )


def _filled_columns(rows: Sequence[Stored]) -> list[str]:
    """The columns in which a row has a value."""
    return list(dict.fromkeys(column for row in rows for column, value in row.items() if value is not None))


def _counted(stored: Stored, tables: Sequence[str]) -> str:
    numbers = sum(count_numbers(stored[name]) for name in tables)
    return f"Recomputed: {numbers:,} numbers of {plural(len(tables), 'table')}."


def _absent_table(name: str) -> Difference:
    return Difference(table=name, row="", column="", printed="no such table", recomputed="a table")


def _unique_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        raise ValueError(f"it names {next(name for name in names if names.count(name) > 1)!r} twice")
    return found
