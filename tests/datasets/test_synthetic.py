"""Synthetic lesions are the same everywhere, carry their truth, and are never half there."""

import multiprocessing
import pickle
import shutil
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace

import numpy as np
import PIL.Image
import pytest

from arogya_bench.datasets.splits import SplitPolicy, split
from arogya_bench.datasets.synthetic import Synthetic
from arogya_bench.errors import ConfigError, DatasetError
from arogya_bench.runtime.cache import CACHE_VARIABLE, verify

SMALL = Synthetic(cases=40, classes=3, image_size=32)


@pytest.fixture(scope="module")
def options(tmp_path_factory):
    return replace(SMALL, cache=str(tmp_path_factory.mktemp("cache")))


@pytest.fixture(scope="module")
def dataset(options):
    return options.load()


@pytest.fixture
def damaged(tmp_path):
    """A fresh copy that a test may spoil."""
    mine = replace(SMALL, cases=9, cache=str(tmp_path))
    mine.load()
    return mine


def test_there_are_exactly_as_many_cases_as_asked(dataset):
    assert len({case.case_id for case in dataset.cases}) == 40


def test_the_classes_are_as_many_as_asked_and_all_have_cases(dataset):
    assert len(dataset.classes) == 3
    assert {case.target for case in dataset.cases} == {0, 1, 2}


def test_images_are_rgb_of_the_asked_size(dataset):
    image = dataset.read(dataset.cases[0])

    assert (image.shape, image.dtype) == ((32, 32, 3), np.uint8)


def test_the_group_is_the_patient(dataset):
    assert dataset.grouped
    assert all(case.group_id == case.metadata["patient"] for case in dataset.cases)


def test_the_true_class_is_known_beside_the_given_one(dataset):
    wrong = [case.metadata["true_class"] != dataset.classes[case.target] for case in dataset.cases]

    assert 0 <= sum(wrong) <= 12


def test_every_case_has_the_same_columns(dataset):
    assert {tuple(case.metadata) for case in dataset.cases} == {("patient", "lesion", "site", "tone", "true_class")}


def test_the_box_of_a_case_is_that_of_its_mask_and_has_its_class(dataset, options):
    for case in dataset.cases:
        (box,) = case.boxes
        with PIL.Image.open(options.folder() / "masks" / f"{case.case_id}.png") as mask:
            rows, columns = np.nonzero(np.array(mask))
        edges = (box.left, box.top, box.left + box.width, box.top + box.height)

        assert edges == (columns.min(), rows.min(), columns.max() + 1, rows.max() + 1)
        assert (box.label, box.crowd) == (case.target, False)


def test_detection_is_a_task_of_the_same_images(dataset, options):
    detection = replace(options, task="detection").load()

    assert (dataset.task, detection.task) == ("classification", "detection")
    assert (detection.cases, detection.digest) == (dataset.cases, dataset.digest)


def test_a_task_does_not_change_the_folder(options):
    """The names are those from before there was a task: nobody draws the images again."""
    detection = replace(options, task="detection")

    assert options.folder().name == detection.folder().name == "synthetic-40x3-97dc9fea499e"
    assert Synthetic(cases=5000, classes=10).folder().name == "synthetic-5000x10-db5eb99f2ec5"


def test_an_unknown_task_is_refused_with_the_nearest(options):
    with pytest.raises(ConfigError, match=r"dataset\.task='detect' .* mean 'detection'"):
        replace(options, task="detect").load()


def test_it_can_be_split_by_patient(dataset):
    divided = split(dataset, SplitPolicy(train=0.6, validation=0.2, test=0.2, seed=1))

    assert divided.name == "group-60-20-20-s1"


def test_the_same_options_give_the_same_digest_in_another_folder(dataset, tmp_path):
    again = replace(SMALL, cache=str(tmp_path)).load()

    assert again.digest == dataset.digest
    assert again.cases == dataset.cases


