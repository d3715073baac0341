"""Each limitation of the data is reported once."""

import pytest

from arogya_bench.comparison.caveats import IMAGE_LEVEL_SPLIT_CAVEAT, UNGROUPED_CAVEAT, find_caveats

SOUND = {"arogya.grouped": "true", "arogya.split": "group-80-10-10-s42"}


def test_sound_data_have_no_caveat():
    assert find_caveats([SOUND, SOUND]) == ()


@pytest.mark.parametrize(
    ("tags", "expected"),
    [
        ({"arogya.grouped": "false"}, UNGROUPED_CAVEAT),
        ({"arogya.split": "image-80-10-10-s42"}, IMAGE_LEVEL_SPLIT_CAVEAT),
        ({"arogya.split": "image-80-10-10-s42-limit30"}, IMAGE_LEVEL_SPLIT_CAVEAT),
        ({"arogya.gate_overridden": "AB102 Exact duplicate across splits"}, "AB102 Exact duplicate"),
    ],
)
def test_each_limitation_is_reported_once(tags, expected):
    limited = {**SOUND, **tags}

    (caveat,) = find_caveats([SOUND, limited, limited])

    assert expected in caveat


def test_excluded_cases_are_counted():
    tags = {**SOUND, "arogya.gate_overridden": "AB203 Empty file", "arogya.excluded_cases": "8"}

    (caveat,) = find_caveats([tags])

    assert "8 unusable cases were excluded" in caveat


def test_cases_that_the_user_left_out_are_counted():
    (caveat,) = find_caveats([SOUND, {**SOUND, "arogya.cases_left_out": "3"}])

    assert caveat.startswith("3 cases were left out of the dataset by its user (dataset.exclude)")


def test_an_image_level_split_without_patients_is_no_caveat():
    ungrouped = {"arogya.grouped": "false", "arogya.split": "image-80-10-10-s42"}

    assert find_caveats([ungrouped]) == (UNGROUPED_CAVEAT,)


def test_imported_predictions_name_their_models_and_files():
    places = [("theirs", "ours.csv"), ("mine", "ours.csv"), ("third", "other.csv")]
    imported = [{**SOUND, "arogya.imported_from": file, "arogya.model": model} for model, file in places]

    (caveat,) = find_caveats([SOUND, *imported, imported[0]])

    assert caveat == (
        "The predictions of theirs, mine and third were imported (ours.csv, other.csv): the data gate did not check "
        "their images, and their latency and cost cannot be measured without the model itself (model=pyfunc)."
    )
