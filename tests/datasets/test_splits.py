"""Parts share no group, hold every class in proportion, and depend on the seed alone."""

from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from arogya_bench.datasets.splits import split
from arogya_bench.errors import ConfigError, DatasetError
from arogya_bench.types import Case, Dataset


def dataset(cases, *, classes=("a", "b", "c"), grouped=True):
    return Dataset(
        name="invented",
        task="classification",
        classes=classes,
        cases=tuple(cases),
        grouped=grouped,
        digest="0" * 32,
        licence="none",
        source="a test",
        version="1",
        read=lambda case: np.zeros((4, 4, 3), dtype=np.uint8),
    )


def patients(seed, count=300, probabilities=(0.6, 0.3, 0.1)):
    """Patients with one to about six cases each, of one class or of several."""
    rng = np.random.default_rng(seed)
    for patient in range(count):
        for number in range(1 + rng.poisson(1.2)):
            target = int(rng.choice(len(probabilities), p=probabilities))
            yield Case(case_id=f"{patient}-{number}", group_id=f"p{patient}", target=target)


def official(targets_of):
    """Cases whose source fixes the split: ``{"train": [0, 1], ...}``."""
    for part, targets in targets_of.items():
        for number, target in enumerate(targets):
            name = f"{part}-{number}"
            yield Case(case_id=name, group_id=name, target=target, split=part)


def homes(divided):
    parts = (divided.train, divided.validation, divided.test)
    return [{case.case_id for case in part.cases} for part in parts]


@settings(deadline=None, max_examples=30)
@given(seed=st.integers(0, 10_000), count=st.integers(30, 200))
def test_no_group_straddles_and_no_case_is_lost(seed, count):
    cases = list(patients(seed, count, probabilities=(0.4, 0.3, 0.3)))

    divided = split(dataset(cases), seed=seed)

    parts = (divided.train, divided.validation, divided.test)
    groups = [{case.group_id for case in part.cases} for part in parts]
    assert sum(len(own) for own in groups) == len(set().union(*groups))
    assert sum(len(part) for part in parts) == len(cases)


@pytest.mark.parametrize("seed", range(10))
def test_the_shares_of_all_cases_are_near_80_10_10(seed):
    cases = list(patients(seed))

    divided = split(dataset(cases), seed=seed)

    shares = [len(part) / len(cases) for part in (divided.train, divided.validation, divided.test)]
    assert shares == pytest.approx([0.8, 0.1, 0.1], abs=0.01)


@pytest.mark.parametrize("seed", range(10))
def test_every_class_is_divided_in_proportion(seed):
    cases = list(patients(seed))

    divided = split(dataset(cases), seed=seed)

    total = np.bincount([case.target for case in cases])
    for part, share in ((divided.train, 0.8), (divided.validation, 0.1), (divided.test, 0.1)):
        assert np.abs(np.bincount(part.targets, minlength=3) - share * total).max() <= 2


def test_large_groups_go_to_every_part():
    cases = list(patients(3))
    sizes = Counter(case.group_id for case in cases)

    divided = split(dataset(cases))

    for part in (divided.validation, divided.test):
        assert max(sizes[case.group_id] for case in part.cases) >= 4


@pytest.mark.parametrize("fractions", [(0.5, 0.25, 0.25), [0.7, 0.1, 0.2]])
def test_other_fractions_are_kept_and_named(fractions):
    cases = list(patients(5))

    divided = split(dataset(cases), fractions=fractions, seed=1)

    assert len(divided.test) / len(cases) == pytest.approx(fractions[2], abs=0.02)
    assert divided.name == "group-{:g}-{:g}-{:g}-s1".format(*(100 * f for f in fractions))


@pytest.mark.parametrize("limit", [None, 20])
@pytest.mark.parametrize("seed", range(5))
def test_the_order_of_the_cases_does_not_matter(seed, limit):
    cases = list(patients(seed))
    shuffled = [cases[i] for i in np.random.default_rng(seed).permutation(len(cases))]

    first = split(dataset(cases), limit=limit)
    second = split(dataset(shuffled), limit=limit)

    assert first.train.cases == second.train.cases
    assert first.digest == second.digest


def test_the_same_seed_gives_the_same_split():
    cases = list(patients(1))

    first, second = split(dataset(cases), seed=3), split(dataset(cases), seed=3)

    assert homes(first) == homes(second)


def test_another_seed_gives_another_split():
    cases = list(patients(1))

    first, second = split(dataset(cases), seed=3), split(dataset(cases), seed=4)

    assert first.digest != second.digest
    assert (first.name, second.name) == ("group-80-10-10-s3", "group-80-10-10-s4")


@pytest.mark.parametrize("count", [3, 4, 5, 9])
def test_a_rare_class_is_in_every_part_as_soon_as_it_has_three_groups(count):
    common = [Case(case_id=f"c{i}", group_id=f"c{i}", target=0) for i in range(200)]
    rare = [Case(case_id=f"r{i}", group_id=f"r{i}", target=1) for i in range(count)]

    divided = split(dataset(common + rare, classes=("common", "rare")))

    for part in (divided.train, divided.validation, divided.test):
        assert 1 in part.targets


OFFICIAL = {"train": [0, 1] * 8, "validation": [0, 1], "test": [0, 1, 1]}


def test_auto_takes_the_official_split_where_every_case_has_one():
    divided = split(dataset(official(OFFICIAL), classes=("a", "b")))

    assert divided.name == "official"
    assert [len(part) for part in homes(divided)] == [16, 2, 3]


