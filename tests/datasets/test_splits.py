"""Parts share no group, hold every class in proportion, and depend on the seed alone."""

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from arogya_bench.datasets.splits import SplitPolicy, exclude_cases, split
from arogya_bench.errors import ConfigError, DatasetError, UserError
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


def shares(fractions):
    return dict(zip(("train", "validation", "test"), fractions, strict=True))


def homes(divided):
    parts = (divided.train, divided.validation, divided.test)
    return [{case.case_id for case in part.cases} for part in parts]


@given(seed=st.integers(0, 10_000), count=st.integers(30, 200))
def test_no_group_straddles_and_no_case_is_lost(seed, count):
    cases = list(patients(seed, count, probabilities=(0.4, 0.3, 0.3)))

    divided = split(dataset(cases), SplitPolicy(seed=seed))

    parts = (divided.train, divided.validation, divided.test)
    groups = [{case.group_id for case in part.cases} for part in parts]
    assert sum(len(own) for own in groups) == len(set().union(*groups))
    assert sum(len(part) for part in parts) == len(cases)


@pytest.mark.parametrize("seed", range(10))
def test_the_shares_of_all_cases_are_near_80_10_10(seed):
    cases = list(patients(seed))

    divided = split(dataset(cases), SplitPolicy(seed=seed))

    shares = [len(part) / len(cases) for part in (divided.train, divided.validation, divided.test)]
    assert shares == pytest.approx([0.8, 0.1, 0.1], abs=0.01)


@pytest.mark.parametrize("seed", range(10))
def test_every_class_is_divided_in_proportion(seed):
    cases = list(patients(seed))

    divided = split(dataset(cases), SplitPolicy(seed=seed))

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

    divided = split(dataset(cases), SplitPolicy(**shares(fractions), seed=1))

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

    first, second = (split(dataset(cases), SplitPolicy(seed=3)), split(dataset(cases), SplitPolicy(seed=3)))

    assert homes(first) == homes(second)


def test_another_seed_gives_another_split():
    cases = list(patients(1))

    first, second = (split(dataset(cases), SplitPolicy(seed=3)), split(dataset(cases), SplitPolicy(seed=4)))

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


