"""An image file is looked at before any work starts, and nothing outside its folder is opened."""

import hashlib
import struct
from contextlib import suppress
from pathlib import PurePosixPath

import numpy as np
import PIL.Image
import pytest

from arogya_bench.errors import DatasetError
from arogya_bench.images.files import (
    decode_case,
    find_dataset_folder,
    inspect_image,
    parse_relative_path,
    undecodable_error,
)
from arogya_bench.types import Case


def case(name="a"):
    return Case(case_id=name, group_id=name, target=None)


def oriented(value):
    exif = PIL.Image.Exif()
    exif[0x0112] = value
    return exif


def test_the_facts_are_those_of_the_file(picture, tmp_path):
    picture("a.png", size=(60, 40))

    facts = inspect_image(tmp_path, PurePosixPath("a.png"))

    content = hashlib.sha256((tmp_path / "a.png").read_bytes()).hexdigest()
    assert facts == (60, 40, content)


@pytest.mark.parametrize("mode", ["L", "LA", "P", "RGBA", "1"])
def test_every_8_bit_image_becomes_rgb(tmp_path, mode):
    PIL.Image.new(mode, (6, 4)).save(tmp_path / "a.png")

    inspect_image(tmp_path, PurePosixPath("a.png"))
    image = decode_case(tmp_path, {"a": PurePosixPath("a.png")}, case())

    assert (image.shape, image.dtype) == ((4, 6, 3), np.uint8)


def test_pixels_are_those_of_the_file(picture, tmp_path):
    pixels = picture("a.png")

    image = decode_case(tmp_path, {"a": PurePosixPath("a.png")}, case())

    np.testing.assert_array_equal(image, pixels)


def test_a_missing_image_is_named(tmp_path):
    with pytest.raises(DatasetError, match=r"images/a\.png is not in"):
        inspect_image(tmp_path, PurePosixPath("images/a.png"))


def test_sixteen_bits_are_refused_since_white_would_be_all_that_is_left(tmp_path):
    PIL.Image.fromarray(np.full((4, 6), 3000, dtype=np.uint16)).save(tmp_path / "a.png")

    with pytest.raises(DatasetError, match=r"a\.png has pixels of type I;16"):
        inspect_image(tmp_path, PurePosixPath("a.png"))


def test_several_frames_are_refused(tmp_path):
    first, second = (PIL.Image.new("RGB", (6, 4), colour) for colour in ("red", "blue"))
    first.save(tmp_path / "a.tif", save_all=True, append_images=[second])

    with pytest.raises(DatasetError, match=r"a\.tif holds 2 frames"):
        inspect_image(tmp_path, PurePosixPath("a.tif"))


def test_a_photograph_with_a_preview_behind_it_is_one_image(tmp_path):
    first, second = (PIL.Image.new("RGB", (6, 4), colour) for colour in ("red", "blue"))
    first.save(tmp_path / "a.jpg", format="MPO", save_all=True, append_images=[second])

    inspect_image(tmp_path, PurePosixPath("a.jpg"))
    image = decode_case(tmp_path, {"a": PurePosixPath("a.jpg")}, case())

    assert image[..., 0].min() > 250


@pytest.mark.parametrize("suffix", ["jpg", "png"])
@pytest.mark.parametrize("value", [2, 3, 6, 8])
def test_an_image_that_viewers_turn_is_refused(picture, tmp_path, suffix, value):
    picture(f"a.{suffix}", exif=oriented(value))

    with pytest.raises(DatasetError, match=f"EXIF orientation {value}"):
        inspect_image(tmp_path, PurePosixPath(f"a.{suffix}"))


def test_an_upright_image_may_say_so(picture, tmp_path):
    picture("a.jpg", exif=oriented(1))

    assert inspect_image(tmp_path, PurePosixPath("a.jpg")).width == 60


