"""Every limit of the data behind the numbers is said, once, and nothing else."""

import pytest

from arogya_bench.cautions import BY_IMAGE, UNGROUPED, cautions

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
