"""Examples of few-shot prompts."""

import json

import pytest
from api_fixtures import CLASSES, drawn_images, subset_of

from arogya_bench.api_models.encoding import ImageEncoding
from arogya_bench.errors import ConfigError, ModelError
from arogya_bench.models.api_examples import EXAMPLES_FILE, draw_examples, read_examples, save_examples

ENCODING = ImageEncoding(size=16, format="png", quality=95)
TARGETS = [0] * 4 + [1] * 4 + [2] * 4


@pytest.fixture
def train():
    return subset_of(
        drawn_images(12), TARGETS, ["p1", "p1", "p1", "p2", "p3", "p3", "p4", "p4", "p5", "p6", "p7", "p8"]
    )


def ids(cases):
    return [case.case_id for case in cases]


def test_every_class_has_its_examples_and_the_seed_draws_them(train):
    drawn = draw_examples(train, 2, seed=1)

    assert sorted(case.target for case in drawn) == [0, 0, 1, 1, 2, 2]
    assert ids(draw_examples(train, 2, seed=1)) == ids(drawn)
    assert any(ids(draw_examples(train, 2, seed=seed)) != ids(drawn) for seed in range(2, 5))


def test_the_order_of_the_files_changes_nothing(train):
    turned = subset_of(drawn_images(12), TARGETS, [case.group_id for case in train.cases])
    turned = type(turned)(dataset=turned.dataset, cases=turned.cases[::-1])

    assert ids(draw_examples(turned, 2, seed=1)) == ids(draw_examples(train, 2, seed=1))


@pytest.mark.parametrize("seed", range(5))
def test_patients_are_as_many_as_possible(train, seed):
    drawn = draw_examples(train, 2, seed)

    for target in range(3):
        groups = {case.group_id for case in drawn if case.target == target}
        assert len(groups) == 2
    assert len(draw_examples(train, 4, seed)) == 12


def test_a_class_with_too_few_cases_is_named(train):
    with pytest.raises(ConfigError, match="has 4 cases of 'benign'"):
        draw_examples(train, 5, seed=1)


def test_examples_are_kept_as_they_are_sent(train, tmp_path):
    cases = draw_examples(train, 1, seed=1)
    save_examples(tmp_path, train, cases, ENCODING)

    examples = read_examples(tmp_path)

    assert [example.image for example in examples] == [ENCODING.encode(train.dataset.read(case)) for case in cases]
    for example, case in zip(examples, cases, strict=True):
        assert CLASSES[case.target] in example.answer
    text = (tmp_path / EXAMPLES_FILE).read_text(encoding="utf-8")
    assert not any(case.case_id in text for case in train.cases)


@pytest.mark.parametrize("rows", [[{"image": "%%", "type": "image/png", "answer": "a"}], [{}], [1], 5])
def test_damaged_examples_are_refused(tmp_path, rows):
    (tmp_path / EXAMPLES_FILE).write_text(json.dumps({"examples": rows}), encoding="utf-8")

    with pytest.raises(ModelError, match="damaged"):
        read_examples(tmp_path)
