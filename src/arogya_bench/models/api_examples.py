"""Examples of a few-shot prompt: drawn from the train split, kept as JSON with the fit."""

import base64
import json
from collections.abc import Sequence
from pathlib import Path
from typing import cast

import numpy as np

from arogya_bench.api_models.calls import EncodedImage, Example
from arogya_bench.api_models.encoding import ImageEncoding
from arogya_bench.api_models.prompts import example_answer
from arogya_bench.errors import ConfigError
from arogya_bench.frameworks.fit_files import damaged_file_error, read_json
from arogya_bench.types import Case, Subset

EXAMPLES_FILE = "examples.json"


def draw_examples(train: Subset, per_class: int, seed: int) -> list[Case]:
    """Draw cases of each class, from as many patients as possible, in random order.

    Neither the order of the files nor another class changes what is drawn of a class.

    Raises:
        ConfigError: If a class has fewer cases.
    """
    chosen: list[Case] = []
    for label, name in enumerate(train.classes):
        cases = sorted((case for case in train.cases if case.target == label), key=lambda case: case.case_id)
        if len(cases) < per_class:
            raise ConfigError(
                f"The train split has {len(cases)} cases of {name!r}; model.shots is {per_class}.",
                fix=f"set model.shots={len(cases)} or less, or take a larger train split.",
            )
        order = np.random.default_rng([seed, label]).permutation(len(cases))
        chosen += _new_groups_first([cases[i] for i in order])[:per_class]
    return [chosen[i] for i in np.random.default_rng(seed).permutation(len(chosen))]


def save_examples(out: Path, train: Subset, cases: Sequence[Case], encoding: ImageEncoding) -> None:
    """Write the examples as they are sent: images without names, and the class below each."""
    rows = []
    for case in cases:
        image = encoding.encode(train.dataset.read(case))
        content = base64.b64encode(image.content).decode()
        label = train.classes[cast("int", case.target)]
        rows.append({"image": content, "type": image.mime_type, "answer": example_answer(label)})
    (out / EXAMPLES_FILE).write_text(json.dumps({"examples": rows}) + "\n", encoding="utf-8")


def read_examples(weights: Path) -> tuple[Example, ...]:
    """Read what ``save_examples`` wrote."""
    rows = read_json(weights / EXAMPLES_FILE, "examples")["examples"]
    try:
        return tuple(
            Example(
                image=EncodedImage(content=base64.b64decode(row["image"], validate=True), mime_type=str(row["type"])),
                answer=str(row["answer"]),
            )
            for row in rows
        )
    except (KeyError, TypeError, ValueError) as error:
        raise damaged_file_error(weights / EXAMPLES_FILE, error) from error


def _new_groups_first(cases: Sequence[Case]) -> list[Case]:
    """The first case of every group, then the others."""
    first = list({case.group_id: case for case in reversed(cases)}.values())[::-1]
    return [*first, *(case for case in cases if case not in first)]
