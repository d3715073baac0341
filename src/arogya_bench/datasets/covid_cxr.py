"""Read COVIDx: chest X-rays collected from several sources, listed in two text files."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from arogya_bench.datasets.classification import LabelledImage, build_classification_dataset
from arogya_bench.datasets.covid_chestxray import TABLE as COLLECTION_TABLE
from arogya_bench.datasets.csv_tables import MISSING
from arogya_bench.datasets.group_patterns import note_excluded
from arogya_bench.datasets.published import PublishedDataset
from arogya_bench.errors import DatasetError
from arogya_bench.images.decoding import is_image
from arogya_bench.images.discovery import find_unlisted, list_files
from arogya_bench.images.files import find_dataset_folder, parse_relative_path, read_name_list
from arogya_bench.types import Dataset

PARTS = ("train", "test")
LAYOUT = "train/, test/ and a text list of each, such as train_COVIDx3.txt and test_COVIDx3.txt"


@dataclass(frozen=True, kw_only=True)
class COVIDCxr(PublishedDataset):
    """COVIDx in the layout of its scripts, grouped by patient.

    The source defines a test set but no validation set: cases of the test list have the split ``test``, all others
    none, and the validation part is drawn from them by patient. The metadata column ``site`` is the collection of the
    image; it almost determines the class, so check the results per site.

    Attributes:
        train_list: Text list of the training images relative to ``path``, with patient, file, class and, in most
            versions, source; by default the only file ``train*.txt``.
        test_list: Text list of the test images; by default the only file ``test*.txt``.
    """

    name: str | None = "covid_cxr"
    classes: list[str] = field(default_factory=lambda: ["normal", "pneumonia", "COVID-19"])
    train_list: str | None = None
    test_list: str | None = None

    def load(self) -> Dataset:
        """Read both lists and find every image; no image is decoded."""
        folder = find_dataset_folder(self.path, LAYOUT, self.obtain)
        lists = {part: _find_list(folder, part, getattr(self, f"{part}_list")) for part in PARTS}
        images = [_parse_line(part, line, file.name) for part, file in lists.items() for line in read_name_list(file)]
        return build_classification_dataset(
            folder, images, self, classes=self.classes, grouped=True, notes=tuple(_notes(images, folder))
        )


def _find_list(folder: Path, part: str, chosen: str | None) -> Path:
    if chosen:
        return folder / parse_relative_path(chosen, f"dataset.{part}_list")
    lists = sorted(path for path in folder.glob(f"{part}*.txt") if path.is_file())
    if len(lists) != 1:
        names = ", ".join(path.name for path in lists)
        raise DatasetError(
            f"{folder} holds {len(lists)} lists {part}*.txt{f': {names}' if names else ''}.",
            fix="this is the layout of covid-chestxray-dataset: use dataset=covid_chestxray"
            if (folder / COLLECTION_TABLE).is_file()
            else f"set dataset.{part}_list to the one of these images",
        )
    return lists[0]


def _parse_line(part: str, line: str, where: str) -> LabelledImage:
    columns = line.split()
    if len(columns) not in (3, 4):
        raise DatasetError(
            f"{where} has a line with {len(columns)} columns, not 3 or 4: {line[:80]!r}.",
            fix="write patient, file, class and source, separated by spaces and without spaces in them",
        )
    patient, name, label = columns[:3]
    file = PurePosixPath(part) / parse_relative_path(name, where)
    return LabelledImage(
        # With the suffix, since images of different sources may differ only in it.
        case_id=str(file),
        file=file,
        label=label,
        group=patient,
        split="test" if part == "test" else None,
        metadata={"site": columns[3] if len(columns) > 3 else MISSING},
    )


def _notes(images: Sequence[LabelledImage], folder: Path) -> Iterator[str]:
    without_site = [image.case_id for image in images if image.metadata["site"] == MISSING]
    yield from note_excluded("Images without a source in their list, site unknown", without_site)
    present = [
        str(PurePosixPath(part, file))
        for part in PARTS
        if (folder / part).is_dir()
        for file in list_files(folder / part)
        if is_image(file.name)
    ]
    extra = find_unlisted(present, (image.case_id for image in images))
    yield from note_excluded("Images not in any list, excluded", extra)