@pytest.mark.parametrize("content", [b"", b"\xff\xd8", b"\x89PNG\r\n\x1a\n", b"GIF89a", b"text"])
def test_what_is_no_image_is_refused(tmp_path, content):
    (tmp_path / "a.png").write_bytes(content)

    with pytest.raises(DatasetError, match=r"a\.png cannot be decoded"):
        inspect_image(tmp_path, PurePosixPath("a.png"))


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (PIL.UnidentifiedImageError("cannot identify image file <_io.BytesIO object at 0x7f1>"), "not recognised"),
        (OSError("cannot read <_io.BufferedReader name='/home/me/a.png'>"), "cannot read the file"),
        (KeyError(259), "its content is damaged"),
        (struct.error("unpack requires a buffer of 4 bytes"), "its content is damaged"),
        (OSError(""), "its content is damaged"),
        (OSError("image file is truncated."), "image file is truncated"),
    ],
)
def test_an_error_of_a_decoder_is_said_in_words(error, words):
    problem = undecodable_error("image", "a.png", error, (".png",)).problem

    assert problem.startswith("The image a.png cannot be decoded: ")
    assert problem.endswith(f"{words}.")


@pytest.mark.parametrize("suffix", ["png", "jpg"])
def test_a_truncated_image_is_named_when_read(picture, tmp_path, suffix):
    picture(f"a.{suffix}")
    file = tmp_path / f"a.{suffix}"
    file.write_bytes(file.read_bytes()[:900])

    with pytest.raises(DatasetError, match=rf"a\.{suffix} cannot be decoded"):
        decode_case(tmp_path, {"a": PurePosixPath(file.name)}, case())


@pytest.mark.filterwarnings("ignore::UserWarning:PIL")
@pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")  # it does not stop the reader
@pytest.mark.parametrize("suffix", ["jpg", "png", "bmp", "tif", "webp"])
@pytest.mark.fuzz
def test_random_bytes_are_never_a_traceback(picture, tmp_path, suffix, fuzz_seed):
    picture(f"a.{suffix}")
    file, rng = tmp_path / f"a.{suffix}", np.random.default_rng(fuzz_seed)
    content = bytearray(file.read_bytes())
    for place in rng.integers(0, 200, 6):
        content[place] = rng.integers(256)
    file.write_bytes(content)

    with suppress(DatasetError):
        inspect_image(tmp_path, PurePosixPath(file.name))
    with suppress(DatasetError):
        decode_case(tmp_path, {"a": PurePosixPath(file.name)}, case())


def test_a_case_of_another_dataset_has_no_image(tmp_path):
    with pytest.raises(DatasetError, match="'stranger'"):
        decode_case(tmp_path, {}, case("stranger"))


@pytest.mark.parametrize(
    "name", ["../a.png", "x/../../a.png", "/etc/a.png", "C:/a.png", "C:a.png", "x\\a.png", "", " ", "a\0"]
)
def test_a_name_that_leads_out_of_its_folder_is_refused(name):
    with pytest.raises(DatasetError, match="list names"):
        parse_relative_path(name, "the list")


@pytest.mark.parametrize("name", ["a.png", "x/y/a b.png", "./x/é.png", "a..b.png"])
def test_a_name_below_its_folder_is_taken(name):
    assert parse_relative_path(name, "the list") == PurePosixPath(name)


def test_a_folder_in_another_unicode_form_is_found_and_one_in_another_case_is_named(tmp_path):
    there = tmp_path / "fu\u0308r" / "Mixed"
    there.mkdir(parents=True)

    assert find_dataset_folder(str(tmp_path / "f\u00fcr" / "Mixed"), "images") == there
    with pytest.raises(DatasetError, match=r"No folder at .*/mixed, but at .*/Mixed\."):
        find_dataset_folder(str(tmp_path / "f\u00fcr" / "mixed"), "images")


def test_a_missing_folder_is_named_with_its_absolute_path(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    with pytest.raises(DatasetError, match=f"No folder at {tmp_path}/nowhere") as refusal:
        find_dataset_folder("nowhere", "images")

    assert "dataset.path" in refusal.value.fix
