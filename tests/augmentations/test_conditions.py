import subprocess
import sys
from hashlib import sha256

import numpy as np
import pytest

from arogya_bench.augmentations import geometric, photometric
from arogya_bench.augmentations.box_transforms import ImageSize, box_transform_of, with_box_transform
from arogya_bench.augmentations.conditions import AugmentationSpec, Condition, expand_conditions
from arogya_bench.errors import ConfigError
from arogya_bench.types import Box

HERE = "arogya_bench.augmentations.photometric"
NOISE = f"{HERE}.gaussian_noise"


def noise(severity=0.1):
    return Condition(augmentation="gaussian_noise", severity=severity, level=1, function=photometric.gaussian_noise)


def specs(**augmentations):
    return {
        name: AugmentationSpec(function=path, severities=severities)
        for name, (path, severities) in augmentations.items()
    }


def grey():
    return np.full((16, 16, 3), 128, dtype=np.uint8)


def digest(image):
    return sha256(image.tobytes()).hexdigest()


def test_augmentations_expand_in_order_with_levels_from_one():
    selected = specs(clean=(f"{HERE}.clean", []), jpeg=(f"{HERE}.jpeg_compression", [90, 50]), noise=(NOISE, [0.1]))

    expanded = expand_conditions(selected)

    assert [condition.name for condition in expanded] == ["clean", "jpeg_90", "jpeg_50", "noise_0.1"]
    assert [condition.level for condition in expanded] == [None, 1, 2, 1]
    assert [condition.severity for condition in expanded] == [None, 90.0, 50.0, 0.1]


def test_the_draw_depends_on_case_augmentation_and_severity():
    renamed = Condition(augmentation="other", severity=0.1, level=1, function=photometric.gaussian_noise)
    draws = [
        noise().apply(grey(), "case-1"),
        noise().apply(grey(), "case-2"),
        noise(0.2).apply(grey(), "case-1"),
        renamed.apply(grey(), "case-1"),
    ]

    assert len({digest(draw) for draw in draws}) == 4
    assert digest(noise().apply(grey(), "case-1")) == digest(draws[0])


def test_a_whole_severity_draws_as_its_float():
    def first_number(image, severity, rng):
        return np.full_like(image, rng.integers(256))

    whole, fraction = (
        Condition(augmentation="a", severity=severity, level=1, function=first_number) for severity in (15, 15.0)
    )

    assert digest(whole.apply(grey(), "x")) == digest(fraction.apply(grey(), "x"))


def test_the_draw_is_pinned():
    """Other numbers would make stored results of robustness incomparable with new ones."""
    drawn = noise().apply(grey(), "case-1")

    assert drawn[0, :6, 0].tolist() == [166, 105, 130, 101, 112, 67]


def test_another_process_draws_the_same():
    program = (
        "import numpy as np;"
        "from arogya_bench.augmentations.conditions import *;"
        f"(c,) = expand_conditions({{'gaussian_noise': AugmentationSpec(function='{NOISE}',"
        " severities=[0.1])});"
        "print(sha256(c.apply(np.full((16, 16, 3), 128, dtype=np.uint8), 'é').tobytes())"
        ".hexdigest())"
    )

    printed = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)

    assert printed.stdout.strip() == digest(noise().apply(grey(), "é"))


def test_no_augmentation_is_a_problem():
    with pytest.raises(ConfigError, match="No augmentation"):
        expand_conditions({})


@pytest.mark.parametrize(
    ("path", "hint"),
    [
        (f"{HERE}.gausian_noise", "photometric.gaussian_noise'"),
        ("arogya_bench.augmentations.gaussian_noise", "photometric.gaussian_noise'"),
        ("arogya_bench.augmentation.geometric.rotation", "geometric.rotation'"),
        ("nowhere.at_all", "unknown function 'nowhere.at_all'"),
        ("rotation", "unknown function 'rotation'"),
    ],
)
def test_an_unknown_function_is_refused_with_the_nearest(path, hint):
    with pytest.raises(ConfigError) as caught:
        expand_conditions(specs(broken=(path, [1.0])))

    assert hint in caught.value.problem
    assert "augmentation.broken.function" in caught.value.fix


def test_a_missing_library_of_an_augmentation_is_named(tmp_path, monkeypatch):
    (tmp_path / "needy_effects.py").write_text("import absent_library\n")
    monkeypatch.syspath_prepend(tmp_path)

    with pytest.raises(ConfigError, match="needs the package 'absent_library'"):
        expand_conditions(specs(needy=("needy_effects.blur", [1.0])))