def test_auto_divides_by_group_where_one_case_has_no_official_split():
    cases = [*official(OFFICIAL), Case(case_id="x", group_id="x", target=0)]

    divided = split(dataset(cases, classes=("a", "b")))

    assert divided.name == "group-80-10-10-s42"


def test_an_official_split_can_be_set_aside():
    divided = split(dataset(official(OFFICIAL), classes=("a", "b")), method="group")

    assert divided.name == "group-80-10-10-s42"


def test_official_cannot_be_had_where_the_source_fixes_nothing():
    with pytest.raises(DatasetError, match="official split None"):
        split(dataset(patients(1)), method="official")


def test_an_unknown_official_part_is_named():
    cases = [*official(OFFICIAL), Case(case_id="x", group_id="x", target=0, split="val")]

    with pytest.raises(DatasetError, match="Case x of invented has the official split 'val'"):
        split(dataset(cases, classes=("a", "b")))


def test_an_official_split_through_a_group_is_refused():
    cases = [Case(case_id=f"t{i}", group_id="p1", target=i, split="train") for i in (0, 1)]
    cases += [Case(case_id="v", group_id="p1", target=0, split="validation"), *official(OFFICIAL)]

    with pytest.raises(DatasetError, match="group p1 in both train and validation") as refusal:
        split(dataset(cases, classes=("a", "b")))

    assert "split.method=group" in refusal.value.fix


@pytest.mark.parametrize("limit", [3, 10, 31])
def test_a_limit_holds_for_every_part(limit):
    divided = split(dataset(patients(2)), limit=limit)

    sizes = [len(part) for part in (divided.train, divided.validation, divided.test)]
    assert max(sizes) == limit
    assert divided.name == f"group-80-10-10-s42-limit{limit}"


def test_a_limit_keeps_every_class():
    divided = split(dataset(patients(2)), limit=3)

    for part in (divided.train, divided.validation, divided.test):
        assert sorted(part.targets) == [0, 1, 2]


def test_a_smaller_limit_keeps_a_part_of_what_a_larger_one_keeps():
    cases = list(patients(2))

    small, large = split(dataset(cases), limit=9), split(dataset(cases), limit=30)

    assert all(few <= many for few, many in zip(homes(small), homes(large), strict=True))


def test_a_limit_changes_the_digest():
    cases = list(patients(2))

    assert split(dataset(cases), limit=30).digest != split(dataset(cases)).digest


def test_a_limit_beyond_all_cases_changes_only_the_name():
    cases = list(patients(2))

    assert split(dataset(cases), limit=10_000).digest == split(dataset(cases)).digest


@pytest.mark.parametrize("limit", [-1, 0, 2])
def test_a_limit_below_the_number_of_classes_is_refused(limit):
    with pytest.raises(ConfigError, match=f"limit={limit} cannot hold"):
        split(dataset(patients(2)), limit=limit)


@pytest.mark.parametrize(
    "fractions",
    [(0.8, 0.2), (0.8, 0.1, 0.2), (1.0, 0.0, 0.0), (1.2, -0.1, -0.1), (float("nan"),) * 3],
)
def test_fractions_that_are_no_shares_are_refused(fractions):
    with pytest.raises(ConfigError, match="sum to 1"):
        split(dataset(patients(2)), fractions=fractions)


def test_a_negative_seed_is_refused():
    with pytest.raises(ConfigError, match="seed=-1"):
        split(dataset(patients(2)), seed=-1)


def test_an_unknown_method_gets_the_nearest_name():
    with pytest.raises(ConfigError, match="Did you mean 'official'"):
        split(dataset(patients(2)), method="offical")


def test_one_class_alone_is_refused_with_the_counts():
    cases = [Case(case_id=str(i), group_id=str(i), target=1) for i in range(20)]

    with pytest.raises(DatasetError, match="too few classes with cases: a 0, b 20, c 0"):
        split(dataset(cases))


def test_no_cases_at_all_are_refused():
    with pytest.raises(DatasetError, match="too few classes"):
        split(dataset([]))


def test_fewer_groups_than_classes_are_refused():
    cases = [Case(case_id=str(i), group_id=f"p{i % 2}", target=i % 3) for i in range(20)]

    with pytest.raises(DatasetError, match="20 cases in 2 groups, fewer than its 3 classes"):
        split(dataset(cases))


@pytest.mark.parametrize("part", ["train", "validation"])
def test_a_class_missing_where_it_is_needed_is_named_with_the_counts(part):
    targets = {**OFFICIAL, part: [0, 0, 0]}

    with pytest.raises(
        DatasetError, match=f"Class 'b' of invented has no case in {part}: a 3, b 0"
    ):
        split(dataset(official(targets), classes=("a", "b")))


def test_a_class_without_any_case_is_refused():
    with pytest.raises(DatasetError, match="Class 'd' of invented has no case in train"):
        split(dataset(patients(1), classes=("a", "b", "c", "d")))


def test_a_class_may_be_missing_in_test_alone():
    divided = split(dataset(official({**OFFICIAL, "test": [0, 0]}), classes=("a", "b")))

    assert divided.test.targets.tolist() == [0, 0]


def test_an_empty_test_part_is_refused():
    with pytest.raises(DatasetError, match="test part of invented is empty"):
        split(dataset(official({**OFFICIAL, "test": []}), classes=("a", "b")), method="official")


def test_a_source_that_fixes_two_parts_is_divided_by_group():
    untested = dataset(official({**OFFICIAL, "test": []}), classes=("a", "b"))

    assert split(untested).name.startswith("group-")


def test_two_cases_of_one_name_are_refused():
    cases = [*patients(1), Case(case_id="7-0", group_id="other", target=1)]

    with pytest.raises(DatasetError, match="two cases named 7-0"):
        split(dataset(cases))
