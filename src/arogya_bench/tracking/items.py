"""What a run leaves in MLflow, said without MLflow: tags, params, numbers, tables, files."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import pandas as pd


@dataclass(frozen=True, kw_only=True)
class Tags:
    """Words that people filter by; at most 8,000 characters each."""

    values: Mapping[str, str]


@dataclass(frozen=True, kw_only=True)
class Params:
    """Settings that people search by; at most 20 a run."""

    values: Mapping[str, object]


@dataclass(frozen=True, kw_only=True)
class Scalars:
    """Metrics of one run; at most 60 of ours, all finite."""

    values: Mapping[str, float]


@dataclass(frozen=True, kw_only=True)
class Curves:
    """Metrics that change over epochs: one mapping per epoch, the first is step 1."""

    epochs: Sequence[Mapping[str, float]]


@dataclass(frozen=True, kw_only=True)
class DatasetInput:
    """The data that a run was made of.

    Attributes:
        digest: At most 36 characters, which is what MLflow takes.
        context: The split, such as ``test``.
        profile: Counts and other facts for a reader.
    """

    name: str
    digest: str
    source: str
    context: str
    profile: Mapping[str, object]


@dataclass(frozen=True, kw_only=True)
class ParquetTable:
    """Every row, as Parquet."""

    file: str
    rows: pd.DataFrame


@dataclass(frozen=True, kw_only=True)
class TableView:
    """Rows that ``mlflow ui`` shows as a paged table; the writer of the item caps them."""

    file: str
    rows: pd.DataFrame


@dataclass(frozen=True, kw_only=True)
class Text:
    """A text file: YAML, JSON, SVG, HTML."""

    file: str
    text: str


@dataclass(frozen=True, kw_only=True)
class Folder:
    """Files that lie on disk, kept under ``name``."""

    name: str
    path: Path


@dataclass(frozen=True, kw_only=True)
class Picture:
    """An image file, such as a PNG, by its bytes."""

    file: str
    content: bytes


@dataclass(frozen=True, kw_only=True)
class ModelInput:
    """The fitted model that a run made use of, by its id in MLflow."""

    model_id: str


@dataclass(frozen=True, kw_only=True)
class FittedModel:
    """What a fit left, to be logged as a model.

    Attributes:
        path: Folder of the weights and of all that their adapter needs.
        classes: In the order of the outputs.
        task: ``classification`` or ``detection``.
        requirement: What pip must install to load it.
    """

    path: Path
    classes: tuple[str, ...]
    task: str
    requirement: str


Item: TypeAlias = (
    Tags
    | Params
    | Scalars
    | Curves
    | DatasetInput
    | ModelInput
    | ParquetTable
    | TableView
    | Text
    | Picture
    | Folder
)
