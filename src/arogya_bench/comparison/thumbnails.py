"""The pictures of cases that a report shows, read from the runs whose data allow it."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pandas as pd

from arogya_bench.analysis.conditions import CLEAN
from arogya_bench.analysis.errors import SHOWN_MISTAKES
from arogya_bench.analysis.table_rows import TableRow
from arogya_bench.comparison.blocks import ComparableRuns
from arogya_bench.comparison.tables import BlockTables
from arogya_bench.images.thumbnails import ALLOWED, THUMBNAILS_FILE, to_data_uri
from arogya_bench.tracking.artifacts import find_artifacts
from arogya_bench.tracking.runs import RunRecord
from arogya_bench.tracking.tags import THUMBNAILS

MAX_BYTES = 300_000  # of the pictures of a comparison, as text
CASE_PICTURE_COLUMNS = ("dataset", "model", "case_id", "caption", "image")


@dataclass(frozen=True, kw_only=True)
class _Picture:
    case_id: str
    caption: str
    image: str


def count_consents(block: ComparableRuns) -> dict[str, int]:
    """How many evaluations on clean images there are, and in how many of them the data allowed pictures."""
    runs = [run for key in block.runs if key[1] == CLEAN for run in block.parts(key)]
    return {"runs": len(runs), "allowed": sum(map(_allows, runs))}


def case_picture_rows(blocks: Sequence[ComparableRuns], tables: Sequence[BlockTables]) -> list[TableRow]:
    """One row per picture: of the cases in ``errors`` and ``missed_by_all`` that a report shows, the first ones first.

    A picture shows the case itself, and ``model`` is None; that of a detector shows its boxes too, and is of the
    images with the most errors. The datasets share the bytes that all pictures may take.
    """
    allowing = [pair for pair in zip(blocks, tables, strict=True) if count_consents(pair[0])["allowed"]]
    room = MAX_BYTES // max(1, len(allowing))
    return [row for block, found in allowing for row in _limit(_rows_of(block, found), room)]


def _rows_of(block: ComparableRuns, tables: BlockTables) -> list[TableRow]:
    if block.task.name == "detection":
        ranked = [str(row["model"]) for row in tables.leaderboard]
        by_name = {name: row for row, name in block.row_names.items()}
        shown = {name: _first_pictures(block, by_name[name]) for name in ranked}
        by_place = sorted(
            (place, number, name) for number, name in enumerate(ranked) for place in range(len(shown[name]))
        )
        return [_to_row(block, shown[name][place], name) for place, _, name in by_place]
    wanted = _shown_cases(tables.analyses)
    found = _pictures_of(block, wanted)
    return [_to_row(block, found[case], None) for case in wanted if case in found]


def _shown_cases(analyses: Mapping[str, Sequence[TableRow]]) -> list[str]:
    """The cases of both tables in the order of their positions, so that no model is left without pictures."""
    mistakes = [row for row in analyses.get("errors", ()) if _position(row) <= SHOWN_MISTAKES]
    rows = sorted((*mistakes, *analyses.get("missed_by_all", ())), key=_position)
    return list(dict.fromkeys(str(row["case_id"]) for row in rows))


def _position(row: TableRow) -> int:
    return int(str(row["position"]))


def _pictures_of(block: ComparableRuns, wanted: Sequence[str]) -> dict[str, _Picture]:
    """Read run by run until every case is found; a run keeps its most confident mistakes only."""
    found: dict[str, _Picture] = {}
    for run in _allowing_runs(block):
        missing = [case for case in wanted if case not in found]
        if not missing:
            break
        found |= {picture.case_id: picture for picture in _read(block, run, missing)}
    return found


def _first_pictures(block: ComparableRuns, row: str) -> list[_Picture]:
    """The first pictures of a detector: those of its first seed."""
    runs = _allowing_runs(block, row)
    return _read(block, runs[0], None)[:SHOWN_MISTAKES] if runs else []


def _allowing_runs(block: ComparableRuns, only: str | None = None) -> list[RunRecord]:
    keys = [key for key in block.runs if key[1] == CLEAN and only in (None, key[0])]
    return [run for key in sorted(keys, key=lambda key: key[2]) for run in block.parts(key) if _allows(run)]


def _allows(run: RunRecord) -> bool:
    return run.tags.get(THUMBNAILS) == ALLOWED


def _read(block: ComparableRuns, run: RunRecord, cases: Collection[str] | None) -> list[_Picture]:
    """The pictures of a run, or of some cases; empty if somebody has deleted the file."""
    (pictures,) = find_artifacts([run], THUMBNAILS_FILE, partial(_parse, cases=cases), uri=block.store.uri)
    return pictures or []


def _parse(path: Path, *, cases: Collection[str] | None) -> list[_Picture]:
    table = pd.read_parquet(path)
    chosen = table if cases is None else table[table["case_id"].isin(cases)]
    return [
        _Picture(case_id=str(case_id), caption=str(caption), image=to_data_uri(picture))
        for case_id, caption, picture in chosen.itertuples(index=False)
    ]


def _to_row(block: ComparableRuns, picture: _Picture, model: str | None) -> TableRow:
    return {
        "dataset": block.dataset,
        "model": model,
        "case_id": picture.case_id,
        "caption": picture.caption,
        "image": picture.image,
    }


def _limit(rows: Sequence[TableRow], room: int) -> list[TableRow]:
    """The rows whose pictures fit into a number of bytes."""
    kept: list[TableRow] = []
    for row in rows:
        room -= len(str(row["image"]))
        if room < 0:
            break
        kept.append(row)
    return kept
