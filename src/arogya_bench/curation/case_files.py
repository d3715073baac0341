"""Cleans the files of one case and writes them, or says why not."""

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from arogya_bench.curation.journal import Record, digest, intact, place
from arogya_bench.curation.plan import Task
from arogya_bench.deidentification import (
    burned_in_text as burned_in,
)
from arogya_bench.deidentification import (
    dicom as dicom_cleaning,
)
from arogya_bench.deidentification import (
    images as cleaning,
)
from arogya_bench.deidentification import (
    masks as mask_cleaning,
)
from arogya_bench.deidentification import (
    nifti as nifti_cleaning,
)
from arogya_bench.deidentification.images import Cleaned, Uncleanable
from arogya_bench.deidentification.pseudonyms import Pseudonyms
from arogya_bench.errors import DatasetError
from arogya_bench.images import dicom, nifti
from arogya_bench.images.decoding import HEAD_BYTES, kind_of
from arogya_bench.images.files import UNREADABLE
from arogya_bench.runtime.digests import digest_of

RECIPE = 2  # grows when the same options give other files
IMAGES, MASKS = "images", "masks"


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """What decides how a file is written.

    Attributes:
        quality: Of JPEG, 1 to 100.
        drawn_on: ``stored``, ``upright`` or None: what masks were drawn on.
        text_check: Whether to look for rows of text.
        ocr: Whether to read them.
    """

    quality: int
    drawn_on: str | None
    text_check: bool
    ocr: bool

    @cached_property
    def key(self) -> str:
        """The same for what gives the same files."""
        return digest_of({"recipe": RECIPE, **asdict(self)})


class Made(NamedTuple):
    """What becomes of a case.

    Attributes:
        contents: Of its files, by their name below the folder.
    """

    record: Record
    contents: Mapping[str, bytes]


class Done(NamedTuple):
    """What a run did to a case; ``written`` says whether it wrote its files."""

    record: Record
    written: bool


def curated(
    task: Task, out: Path, names: Pseudonyms, recipe: Recipe, before: Record | None
) -> Done:
    """Write the files of one case, unless they are there already.

    Args:
        task: The case.
        out: The folder of the curated data.
        names: For the names in DICOM files.
        recipe: How to write them.
        before: What an earlier run did to the case.

    Returns:
        What was done, with the very record ``before`` if that says it already.
    """
    # Of the files when the source was read: one that changed since is done again by the next run.
    source = names.content(f"{recipe.key} {task.case.group_id} {task.content} {task.refused}")
    if before and before.source == source and before.reason is None and intact(out, before):
        return Done(before, written=False)
    now = _done(task, out, source, names, recipe)
    same = before if before is not None and before == now else now
    return Done(same, written=now.reason is None)


def _done(task: Task, out: Path, source: str, names: Pseudonyms, recipe: Recipe) -> Record:
    try:
        made = _made(task, source, names, recipe)
    except Uncleanable as error:
        return Record(case_id=task.case.case_id, source=source, reason=str(error))
    except _unexpected() as error:
        # The message of a library may quote the file; its kind does not.
        reason = f"it cannot be cleaned ({type(error).__name__})"
        return Record(case_id=task.case.case_id, source=source, reason=reason)
    _write(out, made.contents)
    return made.record


def _unexpected() -> tuple[type[Exception], ...]:
    """What libraries raise for damaged files, as found by flipping their bytes."""
    return (*UNREADABLE, *dicom.unreadable(), *nifti.unreadable(), MemoryError, cv2.error)


def _cleaned(task: Task, content: bytes, names: Pseudonyms, recipe: Recipe) -> Cleaned:
    kind = kind_of(content[:HEAD_BYTES], task.image.name)
    if kind == "dicom":
        return dicom_cleaning.clean(content, names, group=task.case.group_id)
    if kind == "nifti":
        return nifti_cleaning.clean(content)
    return cleaning.clean(content, quality=recipe.quality)


def _made(task: Task, source: str, names: Pseudonyms, recipe: Recipe) -> Made:
    if task.refused:
        raise Uncleanable(task.refused)
    case_id = task.case.case_id
    image = _cleaned(task, task.image.read_bytes(), names, recipe)
    contents = {f"{IMAGES}/{case_id}{image.suffix}": image.content}
    if task.mask is not None:
        bare = _cleaned_mask(task.mask.read_bytes(), task.mask.name, image, recipe)
        contents[f"{MASKS}/{case_id}{bare.suffix}"] = bare.content
    record = Record(
        case_id=case_id,
        source=source,
        files={name: digest(each) for name, each in contents.items()},
        removed=dict(image.removed),
        width=image.width,
        height=image.height,
        orientation=image.orientation,
        text_rows=_looked(burned_in.rows_of_text, image, wanted=recipe.text_check),
        lines_read=_looked(burned_in.lines_recognised, image, wanted=recipe.ocr),
        flags=image.flags,
    )
    return Made(record=record, contents=contents)


def _cleaned_mask(content: bytes, name: str, image: Cleaned, recipe: Recipe) -> Cleaned:
    if kind_of(content[:HEAD_BYTES], name) == "nifti":
        return nifti_cleaning.clean(content)
    return mask_cleaning.clean(content, image, drawn_on=recipe.drawn_on)


def _looked(
    look: Callable[[NDArray[np.uint8]], int], image: Cleaned, *, wanted: bool
) -> int | None:
    return look(image.grey) if wanted and image.grey is not None else None


def _write(out: Path, contents: Mapping[str, bytes]) -> None:
    try:
        for name, content in contents.items():
            place(out / name, content)
    except OSError as error:
        raise DatasetError(
            f"Curated files cannot be written to {out}: {error.strerror}.",
            fix="make space or name another folder, and run again: what is finished stays",
        ) from error
