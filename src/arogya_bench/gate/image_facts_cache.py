"""What was found out about images is remembered in the cache, so that the next gate is quick."""

from collections.abc import Collection, Iterable, Mapping
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from arogya_bench.gate.image_facts import ImageFacts, PixelFacts
from arogya_bench.images.decoding import reader_identity
from arogya_bench.images.file_hashes import fingerprints, modified
from arogya_bench.runtime import cache
from arogya_bench.runtime.atomic_write import atomic_write
from arogya_bench.runtime.console import plural
from arogya_bench.runtime.digests import digest_of
from arogya_bench.types import Dataset

VERSION = 2  # raise it when a fact is found out in another way
_SCHEMA = pa.schema(
    [
        ("case_id", pa.string()),
        ("file_bytes", pa.int64()),
        ("width", pa.int64()),
        ("height", pa.int64()),
        ("mode", pa.string()),
        ("bits", pa.int64()),
        ("frames", pa.int64()),
        ("pixel_hash", pa.string()),
        ("perceptual_hash", pa.uint64()),
        ("red", pa.float64()),
        ("green", pa.float64()),
        ("blue", pa.float64()),
        ("flat", pa.bool_()),
    ]
)


def facts_path(dataset: Dataset) -> Path:
    """Where the facts of a dataset lie: named by its content and by how it is decoded."""
    key = digest_of(
        {"dataset": dataset.digest, "read": reader_identity(dataset.read), "version": VERSION}
    )
    return cache.cache_root(None) / "facts" / f"{key}.parquet"


def load_facts(dataset: Dataset) -> dict[str, ImageFacts]:
    """Recall the facts of a dataset; a file that is damaged counts as none.

    A file that is gone since, or has another size, is looked at again.
    """
    try:
        table = pq.read_table(facts_path(dataset), page_checksum_verification=True)
        rows = table.cast(_SCHEMA).to_pylist() if table.schema.equals(_SCHEMA) else []
    except (OSError, pa.ArrowException):
        return {}
    facts = (_from_row(row) for row in rows)
    return {each.case_id: each for each in facts if _is_current(each, dataset.files)}


def save_facts(dataset: Dataset, facts: Iterable[ImageFacts]) -> str:
    """Write facts down, in one step.

    Those with a problem are left out, since it may be mended; and those of files that are not what
    the dataset was loaded from, since they would lie under the digest of other content.

    Returns:
        Why some could not be written; empty if all were.
    """
    altered = {*modified(fingerprints({*dataset.files.values()}))}
    rows = [
        _to_row(each, each.pixels)
        for each in facts
        if each.pixels and dataset.files.get(each.case_id) not in altered
    ]
    file = facts_path(dataset)
    try:
        with atomic_write(file) as partial_file:
            table = pa.Table.from_pylist(rows, schema=_SCHEMA)
            pq.write_table(table, partial_file, write_page_checksum=True)
    except OSError as error:
        return (
            f"The next run will look at every image again: {file.parent} cannot be written "
            f"({error.strerror}); set the variable {cache.CACHE_VARIABLE} to a folder with space."
        )
    return _modified_files_note(altered)


def _modified_files_note(altered: Collection[Path]) -> str:
    if not altered:
        return ""
    return (
        f"{plural(len(altered), 'file')} changed after the dataset was loaded, first: "
        f"{min(altered).name}; run again when nothing writes to its folder any more."
    )


def _is_current(facts: ImageFacts, files: Mapping[str, Path]) -> bool:
    file = files.get(facts.case_id)
    try:
        return (file.stat().st_size if file else None) == facts.file_bytes
    except OSError:
        return False


def _to_row(facts: ImageFacts, pixels: PixelFacts) -> dict[str, object]:
    red, green, blue = pixels.border
    return {
        "case_id": facts.case_id,
        "file_bytes": facts.file_bytes,
        "width": facts.width,
        "height": facts.height,
        "mode": facts.mode,
        "bits": facts.bits,
        "frames": facts.frames,
        "pixel_hash": pixels.pixel_hash,
        "perceptual_hash": pixels.perceptual_hash,
        "red": red,
        "green": green,
        "blue": blue,
        "flat": pixels.flat,
    }


def _from_row(row: Mapping[str, object]) -> ImageFacts:
    values = dict(row)
    border = (values.pop("red"), values.pop("green"), values.pop("blue"))
    own = {name: values.pop(name) for name in ("pixel_hash", "perceptual_hash", "flat")}
    return ImageFacts(pixels=PixelFacts(border=border, **own), **values)  # type: ignore[arg-type]
