"""Synthetic images of skin lesions with known ground truth."""

import csv
import hashlib
import json
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
import PIL.Image

from arogya_bench.datasets.exclusion import leave_out
from arogya_bench.datasets.synthetic_export import CARD_FILE, CASES_FILE, export_population
from arogya_bench.datasets.synthetic_population import CLASSES, draw_population, estimate_bayes_accuracy
from arogya_bench.errors import ConfigError, DatasetError, did_you_mean
from arogya_bench.images.safe_errors import describe_decode_error
from arogya_bench.runtime.cache import build_and_verify, cache_root
from arogya_bench.types import Box, Case, Dataset, Image

GENERATOR_VERSION = "1"  # increase it whenever a pixel changes
# By number of classes. The Bayes classifier on the latents then has a balanced accuracy of about
# 0.9 against the true classes and 0.8 to 0.85 against the noisy labels.
SEPARATIONS = {2: 0.75, 3: 0.95, 4: 1.05, 5: 1.2, 6: 1.25, 7: 1.3, 8: 1.3, 9: 1.4, 10: 1.4}
TASKS = ("classification", "detection")
METADATA_COLUMNS = ("patient", "lesion", "site", "tone", "true_class")


@dataclass(frozen=True, kw_only=True)
class Synthetic:
    """Skin lesions drawn from class means, with patients, sites, skin tones and label noise.

    Attributes:
        cases: Number of images; about two per patient.
        classes: Number of classes, 2 to 10.
        seed: Random seed; other seeds give other patients of the same population.
        image_size: Width and height in pixels, 32 to 512.
        separation: Distance of the class means; null chooses it by the number of classes.
        label_noise: Fraction of lesions with a wrong label, 0 to 0.5.
        cache: Folder for the files; null for ``$AROGYA_CACHE`` or the user's cache folder.
        task: ``classification`` or ``detection`` of the same lesions.
        exclude: Text file or CSV table with the ids of cases to leave out; None for none.
        external_api: ``allowed`` or ``denied``: whether models behind APIs may see the images, which show no person.
    """

    cases: int = 600
    classes: int = 5
    seed: int = 7
    image_size: int = 128
    separation: float | None = None
    label_noise: float = 0.07
    cache: str | None = None
    task: str = "classification"
    exclude: str | None = None
    external_api: str = "allowed"

    def load(self) -> Dataset:
        """Generate the images or reuse cached ones, and verify the files."""
        _check_options(self)
        folder = self.folder()
        build_and_verify(folder, partial(_generate_files, self))
        card = json.loads((folder / CARD_FILE).read_text(encoding="utf-8"))
        dataset = Dataset(
            name=f"synthetic-{self.cases}x{self.classes}",
            task=self.task,
            classes=CLASSES[: self.classes],
            cases=_read_cases(folder),
            grouped=True,
            digest=card["digest"],
            licence="Apache-2.0 (drawn by arogya-bench; shows no person)",
            source=f"arogya-bench synthetic generator, seed {self.seed}",
            version=GENERATOR_VERSION,
            read=partial(_read_image, folder),
        )
        return leave_out(dataset, self.exclude, folder)

    def folder(self) -> Path:
        """Cache folder for these options and this version of the generator."""
        key = hashlib.sha256(json.dumps(_parameters(self)).encode()).hexdigest()[:12]
        return cache_root(self.cache) / f"synthetic-{self.cases}x{self.classes}-{key}"


def _resolve_separation(options: Synthetic) -> float:
    return SEPARATIONS[options.classes] if options.separation is None else options.separation


def _parameters(options: Synthetic) -> dict[str, object]:
    """Everything that determines the files; not the task, since boxes are always written, nor what is used of them."""
    resolved = asdict(replace(options, separation=float(_resolve_separation(options))))
    del resolved["task"], resolved["external_api"], resolved["exclude"]
    return {"generator": GENERATOR_VERSION, **resolved, "cache": None}


def _check_options(options: Synthetic) -> None:
    if options.task not in TASKS:
        raise ConfigError(
            f"dataset.task={options.task!r} is unknown.{did_you_mean(options.task, TASKS)}",
            fix=f"choose dataset.task={' or '.join(TASKS)}",
        )
    known = len(CLASSES)
    checks = (
        ("classes", 2 <= options.classes <= known, f"from 2 to {known}"),
        ("cases", options.cases >= 3 * options.classes, "at least three times dataset.classes"),
        ("seed", options.seed >= 0, "0 or more"),
        ("image_size", 32 <= options.image_size <= 512, "from 32 to 512 pixels"),
        ("separation", options.separation is None or 0 < options.separation < 10, "null, or 0 to 10"),
        ("label_noise", 0 <= options.label_noise < 0.5, "from 0 to less than 0.5"),
    )
    for name, valid, allowed in checks:
        if not valid:
            raise ConfigError(
                f"dataset.{name}={getattr(options, name)} is out of range.", fix=f"choose dataset.{name} {allowed}"
            )


def _generate_files(options: Synthetic, folder: Path) -> None:
    separation = _resolve_separation(options)
    lesions = draw_population(
        options.cases,
        classes=options.classes,
        separation=separation,
        label_noise=options.label_noise,
        rng=np.random.default_rng([options.seed, 0]),
    )
    best = estimate_bayes_accuracy(
        classes=options.classes,
        separation=separation,
        label_noise=options.label_noise,
        rng=np.random.default_rng([options.seed, 3]),
    )
    card = {
        "what": "Synthetic skin lesions, drawn by arogya-bench. Not a diagnosis, not a person.",
        "parameters": {k: v for k, v in _parameters(options).items() if k != "cache"},
        "patients": len({lesion.patient for lesion in lesions}),
        "lesions": len(lesions),
        "bayes_balanced_accuracy": best._asdict(),
    }
    export_population(folder, lesions, size=options.image_size, seed=options.seed, card=card)


def _read_cases(folder: Path) -> tuple[Case, ...]:
    boxes = _read_boxes(folder)
    with (folder / CASES_FILE).open(newline="", encoding="utf-8") as file:
        return tuple(
            Case(
                case_id=row["case_id"],
                group_id=row["patient"],
                target=CLASSES.index(row["class"]),
                metadata={column: row[column] for column in METADATA_COLUMNS},
                boxes=(boxes[row["case_id"]],),
            )
            for row in csv.DictReader(file)
        )


def _read_boxes(folder: Path) -> dict[str, Box]:
    """Box of the lesion of each image, by case id."""
    content = json.loads((folder / "boxes.json").read_text(encoding="utf-8"))
    names = {image["id"]: Path(image["file_name"]).stem for image in content["images"]}
    boxes = {}
    for annotation in content["annotations"]:
        left, top, width, height = map(float, annotation["bbox"])
        box = Box(left=left, top=top, width=width, height=height, label=annotation["category_id"] - 1)
        boxes[names[annotation["image_id"]]] = box
    return boxes


def _read_image(folder: Path, case: Case) -> Image:
    file = folder / "images" / f"{case.case_id}.png"
    try:
        with PIL.Image.open(file) as image:
            return np.array(image.convert("RGB"))
    except (OSError, EOFError, SyntaxError, ValueError) as error:
        raise DatasetError(
            f"The image {file} cannot be decoded: {describe_decode_error(error)}.",
            fix=f"delete the folder {folder} and run again",
        ) from error
