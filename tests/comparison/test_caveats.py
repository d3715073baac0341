"""Every limit of the data behind the numbers is said, once, and nothing else."""

import pytest

from arogya_bench.comparison.caveats import IMAGE_LEVEL_SPLIT_CAVEAT, UNGROUPED_CAVEAT, find_caveats

SOUND = {"arogya.grouped": "true", "arogya.split": "group-80-10-10-s42"}


def test_sound_data_need_no_caution():
    assert find_caveats([SOUND, SOUND]) == ()


@pytest.mark.parametrize(
    ("tags", "said"),
    [
        ({"arogya.grouped": "false"}, UNGROUPED_CAVEAT),
        ({"arogya.split": "image-80-10-10-s42"}, IMAGE_LEVEL_SPLIT_CAVEAT),
        ({"arogya.split": "image-80-10-10-s42-limit30"}, IMAGE_LEVEL_SPLIT_CAVEAT),
        (
            {"arogya.gate_overridden": "AB102 Exact duplicate across splits"},
            "AB102 Exact duplicate",
        ),
    ],
)
def test_each_limit_is_said_once(tags, said):
    limited = {**SOUND, **tags}

    (caution,) = find_caveats([SOUND, limited, limited])

    assert said in caution


def test_cases_that_were_left_out_are_counted():
    tags = {**SOUND, "arogya.gate_overridden": "AB203 Empty file", "arogya.excluded_cases": "8"}

    (caution,) = find_caveats([tags])

    assert "8 cases that cannot be used were left out" in caution


def test_without_patients_a_split_by_image_is_nothing_special():
    ungrouped = {"arogya.grouped": "false", "arogya.split": "image-80-10-10-s42"}

    assert find_caveats([ungrouped]) == (UNGROUPED_CAVEAT,)