def of_parts(**counts):
    """A dataset whose source states some parts, with cases of both classes; ``blank`` are cases without a part."""
    targets = {part: [0, 1] * (count // 2) for part, count in counts.items()}
    cases = [replace(case, split=None if case.split == "blank" else case.split) for case in official(targets)]
    return dataset(cases, classes=("a", "b"))


@pytest.mark.parametrize(
    ("stated", "name", "sizes", "note"),
    [
        ({"test": 8}, "official", (0, 0, 8), "states test 8 and neither training nor validation cases"),
        ({"validation": 4, "test": 8}, "official", (0, 4, 8), "validation 4, test 8 and no training case"),
        ({"train": 8, "test": 8, "blank": 8}, "official-test-80-10-10-s42", (14, 2, 8), "8 of 24 cases have no part"),
        ({"train": 8, "validation": 4, "test": 8, "blank": 2}, "official", (10, 4, 8), "2 of 22 cases have no part"),
        ({"validation": 4, "test": 8, "blank": 8}, "official", (8, 4, 8), "8 of 20 cases have no part"),
        ({"test": 8, "blank": 20}, "official-test-80-10-10-s42", (18, 2, 8), "20 of 28 cases have no part"),
        ({"train": 8, "validation": 4, "test": 8}, "official", (8, 4, 8), ""),
        ({"train": 40}, "group-80-10-10-s42", (32, 4, 4), "states train 40 and no test case: all cases were divided"),
        ({"train": 32, "validation": 8}, "group-80-10-10-s42", (32, 4, 4), "train 32, validation 8 and no test case"),
        ({"validation": 8, "blank": 32}, "group-80-10-10-s42", (32, 4, 4), "states validation 8 and no test case"),
        ({"blank": 40}, "group-80-10-10-s42", (32, 4, 4), ""),
    ],
    ids=lambda value: "+".join(value) if isinstance(value, dict) else None,
)
def test_what_the_source_tests_is_tested_and_every_completion_is_said(stated, name, sizes, note):
    source = of_parts(**stated)

    divided = split(source)

    tested = {case.case_id for case in source.cases if case.split == "test"}
    assert divided.name == name
    assert tuple(len(part) for part in homes(divided)) == sizes
    assert tested in (set(), homes(divided)[2])
    assert len(divided.test.dataset.notes) == bool(note)
    assert note in " ".join(divided.test.dataset.notes)


@pytest.mark.parametrize("policy", [{}, {"train": 0, "validation": 0}, {"method": "group"}, {"method": "image_level"}])
@pytest.mark.parametrize("stated", [{"blank": 8}, {"train": 8, "test": 8}])
def test_a_finished_model_can_be_tested_on_every_case(policy, stated):
    divided = split(of_parts(**stated), SplitPolicy(test=1, **policy))

    assert divided.name == "all-test"
    assert [len(part) for part in homes(divided)] == [0, 0, sum(stated.values())]
    assert "is a test case (split.test=1)" in divided.test.dataset.notes[0]


@pytest.mark.parametrize(
    ("policy", "named"),
    [
        ({"train": 0.5}, "split.train=0.5"),
        ({"method": "official"}, "split.method=official"),
        ({"method": "kfold"}, "split.method=kfold"),
        ({"method": "temporal", "date": "acquired"}, "split.method=temporal"),
    ],
)
def test_all_cases_tested_contradicts_other_parts(policy, named):
    with pytest.raises(ConfigError, match=named):
        SplitPolicy(test=1, **policy)


def test_an_official_split_can_be_set_aside():
    divided = split(dataset(official(OFFICIAL), classes=("a", "b")), SplitPolicy(method="group"))

    assert divided.name == "group-80-10-10-s42"


def test_official_cannot_be_had_where_the_source_fixes_nothing():
    with pytest.raises(DatasetError, match="it states nothing instead of"):
        split(dataset(patients(1)), SplitPolicy(method="official"))


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


@pytest.mark.parametrize("fractions", [(0.8, 0.1, 0.2), (1.0, 0.0, 0.0), (1.2, -0.1, -0.1), (float("nan"),) * 3])
def test_fractions_that_are_no_shares_are_refused(fractions):
    with pytest.raises(ConfigError, match="sum to 1"):
        split(dataset(patients(2)), SplitPolicy(**shares(fractions)))


def test_a_negative_seed_is_refused():
    with pytest.raises(ConfigError, match="seed=-1"):
        split(dataset(patients(2)), SplitPolicy(seed=-1))


def test_an_unknown_method_gets_the_nearest_name():
    with pytest.raises(ConfigError, match="Did you mean 'official'"):
        split(dataset(patients(2)), SplitPolicy(method="offical"))


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

    with pytest.raises(DatasetError, match=f"Class 'b' of invented has no case in {part}: a 3, b 0"):
        split(dataset(official(targets), classes=("a", "b")))


def test_a_class_without_any_case_is_refused():
    with pytest.raises(DatasetError, match="Class 'd' of invented has no case in train"):
        split(dataset(patients(1), classes=("a", "b", "c", "d")))


def test_a_class_may_be_missing_in_test_alone():
    divided = split(dataset(official({**OFFICIAL, "test": [0, 0]}), classes=("a", "b")))

    assert divided.test.targets.tolist() == [0, 0]


def test_an_official_split_without_a_test_part_is_refused():
    with pytest.raises(DatasetError, match="it states train, validation instead of"):
        split(dataset(official({**OFFICIAL, "test": []}), classes=("a", "b")), SplitPolicy(method="official"))


def test_a_source_that_fixes_two_parts_is_divided_by_group():
    untested = dataset(official({**OFFICIAL, "test": []}), classes=("a", "b"))

    assert split(untested).name.startswith("group-")


def test_two_cases_of_one_name_are_refused():
    cases = [*patients(1), Case(case_id="7-0", group_id="other", target=1)]

    with pytest.raises(DatasetError, match="two cases named 7-0"):
        split(dataset(cases))


def test_cases_without_a_class_are_divided_in_proportion_too():
    cases = [Case(case_id=str(i), group_id=str(i), target=i % 3 if i < 150 else None) for i in range(300)]

    divided = split(dataset(cases))

    bare = [sum(case.target is None for case in own.cases) for own in divided.parts.values()]
    assert bare == [120, 15, 15]


def whole(divided):
    return {case.case_id: part for part, own in divided.parts.items() for case in own.cases}


def dated(count=60, column="year", value=lambda patient, number: 2000 + patient // 3):
    """Patients with two cases each, two classes, later patients with later dates."""
    return [
        Case(
            case_id=f"{patient}-{number}",
            group_id=f"p{patient}",
            target=patient % 2,
            metadata={column: value(patient, number)},
        )
        for patient in range(count)
        for number in range(2)
    ]


def test_a_source_that_fixes_the_test_alone_has_the_rest_divided_by_group():
    cases = [replace(case, split="test" if int(case.group_id[1:]) < 60 else None) for case in patients(4)]

    divided = split(dataset(cases))

    assert divided.name == "official-test-80-10-10-s42"
    assert {case.case_id for case in divided.test.cases} == {case.case_id for case in cases if case.split == "test"}
    rest = len(divided.train) + len(divided.validation)
    assert len(divided.validation) / rest == pytest.approx(1 / 9, abs=0.01)
    groups = [{case.group_id for case in part.cases} for part in divided.parts.values()]
    assert sum(len(own) for own in groups) == len(set().union(*groups))


def test_train_and_test_of_the_source_leave_the_validation_to_us():
    cases = [replace(case, split="test" if int(case.group_id[1:]) < 60 else "train") for case in patients(4)]

    divided = split(dataset(cases))

    assert divided.name.startswith("official-test-")
    assert len(divided.validation)


def test_a_split_by_image_is_named_and_lets_patients_straddle():
    divided = split(dataset(patients(3)), SplitPolicy(method="image_level"))

    groups = [{case.group_id for case in part.cases} for part in divided.parts.values()]
    assert divided.is_image_level
    assert divided.name == "image_level-80-10-10-s42"
    assert groups[0] & groups[2]


def test_an_official_split_with_a_patient_on_both_sides_is_refused():
    cases = [
        replace(case, group_id="p", split=case.split) if case.case_id.endswith("-0") else case
        for case in official(OFFICIAL)
    ]

    with pytest.raises(DatasetError, match="group p in both train and validation"):
        split(dataset(cases, classes=("a", "b")))


def test_what_is_new_is_tested_and_no_later_case_is_learnt_from():
    divided = split(dataset(dated(), classes=("a", "b")), SplitPolicy(method="temporal", date="year"))

    years = [[case.metadata["year"] for case in part.cases] for part in divided.parts.values()]
    assert max(years[0]) < min(years[1]) <= max(years[1]) < min(years[2])
    assert divided.name == "temporal-year-80-10-10"
    assert len(divided.test) / 120 == pytest.approx(0.1, abs=0.05)


def test_a_patient_counts_as_the_latest_case():
    first = "2020-01-01"
    cases = dated(value=lambda patient, number: first if not number else f"2021-02-{patient % 28 + 1:02d}")

    divided = split(dataset(cases, classes=("a", "b")), SplitPolicy(method="temporal", date="year"))

    newest = {case.group_id for case in divided.test.cases}
    assert all(int(group[1:]) % 28 > 20 for group in newest)
    assert sum(case.metadata["year"] == first for case in divided.test.cases) == len(newest)


@pytest.mark.parametrize(
    ("value", "problem"),
    [
        ("soon", "'soon' in year, which is not a date"),
        ("", "'' in year"),
        ("unknown", r"Case 7-0 has no date in year \('unknown'\), and 1 other case"),
        (float("nan"), "nan in year"),
        ("2021", "'2021' in year"),
        ("03.2021", "'03.2021' in year"),
    ],
)
def test_a_case_without_a_date_is_named(value, problem):
    cases = dated(value=lambda patient, number: value if patient == 7 else "2020-05-06")

    with pytest.raises(DatasetError, match=problem):
        split(dataset(cases, classes=("a", "b")), SplitPolicy(method="temporal", date="year"))


@pytest.mark.parametrize("value", ["04.03.2020", "2020/03/04", "2020-03"])
def test_dates_that_are_all_in_another_form_are_named_with_the_form_to_write(value):
    with pytest.raises(
        DatasetError, match=f"no date in the column year has a form that sorts, such as '{value}'"
    ) as error:
        split(dataset(dated(value=lambda *_: value), classes=("a", "b")), SplitPolicy(method="temporal", date="year"))

    assert error.value.fix.startswith("write all dates as 2021-03-04")


def test_months_before_years_have_no_order():
    cases = dated(value=lambda patient, number: float(f"{patient % 12 + 1}.{2000 + patient}"))

    with pytest.raises(DatasetError, match=r"has a form that sorts, such as 1\.2"):
        split(dataset(cases, classes=("a", "b")), SplitPolicy(method="temporal", date="year"))


def test_equal_groups_go_to_validation_and_test_alike():
    cases = [Case(case_id=str(i), group_id=str(i), target=i % 7) for i in range(7 * 15)]

    sizes = [
        [len(own) for own in split(dataset(cases, classes=tuple("abcdefg")), SplitPolicy(seed=seed)).parts.values()]
        for seed in range(20)
    ]

    _, validation, test = np.mean(sizes, axis=0)
    assert abs(validation - test) <= 2


def test_dates_of_every_usual_form_are_ordered():
    forms = ("20200102", "2020-01-03", "2020-01-04T10:00:00", "2020-01-05T10:00:00+02:00")
    cases = dated(40, value=lambda patient, number: forms[min(patient // 10, 3)])

    divided = split(
        dataset(cases, classes=("a", "b")),
        SplitPolicy(method="temporal", date="year", train=0.5, validation=0.25, test=0.25),
    )

    assert {case.metadata["year"] for case in divided.test.cases} == {forms[3]}
    assert {case.metadata["year"] for case in divided.train.cases} == {*forms[:2]}


YEARS = {"value": lambda patient, number: 2000 + patient // 3}  # 2000 to 2019, three patients each
DAYS = {"value": lambda patient, number: f"{2000 + patient // 3}-0{patient % 3 * 3 + 1}-05"}
WHOLE_DAYS = {"value": lambda patient, number: float(f"{2000 + patient // 3}0{patient % 3 * 3 + 1}05")}


@pytest.mark.parametrize(
    ("column", "borders", "sizes"),
    [
        (YEARS, ["2016", "2018"], (96, 12, 12)),
        (YEARS, [2018], (96, 12, 12)),
        (DAYS, ["2016", "2018"], (96, 12, 12)),
        (DAYS, ["2016-02", "2018-07-05"], (98, 14, 8)),
        (DAYS, ["2016-02", "2018-07-06"], (98, 16, 6)),
        (WHOLE_DAYS, ["2016", "20180705"], (96, 16, 8)),
        (WHOLE_DAYS, ["2016-01-01", "2018-07-05"], (96, 16, 8)),
    ],
)
def test_stated_dates_begin_validation_and_test(column, borders, sizes):
    source = dataset(dated(**column), classes=("a", "b"))

    divided = split(source, SplitPolicy(method="temporal", date="year", borders=borders))

    assert tuple(len(part) for part in homes(divided)) == sizes
    assert divided.name == f"temporal-year-from-{'-and-'.join(map(str, borders))}"
    years = [[str(case.metadata["year"]) for case in subset.cases] for subset in divided.parts.values()]
    assert max(years[0]) <= min(years[1])
    assert max(years[1]) < min(years[2])


@pytest.mark.parametrize(
    ("borders", "problem"),
    [
        (["2018", "2016"], "do not ascend"),
        (["2022", "2023"], "leaves validation and test without a case: .* have year from 2000 to 2019"),
        (["soon"], "The border 'soon' of split.borders is no date like those in year, such as 2000"),
    ],
)
def test_borders_that_divide_nothing_are_refused(borders, problem):
    source = dataset(dated(**YEARS), classes=("a", "b"))

    with pytest.raises(UserError, match=problem):
        split(source, SplitPolicy(method="temporal", date="year", borders=borders))


def test_an_unknown_date_column_gets_the_nearest_name():
    with pytest.raises(ConfigError, match=r"no column 'yaer'\. Did you mean 'year'"):
        split(dataset(dated(), classes=("a", "b")), SplitPolicy(method="temporal", date="yaer"))


def test_over_all_folds_every_case_is_tested_once_and_no_group_straddles():
    cases = list(patients(6))

    folds = [split(dataset(cases), SplitPolicy(method="kfold", folds=4, fold=fold)) for fold in range(4)]

    tested = Counter(case.case_id for fold in folds for case in fold.test.cases)
    assert tested == Counter(case.case_id for case in cases)
    assert folds[1].name == "kfold-4-f1-r0-s42"
    for fold in folds:
        assert len(fold.test) / len(cases) == pytest.approx(0.25, abs=0.02)
        assert len(fold.validation) / len(fold.train) == pytest.approx(1 / 8, abs=0.02)


def test_another_repetition_gives_other_folds():
    cases = list(patients(6))

    first, again, other = (split(dataset(cases), SplitPolicy(method="kfold", repeat=repeat)) for repeat in (0, 0, 1))

    assert first.digest == again.digest != other.digest


@pytest.mark.parametrize(
    ("policy", "problem"),
    [
        ({"method": "kfold", "fold": 5}, "split.fold=5 is not one of split.folds=5"),
        ({"method": "kfold", "folds": 1}, "split.folds=1"),
        ({"method": "temporal"}, "needs split.date"),
        ({"borders": ["2022"]}, "split.borders is for split.method=temporal"),
        ({"method": "temporal", "date": "year", "borders": [1, 2, 3]}, "split.borders has 3 dates"),
        ({"method": "file"}, "needs split.file"),
        ({"repeat": -1}, "split.repeat=-1 is negative"),
    ],
)
def test_a_policy_that_cannot_be_followed_is_refused(policy, problem):
    with pytest.raises(ConfigError, match=problem):
        SplitPolicy(**policy)


def test_cases_that_cannot_be_used_leave_the_split_and_its_dataset():
    made = split(dataset(patients(2)))
    gone = {made.train.cases[0].case_id, made.test.cases[0].case_id}

    fewer = exclude_cases(made, gone)

    assert whole(made).keys() - whole(fewer).keys() == gone
    assert {case.case_id for case in fewer.test.dataset.cases} == whole(fewer).keys()
    assert fewer.digest != made.digest
