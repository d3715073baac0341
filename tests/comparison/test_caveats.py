"""Every limit of the data behind the numbers is said, once, and nothing else."""

import pytest

from arogya_bench.comparison.caveats import BY_IMAGE, UNGROUPED, cautions

SOUND = {"arogya.grouped": "true", "arogya.split": "group-80-10-10-s42"}


def test_sound_data_need_no_caution():
    assert cautions([SOUND, SOUND]) == ()


@pytest.mark.parametrize(
    ("tags", "said"),
    [
        ({"arogya.grouped": "false"}, UNGROUPED),
        ({"arogya.split": "image-80-10-10-s42"}, BY_IMAGE),
        ({"arogya.split": "image-80-10-10-s42-limit30"}, BY_IMAGE),
        (
            {"arogya.gate_overridden": "AB102 Exact duplicate across splits"},
            "AB102 Exact duplicate",
        ),
    ],
)
def test_each_limit_is_said_once(tags, said):
    limited = {**SOUND, **tags}

    (caution,) = cautions([SOUND, limited, limited])

    assert said in caution


def test_cases_that_were_left_out_are_counted():
    tags = {**SOUND, "arogya.gate_overridden": "AB203 Empty file", "arogya.left_out": "8"}

    (caution,) = cautions([tags])

    assert "8 cases that cannot be used were left out" in caution


def test_without_patients_a_split_by_image_is_nothing_special():
    ungrouped = {"arogya.grouped": "false", "arogya.split": "image-80-10-10-s42"}

    assert cautions([ungrouped]) == (UNGROUPED,)
