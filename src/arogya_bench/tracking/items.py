"""What a run logs, described without MLflow: tags, params, metrics, tables and files."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import pandas as pd


@dataclass(frozen=True, kw_only=True)
class Tags:
    """Strings that users filter by; at most 8,000 characters each."""

    values: Mapping[str, str]


@dataclass(frozen=True, kw_only=True)
class Params:
    """Settings that users search by; at most 20 per run."""

    values: Mapping[str, object]


@dataclass(frozen=True, kw_only=True)
class Scalars:
    """Metrics of one run; at most 60, all finite."""

    values: Mapping[str, float]


@dataclass(frozen=True, kw_only=True)
class Curves:
    """Metrics over epochs: one mapping per epoch, the first is step 1."""

    epochs: Sequence[Mapping[str, float]]


@dataclass(frozen=True, kw_only=True)
class DatasetInput:
    """The data that a run used: ``context`` is the split, ``digest`` has at most 36 characters."""

    name: str
    digest: str
    source: str
    context: str
    profile: Mapping[str, object]


@dataclass(frozen=True, kw_only=True)
class ParquetTable:
    """A table that is stored as Parquet."""

    file: str
    rows: pd.DataFrame


@dataclass(frozen=True, kw_only=True)
class TableView:
    """A table that ``mlflow ui`` shows; whoever builds it limits its rows."""

    file: str
    rows: pd.DataFrame


@dataclass(frozen=True, kw_only=True)
class Text:
    """A text file: YAML, JSON, SVG, HTML."""

    file: str
    text: str


@dataclass(frozen=True, kw_only=True)
class Folder:
    """A folder on disk, uploaded as ``name``."""

    name: str
    path: Path


@dataclass(frozen=True, kw_only=True)
class Picture:
    """An image file, such as a PNG."""

    file: str
    content: bytes


@dataclass(frozen=True, kw_only=True)
class ModelInput:
    """The fitted model that a run used, by its id in MLflow."""

    model_id: str


@dataclass(frozen=True, kw_only=True)
class ModelCard:
    """What a logged model says of itself, without paths and names of hosts.

    Attributes:
        params: Architecture and settings.
        tags: Data and version that it comes from.
        text: Both for readers, as Markdown.
    """

    params: Mapping[str, str]
    tags: Mapping[str, str]
    text: str


@dataclass(frozen=True, kw_only=True)
class FittedModel:
    """The folder of a fit, to be logged as an MLflow model.

    Attributes:
        name: Of its row; characters that MLflow refuses are replaced.
        requirement: The pip requirement for loading it.
    """

    name: str
    path: Path
    classes: tuple[str, ...]
    task: str
    requirement: str
    card: ModelCard


Item: TypeAlias = (
    Tags | Params | Scalars | Curves | DatasetInput | ModelInput | ParquetTable | TableView | Text | Picture | Folder
)
