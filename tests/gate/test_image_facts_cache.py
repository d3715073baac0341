"""Facts are remembered as they were; what is damaged, changed or gone is looked at again."""

from dataclasses import replace
from functools import partial

import numpy as np
import PIL.Image
import pytest

from arogya_bench.datasets.image_folder import ImageFolder
from arogya_bench.gate.image_facts import ImageFacts
from arogya_bench.gate.image_facts_cache import facts_path, load_facts, save_facts
from arogya_bench.gate.scanning import scan_images


@pytest.fixture
def known(tree, tmp_path, monkeypatch):
    """A dataset and its facts, in a cache of this test alone."""
    monkeypatch.setenv("AROGYA_CACHE", str(tmp_path / "cache"))
    dataset = tree.dataset()
    facts = scan_images(dataset.cases[:12], dataset.files, dataset.read, 1)
    assert save_facts(dataset, facts) == ""
    return dataset, facts


def test_they_come_back_as_they_were(known):
    dataset, facts = known

    assert list(load_facts(dataset).values()) == facts


def test_facts_of_arrays_come_back_too(known):
    dataset, facts = known
    arrays = replace(dataset, files={})
    bare = [replace(each, file_bytes=None, mode=None, bits=None, frames=None) for each in facts]

    save_facts(arrays, bare)

    assert list(load_facts(arrays).values()) == bare


def test_nothing_is_known_of_another_dataset(known):
    dataset, _ = known

    assert load_facts(replace(dataset, digest="0" * 32)) == {}


def test_another_window_is_another_image(known):
    dataset, _ = known
    files = dataset.files
    windows = [partial(dataset.read.func, files, window) for window in (None, (0, 9), (0, 10))]

    places = {facts_path(replace(dataset, read=read)) for read in windows}

    assert len(places) == 3


def test_the_folder_of_the_images_may_move(known):
    dataset, _ = known
    elsewhere = partial(dataset.read.func, {"a": facts_path(dataset)})

    assert facts_path(replace(dataset, read=elsewhere)) == facts_path(dataset)


def test_a_problem_is_not_remembered(known):
    dataset, facts = known

    save_facts(dataset, [facts[0], ImageFacts(case_id="b", problem="AB201", reason="no image")])

    assert list(load_facts(dataset)) == [facts[0].case_id]


def test_a_file_of_another_size_is_forgotten(known):
    dataset, facts = known
    dataset.files[facts[0].case_id].write_bytes(b"other")
    dataset.files[facts[1].case_id].unlink()

    assert list(load_facts(dataset).values()) == facts[2:]


def test_facts_of_a_file_that_changed_since_it_was_loaded_are_not_remembered(known, tree):
    _, facts = known
    loaded = ImageFolder(path=str(tree.root), licence="CC0-1.0").load()
    file = loaded.files[loaded.cases[3].case_id]
    other = PIL.Image.fromarray(np.flip(PIL.Image.open(file)))
    other.save(file)
    looked = scan_images(loaded.cases[:12], loaded.files, loaded.read, 1)

    note = save_facts(loaded, looked)

    assert len(facts) == len(looked) == 12
    kept = [each for each in looked if each.case_id != loaded.cases[3].case_id]
    assert list(load_facts(loaded).values()) == kept
    assert note == (
        f"1 file changed after the dataset was loaded, first: {file.name}; "
        "run again when no process is writing to its folder."
    )


@pytest.mark.parametrize("content", [b"", b"PAR1", b"text", b"PAR1" + bytes(900) + b"PAR1"])
def test_a_damaged_file_counts_as_none(known, content):
    dataset, _ = known
    facts_path(dataset).write_bytes(content)

    assert load_facts(dataset) == {}


def test_a_flipped_bit_is_never_taken_for_a_fact(known):
    dataset, facts = known
    whole = facts_path(dataset).read_bytes()
    wrong = []

    for where in range(0, len(whole), 37):
        content = bytearray(whole)
        content[where] ^= 4
        facts_path(dataset).write_bytes(content)
        wrong += [each for each in load_facts(dataset).values() if each not in facts]

    assert wrong == []


def test_a_cache_that_cannot_be_written_is_noted(known, tmp_path, monkeypatch):
    dataset, facts = known
    blocked = tmp_path / "file"
    blocked.write_text("no folder")
    monkeypatch.setenv("AROGYA_CACHE", str(blocked))

    note = save_facts(dataset, facts)

    assert note.startswith("The next run will inspect every image again")
    assert "AROGYA_CACHE" in note
    assert load_facts(dataset) == {}


def test_nothing_unfinished_is_left(known):
    dataset, _ = known

    assert [file.name for file in facts_path(dataset).parent.iterdir()] == [facts_path(dataset).name]
