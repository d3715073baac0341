"""Presents images that EXIF rotates to the readers of boxes, which refuse such images."""

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path, PurePosixPath

import PIL.Image

from arogya_bench.deidentification.cleaned_file import CleaningError
from arogya_bench.deidentification.image_metadata import read_metadata
from arogya_bench.deidentification.orientation import TRANSPOSED_ORIENTATIONS, UPRIGHT
from arogya_bench.images.decoding import is_image
from arogya_bench.images.discovery import list_files


def find_rotated_images(folder: Path) -> Iterator[tuple[PurePosixPath, tuple[int, int, int]]]:
    """Yield each image that EXIF rotates, with its stored width, stored height and orientation."""
    for file in list_files(folder):
        if is_image(file.name):
            with suppress(CleaningError):  # reported when the file is cleaned
                metadata = read_metadata((folder / file).read_bytes())
                if metadata.orientation != UPRIGHT:
                    yield file, (metadata.width, metadata.height, metadata.orientation)


@contextmanager
def with_oriented_boxes(
    folder: Path, orientations: Mapping[PurePosixPath, Sequence[int]], drawn_on: str
) -> Iterator[Path]:
    """Stage a copy of the folder in which no image is rotated.

    The readers of boxes use only the size of an image, so a blank image of the size on which the boxes were drawn
    replaces each rotated one. All other files are symbolic links.
    """
    with tempfile.TemporaryDirectory(prefix="arogya-") as stage_name:
        stage = Path(stage_name)
        for file in list_files(folder):
            (stage / file).parent.mkdir(parents=True, exist_ok=True)
            if file not in orientations:
                (stage / file).symlink_to(folder.absolute() / file)
                continue
            width, height, orientation = orientations[file]
            swapped = drawn_on == "upright" and orientation in TRANSPOSED_ORIENTATIONS
            size = (height, width) if swapped else (width, height)
            PIL.Image.new("1", size).save(stage / file, "PNG")
        yield stage
