"""Shows readers of boxes the images that EXIF turns as their boxes know them."""

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path, PurePosixPath

import PIL.Image

from arogya_bench.deidentification.image_metadata import inspect
from arogya_bench.deidentification.orientation import SIDEWAYS, UPRIGHT
from arogya_bench.errors import ConfigError, nearest
from arogya_bench.images.decoding import is_image
from arogya_bench.images.discovery import files_below

DRAWN_ON = ("stored", "upright")


def turned(folder: Path) -> Iterator[tuple[PurePosixPath, tuple[int, int, int]]]:
    """Images that EXIF turns: width and height as stored, and the orientation."""
    for file in files_below(folder):
        if is_image(file.name):
            container = inspect((folder / file).read_bytes())
            if container and container.orientation != UPRIGHT:
                yield file, (container.width, container.height, container.orientation)


@contextmanager
def staged(
    folder: Path, turns: Mapping[PurePosixPath, Sequence[int]], drawn_on: str
) -> Iterator[Path]:
    """The same folder for a reader of boxes, with turned images as their boxes know them.

    The readers refuse images that EXIF turns. They look at no more than the size, so an empty
    image of that size stands for each of those; everything else is a link.
    """
    with tempfile.TemporaryDirectory(prefix="arogya-") as place:
        stage = Path(place)
        for file in files_below(folder):
            (stage / file).parent.mkdir(parents=True, exist_ok=True)
            if file not in turns:
                (stage / file).symlink_to(folder.absolute() / file)
                continue
            width, height, orientation = turns[file]
            swapped = drawn_on == "upright" and orientation in SIDEWAYS
            size = (height, width) if swapped else (width, height)
            PIL.Image.new("1", size).save(stage / file, "PNG")
        yield stage


def check_drawn_on(drawn_on: str | None) -> None:
    """Refuse a typo.

    Raises:
        ConfigError: If ``boxes_drawn_on`` is neither ``stored``, ``upright`` nor None.
    """
    if drawn_on not in (None, *DRAWN_ON):
        raise ConfigError(
            f"boxes_drawn_on={drawn_on!r} is unknown.{nearest(drawn_on, DRAWN_ON)}",
            fix="use stored, upright, or null where no image is turned",
        )
