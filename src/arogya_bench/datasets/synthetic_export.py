"""Write a synthetic population to files: images, masks, a table, COCO boxes and a card."""

import csv
import hashlib
import json
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import accumulate
from pathlib import Path
from typing import NamedTuple

import cv2
import joblib
import numpy as np

from arogya_bench.datasets.synthetic_population import CLASSES, Lesion
from arogya_bench.datasets.synthetic_rendering import LATENTS, SITES, LesionMask, draw_lesion, take_photograph
from arogya_bench.images.file_hashes import digest_records

CASES_FILE = "cases.csv"
CARD_FILE = "card.json"
Value = str | int | float


class RenderedView(NamedTuple):
    """One written image.

    Attributes:
        box: Left, top, width and height of the lesion in pixels.
        area: Number of pixels of the lesion.
        pixel_hash: SHA-256 of the decoded image.
    """

    row: dict[str, Value]  # of the table
    box: list[int]
    area: int
    pixel_hash: str


def export_population(
    folder: Path,
    lesions: Sequence[Lesion],
    *,
    size: int,
    seed: int,
    card: Mapping[str, object],
    workers: int | None = None,
) -> None:
    """Render and write every lesion; the files do not depend on the number of workers.

    Args:
        folder: Empty target folder.
        lesions: Lesions in the order of their numbers.
        size: Width and height of the images in pixels.
        seed: Seed of the random generators, one per lesion and per view.
        card: Content of ``card.json``, to which class counts and the digest are added.
        workers: Number of threads; by default one per processor.
    """
    for kind in ("images", "masks"):
        (folder / kind).mkdir()
    starts = [0, *accumulate(lesion.views for lesion in lesions)]

    def render_views(lesion: Lesion) -> list[RenderedView]:
        return _render_views(folder, lesion, start=starts[lesion.number], size=size, seed=seed)

    # Threads rather than processes: NumPy, OpenCV and zlib release the GIL, and scripts need no
    # __main__ guard.
    with ThreadPoolExecutor(workers or joblib.cpu_count()) as pool:
        views = [view for rendered in pool.map(render_views, lesions) for view in rendered]
    with (folder / CASES_FILE).open("w", newline="", encoding="utf-8") as file:
        table = csv.DictWriter(file, fieldnames=list(views[0].row))
        table.writeheader()
        table.writerows(view.row for view in views)
    _write_json(folder / "boxes.json", _to_coco(views, size))
    labels = [str(view.row["class"]) for view in views]
    counts = {name: labels.count(name) for name in CLASSES if name in labels}
    # Over pixels rather than PNG files, which depend on the zlib version.
    digest = digest_records([*view.row.values(), view.pixel_hash] for view in views)
    _write_json(folder / CARD_FILE, {**card, "class_counts": counts, "digest": digest})


def _render_views(folder: Path, lesion: Lesion, *, start: int, size: int, seed: int) -> list[RenderedView]:
    rng = np.random.default_rng([seed, 1, lesion.number])
    albedo = draw_lesion(lesion.latents, lesion.tone, size=size, rng=rng)
    views = []
    for number in range(start, start + lesion.views):
        rng = np.random.default_rng([seed, 2, number])
        image, mask = take_photograph(albedo, SITES[lesion.site], rng)
        case_id = f"case-{number:05d}"
        for kind, pixels in (("images", image[..., ::-1]), ("masks", mask)):
            # OpenCV encodes 3 times as fast as Pillow, and expects BGR.
            _, encoded = cv2.imencode(".png", pixels)
            (folder / kind / f"{case_id}.png").write_bytes(encoded.tobytes())
        digest = hashlib.sha256(image.tobytes()).hexdigest()
        views.append(RenderedView(_table_row(case_id, lesion), _bounding_box(mask), int((mask > 0).sum()), digest))
    return views


def _table_row(case_id: str, lesion: Lesion) -> dict[str, Value]:
    return {
        "case_id": case_id,
        "patient": lesion.patient,
        "lesion": f"lesion-{lesion.number:05d}",
        "site": lesion.site,
        "tone": lesion.tone,
        "class": CLASSES[lesion.target],
        "true_class": CLASSES[lesion.truth],
        **{name: round(float(x), 4) for name, x in zip(LATENTS, lesion.latents, strict=True)},
    }


def _bounding_box(mask: LesionMask) -> list[int]:
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    left, top = int(columns[0]), int(rows[0])
    return [left, top, int(columns[-1]) + 1 - left, int(rows[-1]) + 1 - top]


def _to_coco(views: Sequence[RenderedView], size: int) -> dict[str, object]:
    images, annotations = [], []
    for number, view in enumerate(views, start=1):
        file = f"{view.row['case_id']}.png"
        images.append({"id": number, "file_name": file, "width": size, "height": size})
        annotations.append(
            {
                "id": number,
                "image_id": number,
                "category_id": CLASSES.index(str(view.row["class"])) + 1,
                "bbox": view.box,
                "area": view.area,
                "iscrowd": 0,
            }
        )
    categories = [{"id": number, "name": name} for number, name in enumerate(CLASSES, start=1)]
    return {"images": images, "annotations": annotations, "categories": categories}


def _write_json(path: Path, content: Mapping[str, object]) -> None:
    path.write_text(json.dumps(content, indent=1), encoding="utf-8")
