"""Split methods by date: train on the oldest cases, and test on the newest."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

import numpy as np

from arogya_bench.datasets.csv_tables import MISSING
from arogya_bench.datasets.split_checks import PARTS
from arogya_bench.datasets.split_methods import Parts
from arogya_bench.errors import ConfigError, DatasetError, did_you_mean
from arogya_bench.runtime.console import plural
from arogya_bench.types import Case, Dataset

FIRST_DAY = "-01-01"  # of a year; what is cut off gives the first day of a month


def split_by_date(dataset: Dataset, shares: Sequence[float], column: str) -> Parts:
    """Train on the oldest cases and test on the newest.

    A group has the date of its latest case. Groups with the same date stay together. The column holds either ISO 8601
    dates or integers such as years.
    """
    latest = _latest_dates(dataset, column)
    return dict(zip(PARTS, _divide_by_shares(dataset.cases, latest, shares), strict=True))


def split_at_borders(dataset: Dataset, shares: Sequence[float], column: str, borders: Sequence[str]) -> Parts:
    """Divide at stated dates: each is the first one of the next part, of validation and test, or of test alone.

    A group has the date of its latest case.

    Args:
        dataset: Dataset to split.
        shares: Relative sizes of train and validation, which divide the older cases by date if only test has a border.
        column: Metadata column with the dates.
        borders: One or two dates, ascending, written like those of the column, or only their year or month.

    Raises:
        ConfigError: If a border is no date like those of the column.
        DatasetError: If a part is left without a case.
    """
    latest = _latest_dates(dataset, column)
    moments = [_parse_border(border, dataset, column) for border in borders]
    if moments != sorted(set(moments)):
        raise ConfigError(
            f"The dates of split.borders do not ascend: {', '.join(borders)}.",
            fix="name the first date of validation and then the first date of test: split.borders=[2022,2023]",
        )
    sections: list[list[Case]] = [[] for _ in range(len(borders) + 1)]
    for case in dataset.cases:
        sections[int(np.searchsorted(moments, latest[case.group_id], side="right"))].append(case)
    if len(sections) == 2:
        sections = [*_divide_by_shares(sections[0], latest, shares[:2]), sections[1]]
    parts = dict(zip(PARTS, sections, strict=True))
    _check_filled(parts, dataset, column, borders)
    return parts


def _check_filled(parts: Parts, dataset: Dataset, column: str, borders: Sequence[str]) -> None:
    empty = [part for part in PARTS if not parts[part]]
    if not empty:
        return
    moments = _parse_dates(dataset, column)
    dated = sorted(zip(moments, (_format_date(case.metadata[column]) for case in dataset.cases), strict=True))
    raise DatasetError(
        f"split.borders={','.join(borders)} leaves {' and '.join(empty)} without a case: the cases of "
        f"{dataset.name} have {column} from {dated[0][1]} to {dated[-1][1]}, and the latest one of a patient counts.",
        fix="choose borders between these dates, such that every part has cases",
    )


def _latest_dates(dataset: Dataset, column: str) -> dict[str, float]:
    """The latest date of each group, as a number."""
    latest: dict[str, float] = {}
    for case, moment in zip(dataset.cases, _parse_dates(dataset, column), strict=True):
        latest[case.group_id] = max(moment, latest.get(case.group_id, moment))
    return latest


def _divide_by_shares(cases: Sequence[Case], latest: Mapping[str, float], shares: Sequence[float]) -> list[list[Case]]:
    """Divide cases in the order of the dates of their groups; equal dates stay together."""
    ordered = sorted(cases, key=lambda case: latest[case.group_id])
    borders = np.cumsum(np.asarray(shares) / np.sum(shares)) * len(ordered)
    parts: list[list[Case]] = [[] for _ in shares]
    part, previous_date = 0, None
    for index, case in enumerate(ordered):
        date = latest[case.group_id]
        if date != previous_date:
            part = max(part, int(np.searchsorted(borders, index + 0.5)))
        parts[min(part, len(parts) - 1)].append(case)
        previous_date = date
    return parts


def _parse_dates(dataset: Dataset, column: str) -> list[float]:
    """Convert the dates to numbers; all have to be in the same format."""
    metadata = dataset.cases[0].metadata
    if column not in metadata:
        raise ConfigError(
            f"{dataset.name} has no column {column!r}.{did_you_mean(column, metadata)}",
            fix=f"set split.date to one of: {', '.join(metadata) or 'none; it has no columns'}",
        )
    parse = float if _are_integers(dataset, column) else _parse_date
    moments: list[float] = []
    undated: list[Case] = []
    for case in dataset.cases:
        try:
            moments.append(parse(case.metadata[column]))
        except ValueError:
            undated.append(case)
    if undated:
        raise DatasetError(
            _describe_undated(undated, dataset, column),
            fix="write all dates as 2021-03-04 or all as integers such as years; to leave cases without a date out, "
            "name them in a file: dataset.exclude=FILE",
        )
    return moments


def _describe_undated(undated: Sequence[Case], dataset: Dataset, column: str) -> str:
    case, value = undated[0], undated[0].metadata[column]
    if len(undated) == len(dataset.cases) and value != MISSING:
        return f"In {dataset.name}, no date in the column {column} has a form that sorts, such as {value!r}."
    more = f", and {plural(len(undated) - 1, 'other case')}" if len(undated) > 1 else ""
    if value == MISSING:
        return f"Case {case.case_id} has no date in {column} ({value!r}){more}."
    return f"Case {case.case_id} has {value!r} in {column}, which is not a date like the others{more}."


def _is_integer(value: str | float) -> bool:
    # Includes ISO 8601 dates such as 20210304, which sort correctly as numbers.
    return value.strip().isdigit() if isinstance(value, str) else float(value).is_integer()


def _parse_date(value: str | float) -> float:
    if not isinstance(value, str) or len(value.strip()) < len("20210304"):
        raise ValueError(value)
    stated = datetime.fromisoformat(value.strip())
    return (stated if stated.tzinfo else stated.replace(tzinfo=UTC)).timestamp()


def _are_integers(dataset: Dataset, column: str) -> bool:
    return all(_is_integer(case.metadata[column]) for case in dataset.cases)


def _format_date(value: str | float) -> str:
    return value.strip() if isinstance(value, str) else f"{value:.0f}"


def _parse_border(border: str, dataset: Dataset, column: str) -> float:
    """Convert a border to a number like those of the column; a year or a month is its first day."""
    text = border.strip()
    example = _format_date(dataset.cases[0].metadata[column])
    try:
        if not _are_integers(dataset, column):
            return _parse_date(text + FIRST_DAY[len(text) - len("2022") :] if len(text) in (4, 7) else text)
        whole_days = all(len(_format_date(case.metadata[column])) == len("20220131") for case in dataset.cases)
        return float(f"{text}0101" if whole_days and len(text) == len("2022") else text.replace("-", ""))
    except ValueError as error:
        raise ConfigError(
            f"The border {border!r} of split.borders is no date like those in {column}, such as {example}.",
            fix="write borders like the dates of the column, or as years: split.borders=[2022,2023]",
        ) from error
