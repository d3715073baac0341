"""Shows readers of boxes the images that EXIF turns as their boxes know them."""

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path, PurePosixPath

import PIL.Image

from arogya_bench.deidentification.image_metadata import inspect_container
from arogya_bench.deidentification.orientation import TRANSPOSED_ORIENTATIONS, UPRIGHT
from arogya_bench.errors import ConfigError, did_you_mean
from arogya_bench.images.decoding import is_image
from arogya_bench.images.discovery import list_files

BOXES_DRAWN_ON = ("stored", "upright")


def find_rotated_images(folder: Path) -> Iterator[tuple[PurePosixPath, tuple[int, int, int]]]:
    """Images that EXIF turns: width and height as stored, and the orientation."""
    for file in list_files(folder):
        if is_image(file.name):
            container = inspect_container((folder / file).read_bytes())
            if container and container.orientation != UPRIGHT:
                yield file, (container.width, container.height, container.orientation)


@contextmanager
def with_oriented_boxes(
    folder: Path, orientations: Mapping[PurePosixPath, Sequence[int]], drawn_on: str
) -> Iterator[Path]:
    """The same folder for a reader of boxes, with turned images as their boxes know them.

    The readers refuse images that EXIF turns. They look at no more than the size, so an empty
    image of that size stands for each of those; everything else is a link.
    """
    with tempfile.TemporaryDirectory(prefix="arogya-") as place:
        stage = Path(place)
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


def check_boxes_drawn_on(drawn_on: str | None) -> None:
    """Refuse a typo.

    Raises:
        ConfigError: If ``boxes_drawn_on`` is neither ``stored``, ``upright`` nor None.
    """
    if drawn_on not in (None, *BOXES_DRAWN_ON):
        raise ConfigError(
            f"boxes_drawn_on={drawn_on!r} is unknown.{did_you_mean(drawn_on, BOXES_DRAWN_ON)}",
            fix="use stored, upright, or null where no image is turned",
        )
