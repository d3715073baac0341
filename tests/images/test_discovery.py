"""Images are found where they lie, and nothing that only looks like one."""

from pathlib import PurePosixPath

import pytest

from arogya_bench.errors import DatasetError
from arogya_bench.images.discovery import find_images_by_name, find_unlisted, image_stem, list_files, list_folders


@pytest.fixture
def touch(tmp_path):
    def write(*names):
        for name in names:
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / name).touch()
        return tmp_path

    return write


@pytest.mark.parametrize(
    ("name", "stem"), [("a/b.jpg", "a/b"), ("b.JPEG", "b"), ("v.1.png", "v.1"), ("b.nii.gz", "b"), ("b", "b")]
)
def test_the_suffix_of_an_image_is_no_part_of_its_name(name, stem):
    assert image_stem(name) == stem


def test_images_are_found_by_name_in_several_folders(touch):
    folder = touch("one/a.jpg", "two/b.JPG", "two/ATTRIBUTION.txt", "two/in/c.jpg", "two/._b.jpg")

    assert find_images_by_name(folder, ["one", "two", "three"]) == {
        "a": PurePosixPath("one/a.jpg"),
        "b": PurePosixPath("two/b.JPG"),
    }


@pytest.mark.parametrize("twin", ["one/a.png", "two/a.jpg"])
def test_two_images_of_one_name_are_refused(touch, twin):
    folder = touch("one/a.jpg", twin)

    with pytest.raises(DatasetError, match=rf"one/a\.jpg and {twin} have the same name"):
        find_images_by_name(folder, ["one", "two"])


def test_files_are_found_at_any_depth_without_those_of_a_mac(touch):
    folder = touch("b/c/d.png", "a.txt", ".hidden/e.png", "__MACOSX/b/._d.png", "b/.DS_Store")

    assert [str(file) for file in list_files(folder)] == ["a.txt", "b/c/d.png"]
    assert list_folders(folder) == ["b"]


def test_links_to_folders_are_followed_once(touch):
    folder = touch("real/a.png")
    (folder / "real" / "again").symlink_to(folder)

    assert [str(file) for file in list_files(folder)] == ["real/a.png"]
    assert [str(file) for file in list_files(folder / "real" / "again")] == ["real/a.png"]


@pytest.mark.parametrize("look", [list_files, list_folders])
def test_a_folder_that_cannot_be_read_is_named(tmp_path, look):
    with pytest.raises(DatasetError, match="gone cannot be read: No such file"):
        look(tmp_path / "gone")


def test_a_folder_of_images_that_is_a_file_holds_none(touch):
    assert find_images_by_name(touch("one"), ["one"]) == {}


def test_what_no_table_lists_is_named_in_order():
    assert find_unlisted(["c", "a", "b"], ["b", "x"]) == ["a", "c"]
