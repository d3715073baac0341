"""COVIDx is read by its two lists; what is tested is fixed, and patients stay together."""

from pathlib import PurePosixPath

import pytest

from arogya_bench.datasets.covid_cxr import COVIDCxr
from arogya_bench.datasets.splits import split
from arogya_bench.errors import DatasetError


@pytest.fixture
def lists(tmp_path, picture):
    """Write two lists and the images that they name."""

    def write(train, test, without=(), edition="_COVIDx3"):
        for part, lines in (("train", train), ("test", test)):
            (tmp_path / part).mkdir(exist_ok=True)
            for line in lines:
                name = line.split()[1] if len(line.split()) > 1 else ""
                if PurePosixPath(name).suffix and ".." not in name and name not in without:
                    picture(f"{part}/{name}", size=(12, 8))
            (tmp_path / f"{part}{edition}.txt").write_text("\n".join(lines) + "\n")
        return tmp_path

    return write


def loaded(folder, **options):
    return COVIDCxr(path=str(folder), licence="one for each source", **options).load()


def test_patient_class_and_source_come_from_the_lists(lists):
    folder = lists(
        ["3 SARS-day0.jpeg pneumonia cohen", "3 SARS-day5.jpeg pneumonia cohen"],
        ["COVID-19(9) COVID-19(9).png COVID-19 sirm"],
    )

    dataset = loaded(folder)

    assert (dataset.name, dataset.grouped) == ("covid_cxr", True)
    assert dataset.classes == ("normal", "pneumonia", "COVID-19")
    facts = [(c.case_id, c.group_id, c.target, c.split, c.metadata) for c in dataset.cases]
    assert facts == [
        ("test/COVID-19(9).png", "COVID-19(9)", 2, "test", {"site": "sirm"}),
        ("train/SARS-day0.jpeg", "3", 1, None, {"site": "cohen"}),
        ("train/SARS-day5.jpeg", "3", 1, None, {"site": "cohen"}),
    ]
    assert dataset.notes == ()
    assert dataset.read(dataset.cases[0]).shape == (8, 12, 3)


def test_a_list_may_name_no_sources(lists):
    dataset = loaded(lists(["3 a.png pneumonia rsna"], ["4 b.png normal"]))

    assert [case.metadata["site"] for case in dataset.cases] == ["unknown", "rsna"]
    assert dataset.notes == ("Images without a source in their list, site unknown: 1: test/b.png.",)


def test_the_test_list_is_tested_and_validation_is_made_by_patient(lists):
    words = ("normal", "pneumonia", "COVID-19")
    train = [f"p{n // 2} {n}.png {words[n // 2 % 3]} rsna" for n in range(60)]
    test = [f"q{n} {n}.png {words[n % 3]} rsna" for n in range(6)]

    parts = split(loaded(lists(train, test))).parts

    assert {case.case_id for case in parts["test"].cases} == {f"test/{n}.png" for n in range(6)}
    patients = [{case.group_id for case in part.cases} for part in parts.values()]
    assert sum(map(len, patients)) == len(set.union(*patients))
    assert len(parts["validation"].cases) > 0


def test_a_label_of_the_binary_lists_is_stray_unless_it_is_a_class(lists):
    folder = lists(["3 a.png positive rsna"], ["4 b.png negative rsna"])

    assert loaded(folder).stray_labels == {"train/a.png": "positive", "test/b.png": "negative"}
    assert loaded(folder, classes=["negative", "positive"]).stray_labels == {}


def test_two_images_may_differ_in_their_suffix_alone(lists):
    assert len(loaded(lists(["3 a.png normal x", "3 a.jpg normal x"], ["4 b.png normal x"])).cases) == 3


def test_images_in_no_list_are_named(lists, picture):
    folder = lists(["3 a.png normal x"], ["4 b.png normal x"])
    picture("train/more/c.png")
    (folder / "train" / "notes.md").touch()

    assert loaded(folder).notes == ("Images not in any list, excluded: 1: train/more/c.png.",)


@pytest.mark.parametrize("line", ["3 a.png", "COVID-19 (9) COVID-19 (9).png COVID-19 sirm", "3"])
def test_a_line_of_other_words_is_refused(lists, line):
    with pytest.raises(DatasetError, match=r"train_COVIDx3\.txt has a line with . columns, not 3 or 4"):
        loaded(lists([line], ["4 b.png normal x"]))


@pytest.mark.parametrize("name", ["../../a.png", "/etc/a.png", "..\\a.png"])
def test_a_name_that_leaves_the_folder_is_refused(lists, name):
    with pytest.raises(DatasetError, match=r"train_COVIDx3\.txt names .* not a path inside"):
        loaded(lists([f"3 {name} normal x"], ["4 b.png normal x"], without=[name]))


def test_a_missing_image_is_refused(lists):
    folder = lists(["3 a.png normal x"], ["4 b.png normal x"], without=["a.png"])

    with pytest.raises(DatasetError, match=r"1 of 2 listed images .*train/a\.png"):
        loaded(folder)


def test_an_image_that_is_listed_twice_is_refused(lists):
    with pytest.raises(DatasetError, match=r"2 images have the name train/a\.png"):
        loaded(lists(["3 a.png normal x", "5 a.png normal x"], ["4 b.png normal x"]))


def test_several_editions_need_a_choice(lists):
    lists(["3 a.png normal x"], ["4 b.png normal x"])
    folder = lists(["3 a.png normal x", "5 c.png normal x"], ["4 b.png normal x"], edition="_B")

    with pytest.raises(DatasetError, match=r"2 lists train\*\.txt: train_B\.txt, train_COV") as no:
        loaded(folder)
    dataset = loaded(folder, train_list="train_B.txt", test_list="test_B.txt")

    assert "dataset.train_list" in no.value.fix
    assert len(dataset.cases) == 3


def test_a_missing_list_is_refused(lists):
    folder = lists(["3 a.png normal x"], ["4 b.png normal x"])
    (folder / "test_COVIDx3.txt").unlink()

    with pytest.raises(DatasetError, match=r"holds 0 lists test\*\.txt\.") as refusal:
        loaded(folder)
    with pytest.raises(DatasetError, match=r"The list gone\.txt cannot be read"):
        loaded(folder, test_list="gone.txt")

    assert "dataset.test_list" in refusal.value.fix


def test_a_list_outside_the_folder_is_refused(lists):
    folder = lists(["3 a.png normal x"], ["4 b.png normal x"])

    with pytest.raises(DatasetError, match=r"dataset\.train_list names '\.\./x\.txt'"):
        loaded(folder, train_list="../x.txt")


def test_folders_that_are_missing_are_said_to_lack_their_images(tmp_path):
    (tmp_path / "train_a.txt").write_text("3 a.png normal x\n")
    (tmp_path / "test_a.txt").write_text("4 b.png normal x\n")

    with pytest.raises(DatasetError, match="2 of 2 listed images are not in"):
        loaded(tmp_path)


def test_a_part_of_the_copy_is_refused(lists):
    with pytest.raises(DatasetError, match="lists 2 images instead of 3"):
        loaded(lists(["3 a.png normal x"], ["4 b.png normal x"]), counts={"normal": 3})