@pytest.mark.parametrize("changed", [{"seed": 8}, {"label_noise": 0.3}, {"separation": 2.0}, {"image_size": 33}])
def test_other_options_give_another_digest(options, dataset, changed):
    assert replace(options, **changed).load().digest != dataset.digest


def test_the_default_separation_and_the_same_number_share_a_folder(options):
    assert replace(options, separation=0.95).folder() == options.folder()


def test_the_cache_is_where_the_environment_says(tmp_path, monkeypatch):
    monkeypatch.setenv(CACHE_VARIABLE, str(tmp_path))

    folder = SMALL.folder()

    assert folder.parent == tmp_path


def test_nothing_of_the_folder_is_recorded(dataset, options):
    recorded = f"{dataset.name} {dataset.source} {dataset.version} {dataset.licence}"

    assert options.cache not in recorded
    assert "/" not in dataset.name


def test_a_dataset_can_be_sent_to_another_process(dataset):
    copy = pickle.loads(pickle.dumps(dataset))

    np.testing.assert_array_equal(copy.read(copy.cases[3]), dataset.read(dataset.cases[3]))


def test_two_processes_at_once_leave_one_whole_folder(tmp_path):
    mine = replace(SMALL, cache=str(tmp_path))

    with ProcessPoolExecutor(2, mp_context=multiprocessing.get_context("spawn")) as pool:
        digests = [future.result() for future in [pool.submit(digest_of, mine) for _ in range(2)]]

    assert digests[0] == digests[1]
    assert list(tmp_path.iterdir()) == [mine.folder()]
    verify(mine.folder())


def digest_of(options):
    return options.load().digest


@pytest.mark.parametrize("left", [0, 100, 1000])
def test_a_truncated_image_is_named_before_any_work_starts(damaged, left):
    image = damaged.folder() / "images" / "case-00004.png"
    image.write_bytes(image.read_bytes()[:left])

    with pytest.raises(DatasetError, match=r"1 of \d+ files .* first: images/case-00004\.png"):
        damaged.load()


def test_a_missing_mask_is_named_too(damaged):
    (damaged.folder() / "masks" / "case-00002.png").unlink()

    with pytest.raises(DatasetError, match=r"masks/case-00002\.png"):
        damaged.load()


@pytest.mark.parametrize("left", [0, 100, 1000])
def test_an_image_that_is_damaged_after_loading_is_named_when_read(damaged, left):
    dataset = damaged.load()
    image = damaged.folder() / "images" / "case-00004.png"
    image.write_bytes(image.read_bytes()[:left])

    with pytest.raises(DatasetError, match=r"case-00004\.png cannot be decoded"):
        dataset.read(dataset.cases[4])


def test_an_image_that_is_gone_after_loading_is_named_when_read(damaged):
    dataset = damaged.load()
    (damaged.folder() / "images" / "case-00004.png").unlink()

    with pytest.raises(DatasetError, match=r"case-00004\.png cannot be decoded"):
        dataset.read(dataset.cases[4])


def test_after_deleting_the_folder_the_same_dataset_is_drawn_again(damaged):
    before = damaged.load().digest
    shutil.rmtree(damaged.folder())

    assert damaged.load().digest == before


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("classes", 1),
        ("classes", 11),
        ("cases", 0),
        ("cases", 8),
        ("seed", -1),
        ("image_size", 0),
        ("image_size", 4096),
        ("separation", 0.0),
        ("separation", -1.0),
        ("separation", float("nan")),
        ("label_noise", -0.1),
        ("label_noise", 0.5),
        ("label_noise", float("nan")),
    ],
)
def test_an_option_out_of_range_is_named_and_nothing_is_written(tmp_path, name, value):
    wrong = replace(SMALL, cache=str(tmp_path), **{name: value})

    with pytest.raises(ConfigError, match=rf"dataset\.{name}=.* is out of range"):
        wrong.load()

    assert list(tmp_path.iterdir()) == []
