"""Reads the training images of ISIC 2019: dermoscopy of eight kinds of lesions."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from arogya_bench.datasets.classification import Labelled, dataset_of, folder_of, left_out
from arogya_bench.datasets.csv_tables import Row, columns_of, table_of
from arogya_bench.datasets.group_patterns import few
from arogya_bench.datasets.published import Published
from arogya_bench.errors import DatasetError
from arogya_bench.images.discovery import images_by_name, unlisted
from arogya_bench.images.files import below
from arogya_bench.types import Dataset

IMAGES = "ISIC_2019_Training_Input"
LABELS = "ISIC_2019_Training_GroundTruth.csv"
FACTS = "ISIC_2019_Training_Metadata.csv"
LAYOUT = f"{IMAGES}/, {LABELS} and {FACTS}"
METADATA = ("age_approx", "anatom_site_general", "sex")
KEYS = ("image", "lesion_id")


@dataclass(frozen=True, kw_only=True)
class ISIC2019(Published):
    """ISIC 2019 in the layout of its archives; images of one lesion are one group.

    An image without a lesion id is its own group, and a note counts them: two of them may show
    one lesion all the same. Metadata columns with a missing value are text, in which it is
    ``unknown``.
    """

    name: str | None = "isic2019"
    classes: list[str] = field(
        default_factory=lambda: ["MEL", "NV", "BCC", "AK", "BKL", "DF", "VASC", "SCC"]
    )

    def load(self) -> Dataset:
        """Read both tables and find every image; none is decoded.

        Raises:
            DatasetError: If files are missing or damaged, or contradict each other.
        """
        folder = folder_of(self, LAYOUT)
        labels = _labels(table_of(folder / LABELS, required=("image",), key="image"))
        facts = table_of(folder / FACTS, required=(*KEYS, *METADATA), key="image")
        _refuse_no_facts(labels, facts)
        place = _place(folder)
        found = images_by_name(folder, [place])
        return dataset_of(
            folder,
            _images(labels, facts, found, PurePosixPath(place)),
            self,
            classes=self.classes,
            grouped=True,
            notes=tuple(_notes(labels, facts, found)),
        )


def _place(folder: Path) -> str:
    """The folder of the images; some unpackers write it twice, one in the other."""
    nested = f"{IMAGES}/{IMAGES}"
    return nested if (folder / nested).is_dir() else IMAGES


def _labels(rows: Sequence[Row]) -> dict[str, str]:
    """The class of every image, by its column with a one."""
    marked = {
        row["image"]: [name for name, cell in row.items() if name != "image" and _is_one(cell)]
        for row in rows
    }
    unclear = [image for image, names in marked.items() if len(names) != 1]
    if unclear:
        raise DatasetError(
            f"{len(unclear)} of {len(rows)} images in {LABELS} have no class or several: "
            f"{few(unclear)}.",
            fix="get the file again; every line has a single 1 and zeros",
        )
    return {image: names[0] for image, names in marked.items()}


def _is_one(cell: str) -> bool:
    try:
        return float(cell) == 1
    except ValueError:
        return False


def _refuse_no_facts(labels: Mapping[str, str], facts: Sequence[Row]) -> None:
    lost = unlisted(labels, (row["image"] for row in facts))
    if lost:
        raise DatasetError(
            f"{len(lost)} of {len(labels)} images of {LABELS} are not in {FACTS}: {few(lost)}.",
            fix=f"get both files again; without {FACTS} nobody knows which images show one lesion",
        )


def _images(
    labels: Mapping[str, str],
    facts: Sequence[Row],
    found: Mapping[str, PurePosixPath],
    place: PurePosixPath,
) -> list[Labelled]:
    used = [row for row in facts if row["image"] in labels]
    return [
        Labelled(
            case_id=row["image"],
            file=found.get(row["image"]) or place / below(f"{row['image']}.jpg", LABELS),
            label=labels[row["image"]],
            group=row["lesion_id"] or row["image"],
            metadata=own,
        )
        for row, own in zip(used, columns_of(used, METADATA), strict=True)
    ]


def _notes(
    labels: Mapping[str, str], facts: Sequence[Row], found: Mapping[str, PurePosixPath]
) -> Iterator[str]:
    single = [row["image"] for row in facts if row["image"] in labels and not row["lesion_id"]]
    yield from left_out("Images without a lesion id, each of which is its own group", single)
    extra = unlisted(found, labels)
    yield from left_out(f"Images that {LABELS} does not list, which were left out", extra)
    lines = unlisted((row["image"] for row in facts), labels)
    yield from left_out(f"Lines of {FACTS} without a label, which were left out", lines)
    unknown = unlisted(facts[0], (*KEYS, *METADATA))
    yield from left_out(f"Columns of {FACTS} that were not read", unknown)
