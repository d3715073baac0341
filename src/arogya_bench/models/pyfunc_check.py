"""What a user learns of an MLflow model before a sweep: how it takes images, what it answers, and its config."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import MISSING, dataclass, fields, replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import yaml

from arogya_bench.errors import ModelError
from arogya_bench.models.label_columns import is_label_name, is_score_name
from arogya_bench.models.metadata_inputs import ImageOfCase
from arogya_bench.models.mlmodel import ModelDescription, read_description, version_mismatches
from arogya_bench.models.pyfunc import PyFunc
from arogya_bench.models.pyfunc_inputs import InputFormat
from arogya_bench.models.pyfunc_source import load_predict, locate_model
from arogya_bench.models.pyfunc_tables import AnswerTable, is_text, to_table
from arogya_bench.models.pyfunc_trial import Trial, call_model, encode_items, try_model

# How networks usually want their pixels: what differs from 0 to 1.
USUAL_PIXELS: Mapping[str, Mapping[str, Any]] = {
    "model.scale=1": {"scale": 1.0, "offset": 0.0, "mean": [], "std": []},
    "model.scale=255": {"scale": 255.0, "offset": 0.0, "mean": [], "std": []},
    "model.scale=2 model.offset=-1": {"scale": 2.0, "offset": -1.0, "mean": [], "std": []},
    "model.mean=[0.485,0.456,0.406] model.std=[0.229,0.224,0.225]": {
        "scale": 1.0,
        "offset": 0.0,
        "mean": [0.485, 0.456, 0.406],
        "std": [0.229, 0.224, 0.225],
    },
}


CONFIG_COMMENT = (
    "# An MLflow model. trained_on: names of the datasets that its weights were fitted on, such as [ham10000]."
)
MAX_VALUES = 10  # of an answer that is shown as it is


class Fact(NamedTuple):
    """One line about a model: what it is about, and the text."""

    subject: str
    text: str


@dataclass(frozen=True, kw_only=True)
class LoadedModel:
    """A model that is ready to be asked.

    Attributes:
        model: Its settings.
        description: Its ``MLmodel`` file.
        predict: Its function.
    """

    model: PyFunc
    description: ModelDescription
    predict: Any

    @classmethod
    def load(cls, model: PyFunc) -> "LoadedModel":
        """Load the model; this runs the code that it contains."""
        folder = locate_model(model.uri)
        return cls(model=model, description=read_description(folder), predict=load_predict(folder))

    @property
    def classes(self) -> tuple[str, ...]:
        """The classes that config, metadata or signature state; empty if none does."""
        return stated_classes(self.model, self.description)

    def answer(self, items: Sequence[ImageOfCase], classes: tuple[str, ...], /, **settings: Any) -> Trial:
        """Answer for images, with some settings changed."""
        model = replace(self.model, **settings)
        columns = tuple(items[0].metadata) if items else ()
        return try_model(self.predict, *model.choose_formats(self.description, classes, columns), items)

    def inputs(self, columns: Sequence[str]) -> InputFormat:
        """How it takes images."""
        return _inputs(self.model, self.description, columns)

    def raw_answers(self, items: Sequence[ImageOfCase]) -> list[AnswerTable]:
        """What the model returns for each image alone, in one of two forms."""
        inputs = self.inputs(tuple(items[0].metadata))
        return [to_table(call_model(self.predict, encode_items(inputs, [item]))) for item in items]


def is_readable(answer: AnswerTable) -> bool:
    """Whether an answer holds numbers or text."""
    columns = [answer[name] for name in answer] if isinstance(answer, pd.DataFrame) else [answer.ravel()]
    return all(column.dtype.kind in "fiubUS" or is_text(column.tolist()) for column in columns)


def guess_classes(answer: AnswerTable) -> tuple[str, ...]:
    """The classes that an answer has columns for, numbered where they have no names; none where it has no columns."""
    if isinstance(answer, pd.DataFrame):
        if answer.shape[1] == 1 or any(is_label_name(name) or is_score_name(name) for name in answer.columns):
            return ()
        return tuple(name for name in answer.columns if not is_text(answer[name].tolist()))
    return () if answer.ndim == 1 else tuple(f"class {number}" for number in range(answer.shape[1]))


def describe_raw(answer: AnswerTable) -> str:
    """An answer as the model gave it."""
    if isinstance(answer, pd.DataFrame):
        return ", ".join(f"{name} {_short(answer[name].iloc[0])}" for name in answer.columns)
    return ", ".join(_short(value) for value in np.ravel(answer)[:MAX_VALUES].tolist())


def _short(value: object) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def describe_model(model: PyFunc, columns: Sequence[str] = ()) -> Iterator[Fact]:
    """Say what the files of a model say, without running its code.

    Raises:
        ModelError: If it does not take images.
    """
    folder = locate_model(model.uri)
    description = read_description(folder)
    yield Fact("model", f"{model.uri}, called {model.display_name} in tables")
    if versions := version_mismatches(description, folder):
        yield Fact("versions", f"logged with {versions}")
    inputs = _inputs(model, description, columns)
    yield Fact("takes", inputs.kind)
    yield Fact("size", _describe_size(inputs))
    if inputs.takes_floats:
        yield Fact("pixels", _describe_pixels(model))
    if inputs.metadata:
        yield Fact("columns", ", ".join(f"{column.name} ({column.type})" for column in inputs.metadata))
    yield Fact("returns", _describe_outputs(description))
    yield Fact("classes", _describe_classes(model, description))


def stated_classes(model: PyFunc, description: ModelDescription) -> tuple[str, ...]:
    """The classes that config, metadata or signature state; empty if none does."""
    columns = [str(column.get("name") or "") for column in description.outputs if column["type"] != "tensor"]
    named = len(columns) > 1 and not any(is_label_name(name) or is_score_name(name) for name in columns)
    return tuple(model.classes) or description.classes or (tuple(columns) if named else ())


def compare_pixels(
    loaded: LoadedModel, items: Sequence[ImageOfCase], classes: tuple[str, ...], labels: Sequence[str | None]
) -> dict[str, int]:
    """Count the images whose folder names the answer, for each usual meaning of pixels."""
    agreed = {}
    for name, settings in USUAL_PIXELS.items():
        try:
            trial = loaded.answer(items, classes, **settings)
        except ModelError:
            continue  # such as one mean for each colour of a grey image
        agreed[name] = count_agreeing(trial, classes, labels)
    return agreed


def count_agreeing(trial: Trial, classes: Sequence[str], labels: Sequence[str | None]) -> int:
    """Count the answers that are the class of the folder."""
    named = [classes[best] for best in trial.probabilities.argmax(axis=1)]
    return sum(name == label for name, label in zip(named, labels, strict=True))


def describe_answers(trial: Trial, classes: Sequence[str]) -> list[str]:
    """The most probable class of each image, with its probability."""
    best = trial.probabilities.argmax(axis=1)
    if trial.labels_only:
        return [classes[index] for index in best]
    return [f"{classes[index]} {row[index]:.2f}" for index, row in zip(best, trial.probabilities, strict=True)]


def answers_hardly_differ(trial: Trial) -> bool:
    """Whether all images get nearly the same answer, as from wrong pixel values."""
    return len(trial.probabilities) > 1 and bool(np.ptp(trial.probabilities, axis=0).max() < 0.02)


def config_file(model: PyFunc) -> str:
    """The file of the config group ``model`` that keeps the settings of a model."""
    values = {field.name: getattr(model, field.name) for field in fields(model)}
    defaults = {
        field.name: field.default if field.default_factory is MISSING else field.default_factory()
        for field in fields(model)
    }
    told = {name: value for name, value in values.items() if name == "trained_on" or value != defaults[name]}
    told["uri"] = str(Path(model.uri).resolve()) if Path(model.uri).is_dir() else model.uri
    target = {"_target_": f"{PyFunc.__module__}.{PyFunc.__qualname__}", "_convert_": "all"}
    options = {"sort_keys": False, "allow_unicode": True, "width": 120, "default_flow_style": None}
    return f"{CONFIG_COMMENT}\n{yaml.safe_dump({**target, **told}, **options)}"


def config_name(model: PyFunc) -> str:
    """A name for the config of a model, which is also that of its file."""
    return re.sub(r"[^a-z0-9]+", "_", model.display_name.lower()).strip("_") or "my_model"


def _inputs(model: PyFunc, description: ModelDescription, columns: Sequence[str]) -> InputFormat:
    classes = stated_classes(model, description) or ("one", "other")
    return (
        replace(model, classes=[], class_names=[], score_of=None)
        .choose_formats(replace(description, outputs=(), classes=()), classes, columns)
        .inputs
    )


def _describe_size(inputs: InputFormat) -> str:
    if inputs.size is None:
        return "left open: images keep theirs; set model.image_size=N to stretch them to N x N pixels"
    height, width = inputs.size
    return f"images are stretched to {height} x {width} pixels"


def _describe_pixels(model: PyFunc) -> str:
    black, white = model.offset, model.scale + model.offset
    text = f"black is {black:g} and white {white:g}"
    if model.mean or model.std:
        text += f", then (value - {list(model.mean) or 0}) / {list(model.std) or 1}"
    return f"{text}; say what the model was trained with by model.scale, model.offset, model.mean and model.std"


def _describe_outputs(description: ModelDescription) -> str:
    if not description.outputs:
        return "its signature does not say"
    return ", ".join(
        f"a tensor of {column['tensor-spec']['dtype']}, shape {tuple(column['tensor-spec']['shape'])}"
        if column["type"] == "tensor"
        else f"{column.get('name', 'a column')} ({column['type']})"
        for column in description.outputs
    )


def _describe_classes(model: PyFunc, description: ModelDescription) -> str:
    stated = stated_classes(model, description)
    if not stated:
        return "neither its metadata nor its signature names them"
    source = "model.classes" if model.classes else "its metadata" if description.classes else "its signature"
    return f"{', '.join(stated)}: the order of {source}"