@pytest.mark.parametrize("severities", [[0.1, 0.1], [0.1, 0.3, 0.2], [0.3, 0.1, 0.2]])
def test_severities_that_repeat_or_turn_are_refused(severities):
    with pytest.raises(ConfigError, match="not in order"):
        expand_conditions(specs(noise=(NOISE, severities)))


@pytest.mark.parametrize("severities", [[0.1, 2.0], []])
def test_a_bad_severity_is_found_before_any_image(severities):
    with pytest.raises(ConfigError, match="Sigma"):
        expand_conditions(specs(noise=(NOISE, severities)))


def test_severities_that_share_a_name_are_refused():
    with pytest.raises(ConfigError, match=r"noise_0\.1.* twice"):
        expand_conditions(specs(noise=(NOISE, [0.1, 0.10000001])))


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        ("def effect(image): return image", "failed: "),
        ("def effect(image, severity, rng): return image[:1]", "same shape"),
        ("def effect(image, severity, rng): return image / 255", "same shape"),
        ("def effect(image, severity, rng): return None", "same shape"),
    ],
)
def test_a_function_that_violates_its_interface_is_refused(body, problem, tmp_path, monkeypatch):
    name = f"effects_{sha256(body.encode()).hexdigest()[:8]}"
    (tmp_path / f"{name}.py").write_text(body)
    monkeypatch.syspath_prepend(tmp_path)

    with pytest.raises(ConfigError, match=problem):
        expand_conditions(specs(own=(f"{name}.effect", [1.0])))


BOXES = (Box(left=2, top=3, width=6, height=4, label=1), Box(left=9, top=8, width=4, height=4, label=0))
SIZE = ImageSize(width=16, height=16)


def test_boxes_stay_where_an_augmentation_leaves_structures_in_place():
    assert box_transform_of(photometric.gaussian_noise) is None
    assert noise().apply_boxes(BOXES, SIZE, "case-1") is BOXES


def shifted_boxes(boxes, size, severity, rng):
    left = int(rng.integers(1, 4) * severity)
    return tuple(Box(left=left, top=0, width=1, height=1, label=box.label) for box in boxes)


@with_box_transform(shifted_boxes)
def shifted(image, severity, rng):
    result = np.zeros_like(image)
    result[0, int(rng.integers(1, 4) * severity)] = 255
    return result


def test_boxes_move_by_the_same_draw_as_their_image():
    condition = Condition(augmentation="shifted", severity=2.0, level=1, function=shifted)
    places = set()

    for case in range(12):
        image = condition.apply(grey(), f"case-{case}")
        (first, _) = condition.apply_boxes(BOXES, SIZE, f"case-{case}")
        places.add(first.left)
        assert image[0, first.left, 0] == 255

    assert places == {2, 4, 6}


def test_a_rotation_turns_image_and_boxes_to_the_same_side():
    condition = Condition(augmentation="rotation", severity=90.0, level=1, function=geometric.rotation)
    image = np.zeros((16, 16, 3), dtype=np.uint8)
    image[3:7, 2:8] = 255
    tops = set()

    for case in range(12):
        turned = condition.apply(image, f"case-{case}")
        (box,) = condition.apply_boxes(BOXES[:1], SIZE, f"case-{case}")
        tops.add(round(box.top))
        rows, columns = slice(round(box.top), round(box.top) + 6), round(box.left)
        assert turned[rows, columns : columns + 4].min() > 200

    assert len(tops) == 2


def test_a_box_transform_changes_neither_the_function_nor_its_name():
    assert shifted.__qualname__ == "shifted"
    assert box_transform_of(shifted) is shifted_boxes


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        ("def move(boxes): return boxes", "failed: "),
        ("def move(boxes, size, severity, rng): return list(boxes)", "tuple of boxes"),
        ("def move(boxes, size, severity, rng): return None", "tuple of boxes"),
        ("def move(boxes, size, severity, rng): return ((0, 0, 1, 1),)", "tuple of boxes"),
    ],
)
def test_a_box_transform_that_violates_its_interface_is_refused(body, problem, tmp_path, monkeypatch):
    name = f"moves_{sha256(body.encode()).hexdigest()[:8]}"
    (tmp_path / f"{name}.py").write_text(
        f"from arogya_bench.augmentations.box_transforms import with_box_transform\n{body}\n"
        "@with_box_transform(move)\ndef effect(image, severity, rng): return image.copy()\n"
    )
    monkeypatch.syspath_prepend(tmp_path)

    with pytest.raises(ConfigError, match=f"box transform of augmentation 'own' .*{problem}"):
        expand_conditions(specs(own=(f"{name}.effect", [1.0])))
