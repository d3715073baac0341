"""What comes out of a model, and what is read: the table of docs/models.md, without MLflow."""

import numpy as np
import pandas as pd
import pytest

from arogya_bench.errors import ModelError
from arogya_bench.models.class_order import choose_output_format

CLASSES = ("benign", "malignant")
SHARES = np.array([[0.9, 0.1], [0.3, 0.7], [0.5, 0.5]])
BF16 = np.array([[0.6328125, 0.36523438], [0.2, 0.8]])  # sums to 0.998


def read(output, count=3, *, classes=CLASSES, outputs=(), logged=(), chosen=(), **options):
    found = choose_output_format(outputs, logged, chosen, classes=classes, **options)
    answers = found.read(output, count)
    return found.finish(answers), " ".join(found.notes(answers))


def column(name, kind="double"):
    return {"type": kind, "name": name}


@pytest.mark.parametrize(
    "output",
    [
        pd.DataFrame({"malignant": SHARES[:, 1], "benign": SHARES[:, 0]}),
        pd.DataFrame({"p_benign": SHARES[:, 0], "p_malignant": SHARES[:, 1]}),
        pd.DataFrame({"prob(malignant)": SHARES[:, 1], "prob(benign)": SHARES[:, 0]}),
        pd.DataFrame({"Malignant": SHARES[:, 1], " BENIGN": SHARES[:, 0]}),
        pd.DataFrame({"prediction": [0, 1, 0], "benign": SHARES[:, 0], "malignant": SHARES[:, 1]}),
        pd.DataFrame({"file": list("abc"), "malignant": SHARES[:, 1], "benign": SHARES[:, 0]}),
        {"malignant": SHARES[:, 1], "benign": SHARES[:, :1]},
        {"anything": pd.DataFrame(SHARES, columns=list(CLASSES))},
        [{"benign": a, "malignant": b} for a, b in SHARES.tolist()],
        [[{"label": "malignant", "score": b}, {"label": "benign", "score": a}] for a, b in SHARES.tolist()],
    ],
)
def test_named_classes_are_read_by_name(output):
    rows, _ = read(output)

    np.testing.assert_allclose(rows, SHARES)


@pytest.mark.parametrize(
    "output",
    [
        pd.DataFrame({"label": ["benign", "malignant"], "score": [0.9, 0.7]}),
        pd.DataFrame({"score": [0.9, 0.7], "predicted_class": ["benign", "malignant"]}),
        pd.DataFrame({"prediction": [0, 1], "probability": [0.9, 0.7]}),
        pd.DataFrame({"predictedClass": ["LABEL_0", "LABEL_1"], "predictedClassConfidence": [0.9, 0.7]}),
        pd.DataFrame({"label": ["0", "1"], "score": [0.9, 0.7]}),
        {"label": ["benign", "malignant"], "score": [0.9, 0.7]},
        [{"label": "Benign", "score": 0.9}, {"label": "malignant", "score": 0.7}],
        [[{"label": "benign", "score": 0.9}], [{"label": "malignant", "score": 0.7}]],
    ],
)
def test_a_label_and_its_score_say_all_of_two_classes(output):
    rows, notes = read(output, 2, chosen=CLASSES)

    np.testing.assert_allclose(rows, [[0.9, 0.1], [0.3, 0.7]])
    assert "was read as the probability of the class in its column" in notes


def test_a_score_of_another_class_is_refused_until_the_class_is_told():
    output = pd.DataFrame({"prediction": [0, 1], "probability": [0.35, 0.8]})

    with pytest.raises(ModelError, match=r"named 'benign' with probability=0\.35") as caught:
        read(output, 2, chosen=CLASSES)
    assert "model.score_of=malignant" in caught.value.fix

    rows, notes = read(output, 2, chosen=CLASSES, score_of="malignant")
    np.testing.assert_allclose(rows, [[0.65, 0.35], [0.2, 0.8]])
    assert "read as the probability of malignant" in notes


def test_softmax_is_refused_for_a_label_and_a_score():
    with pytest.raises(ModelError, match="one column per class"):
        read(pd.DataFrame({"label": [0, 1], "score": [0.9, 0.8]}), 2, chosen=CLASSES, softmax=True)


def test_of_three_classes_a_label_and_a_score_leave_the_label():
    output = pd.DataFrame({"label": ["c", "a"], "score": [0.4, 0.9]})

    rows, notes = read(output, 2, classes=("a", "b", "c"))

    np.testing.assert_array_equal(rows, [[0, 0, 1], [1, 0, 0]])
    assert "column score says nothing of the other classes" in notes
    assert "metrics that need probabilities are undefined" in notes


@pytest.mark.parametrize(
    "columns",
    [
        {"prediction": [0, 1], "entropy": [0.3, 0.8]},
        {"Vorhersage": [0, 1], "Sicherheit": [0.3, 0.8]},
        {"x": [0.3, 0.8], "uncertainty": [0.1, 0.2]},
        {"embedding_0": [3.1, 0.8], "embedding_1": [0.1, 7.2]},
        {"probability": [0.3, 0.8], "threshold": [0.5, 0.5]},
    ],
)
@pytest.mark.parametrize("softmax", [False, True])
def test_columns_that_are_no_classes_are_never_taken_by_position(columns, softmax):
    with pytest.raises(ModelError, match=r"returned the columns|has the classes") as caught:
        read(pd.DataFrame(columns), 2, chosen=CLASSES, softmax=softmax)

    assert "softmax" not in caught.value.fix
    assert "class_names" not in caught.value.fix


def test_classes_under_other_names_are_taken_once_they_are_translated():
    output = pd.DataFrame({"normal": SHARES[:, 0], "tumour": SHARES[:, 1]})

    with pytest.raises(ModelError) as caught:
        read(output, chosen=CLASSES)
    assert "model.class_names=[normal,tumour] model.classes=[benign,malignant]" in caught.value.fix

    rows, _ = read(output, chosen=("malignant", "benign"), class_names=["tumour", "normal"])
    np.testing.assert_allclose(rows, SHARES)


@pytest.mark.parametrize("output", [["normal", "tumour"], pd.Series(["normal", "tumour"], dtype="category")])
def test_labels_under_other_names_are_translated_too(output):
    rows, _ = read(output, 2, chosen=CLASSES, class_names=["normal", "tumour"])

    np.testing.assert_array_equal(rows, [[1, 0], [0, 1]])


def test_columns_of_classes_that_the_dataset_lacks_are_refused():
    output = pd.DataFrame({"benign": [0.5], "malignant": [0.2], "naevus": [0.3]})

    with pytest.raises(ModelError, match="the columns naevus beside"):
        read(output, 1)


def test_other_numbers_beside_all_shares_are_left_out_with_a_note():
    output = pd.DataFrame({"id": [7, 8, 9], "benign": SHARES[:, 0], "malignant": SHARES[:, 1]})

    rows, notes = read(output)

    np.testing.assert_allclose(rows, SHARES)
    assert "its columns id are no classes and were not used" in notes


@pytest.mark.parametrize("values", [BF16, np.floor(SHARES * 256).clip(0, 255) / 256, SHARES.astype(np.float16)])
def test_rows_that_were_rounded_are_divided_by_their_sum(values):
    rows, notes = read(values, len(values), chosen=CLASSES)

    np.testing.assert_allclose(rows.sum(axis=1), 1, atol=1e-12)
    assert ("each was divided by its sum" in notes) == (abs(values.sum(axis=1) - 1).max() > 1e-3)


def test_eight_bits_of_seven_classes_lose_more():
    values = np.floor(np.full((2, 7), 1 / 7) * 256) / 256  # sums to 0.984

    rows, notes = read(values, 2, classes=tuple("abcdefg"), chosen=tuple("abcdefg"))

    np.testing.assert_allclose(rows, 1 / 7)
    assert "0.9844" in notes


@pytest.mark.parametrize(
    ("values", "fix"),
    [
        ([[0.9, 0.05], [0.5, 0.4]], "no logits"),
        ([[90, 10], [30, 70]], "sum to 100, so divide by it"),
        ([[230, 25], [0, 255]], "sum to 255, so divide by it"),
    ],
)
def test_softmax_is_not_advised_for_what_it_would_distort(values, fix):
    with pytest.raises(ModelError, match="not probabilities") as caught:
        read(np.array(values), 2, chosen=CLASSES)

    assert fix in caught.value.fix
    assert "softmax" not in caught.value.fix


@pytest.mark.parametrize(("values", "fix"), [(SHARES, "leave model.softmax out;"), (SHARES * 100, "divide by 100")])
def test_softmax_of_probabilities_is_refused(values, fix):
    with pytest.raises(ModelError, match="are probabilities already") as caught:
        read(values, chosen=CLASSES, softmax=True)

    assert fix in caught.value.fix


def test_softmax_takes_logits_that_add_up_to_one_once():
    rows, _ = read(np.array([[0.5, 0.5], [4.0, -3.0]]), 2, chosen=CLASSES, softmax=True)

    np.testing.assert_allclose(rows[0], 0.5)


def test_softmax_of_sigmoids_is_noted():
    _, notes = read(np.array([[0.9, 0.8], [0.2, 0.1]]), 2, chosen=CLASSES, softmax=True)

    assert "look like those of a sigmoid" in notes


@pytest.mark.parametrize(("softmax", "expected"), [(False, [0.2, 0.8]), (True, [0.549834, 0.689974])])
def test_one_sigmoid_per_image_is_read_once_its_class_is_told(softmax, expected):
    output = np.array([[0.2], [0.8]])

    with pytest.raises(ModelError, match="one value per image") as caught:
        read(output, 2, chosen=CLASSES)
    assert "model.score_of=malignant" in caught.value.fix

    rows, notes = read(output, 2, score_of="malignant", softmax=softmax)
    np.testing.assert_allclose(rows[:, 1], expected, atol=1e-5)
    assert "of malignant" in notes


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"chosen": ["benign"]}, "the dataset has"),
        ({"chosen": ["benign", "malignant", "malignant"]}, "the dataset has"),
        ({"class_names": ["a", "b"]}, "model.class_names has 2 names"),
        ({"score_of": "naevus"}, "needs one of two classes"),
        ({"outputs": [column("normal"), column("tumour")], "chosen": CLASSES}, r"\['normal', 'tumour'\]"),
    ],
)
def test_settings_that_do_not_fit_are_refused_before_any_output(options, says):
    with pytest.raises(ModelError, match=says):
        read(SHARES, **options)


@pytest.mark.parametrize(
    "outputs",
    [
        [column("label", "string"), column("score")],
        [column("prediction", "long"), column("probability")],
        [column("index", "long"), column("whatever")],
        [column("label", "string"), column("benign"), column("malignant")],
    ],
)
def test_a_signature_with_columns_that_are_no_classes_states_no_order(outputs):
    found = choose_output_format(outputs, (), (), classes=CLASSES)

    assert found.model_order == ()


def test_columns_that_are_numbered_are_columns_without_names():
    rows, _ = read(pd.DataFrame({1: SHARES[:, 0], 0: SHARES[:, 1]}), chosen=("malignant", "benign"))

    np.testing.assert_allclose(rows, SHARES)


def test_grades_as_columns_are_names_and_not_numbers():
    rows, _ = read(pd.DataFrame({0: SHARES[:, 0], 1: SHARES[:, 1]}), classes=("1", "0"))

    np.testing.assert_allclose(rows, SHARES[:, ::-1])


@pytest.mark.parametrize(
    ("classes", "chosen"),
    [(("no", "yes"), ["True", "False"]), (("01", "02"), ["2", "1"]), (("1.0", "2.0"), ["2", "1"])],
)
def test_class_names_that_yaml_reads_as_something_else_are_read_back(classes, chosen):
    rows, _ = read(SHARES, classes=classes, chosen=chosen)

    np.testing.assert_allclose(rows, SHARES[:, ::-1])


def test_advice_quotes_names_that_would_not_be_read_as_written():
    with pytest.raises(ModelError) as caught:
        read(SHARES, classes=("no", "yes, perhaps"))

    assert """'model.classes=["no","yes, perhaps"]'""" in caught.value.fix


GRADES = ("1", "2", "3")


@pytest.mark.parametrize(
    ("labels", "options", "expected"),
    [
        ([1, 3, 2], {}, ["1", "3", "2"]),
        ([1, 3, 2], {"chosen": GRADES, "class_names": ["1", "2", "3"]}, ["1", "3", "2"]),
        ([1, 0, 2], {"chosen": GRADES, "class_names": ["0", "1", "2"]}, ["2", "1", "3"]),
    ],
)
def test_numbers_are_the_names_of_grades(labels, options, expected):
    rows, _ = read(np.array(labels), classes=GRADES, **options)

    assert [GRADES[best] for best in rows.argmax(axis=1)] == expected


def test_numbers_that_name_one_grade_and_count_to_another_are_refused():
    with pytest.raises(ModelError, match="number 1, which may be the name of a class or its position") as caught:
        read(np.array([1, 2, 2]), classes=GRADES, chosen=GRADES)

    assert "model.class_names=[1,2,3] if it returns names" in caught.value.fix
    assert "model.class_names=[0,1,2] if it counts from 0, to model.classes=[1,2,3]" in caught.value.fix


@pytest.mark.parametrize("labels", [[0.0, 1.0], pd.array([0, 1], "Int64"), [False, True]])
def test_numbers_beside_a_score_may_have_any_type(labels):
    rows, _ = read(pd.DataFrame({"label": labels, "score": [0.9, 0.7]}), 2, chosen=CLASSES)

    np.testing.assert_allclose(rows, [[0.9, 0.1], [0.3, 0.7]])


LONE_SCORES = [
    pd.DataFrame({"benign": [0.9, 0.3]}),
    pd.DataFrame({"p_benign": [0.9, 0.3]}),
    pd.DataFrame({"Benign probability": [0.9, 0.3]}),
    {"benign": np.array([[0.9], [0.3]])},
    {"benign_score": [0.9, 0.3]},
    [{"benign": 0.9}, {"benign": 0.3}],
    pd.Series([0.9, 0.3], name="benign"),
    pd.DataFrame({"label": ["benign", "malignant"], "prob_benign": [0.9, 0.3]}),
    pd.DataFrame({"label": ["benign", "malignant"], "benign": [0.9, 0.3]}),
]


@pytest.mark.parametrize("output", LONE_SCORES)
def test_one_column_that_names_its_class_is_read_as_the_probability_of_that_class(output):
    for score_of in (None, "benign"):
        rows, notes = read(output, 2, score_of=score_of)

        np.testing.assert_allclose(rows, [[0.9, 0.1], [0.3, 0.7]])
        assert "read as the probability of benign" in notes


@pytest.mark.parametrize("output", LONE_SCORES)
def test_a_column_that_names_another_class_than_the_config_is_refused(output):
    with pytest.raises(ModelError, match=r"which names 'benign', and model\.score_of is 'malignant'"):
        read(output, 2, score_of="malignant")


def test_a_column_of_yes_and_no_names_the_class_of_yes():
    rows, notes = read(pd.DataFrame({"benign": [1, 0]}), 2, chosen=CLASSES)

    np.testing.assert_array_equal(rows, [[1, 0], [0, 1]])
    assert "labels, not probabilities" in notes


@pytest.mark.parametrize("output", [np.array([0.0, 1.0]), np.array([[0.0], [1.0]]), pd.DataFrame({"y": [0.0, 1.0]})])
def test_whole_numbers_are_labels_whatever_their_type(output):
    with pytest.raises(ModelError, match="order of the classes"):
        read(output, 2)

    rows, notes = read(output, 2, chosen=("malignant", "benign"))
    np.testing.assert_array_equal(rows, [[0, 1], [1, 0]])
    assert "labels, not probabilities" in notes


@pytest.mark.parametrize(
    ("scores", "fix"), [([10.0, 90.0], "divide by 100"), ([-2.5, 3.0], "model.softmax=true if it is a logit")]
)
def test_a_score_that_is_no_probability_is_named_as_it_is(scores, fix):
    with pytest.raises(ModelError, match=r"returned (90|-2\.5) for an image") as caught:
        read(np.array(scores), 2, score_of="malignant")

    assert fix in caught.value.fix


@pytest.mark.parametrize("names", [["top1_prob", "top2_prob"], ["Rank 1", "Rank 2"], ["p_1st", "p_2nd"]])
def test_columns_in_order_of_their_rank_are_no_classes(names):
    with pytest.raises(ModelError, match="which are not one column for each") as caught:
        read(pd.DataFrame([[0.9, 0.1], [0.7, 0.3]], columns=names), 2)

    assert "class_names" not in caught.value.fix


def test_images_without_a_label_are_counted():
    with pytest.raises(ModelError, match="no class for 1 of 2 images"):
        read(pd.DataFrame({"label": ["benign", None], "file": ["a", "b"]}), 2)


def test_lists_in_a_column_are_shown_without_types():
    with pytest.raises(ModelError) as caught:
        read(pd.DataFrame({"label": ["benign"], "score": [np.array([0.9, 0.1])]}), 1)

    assert "np.float64" not in str(caught.value)


@pytest.mark.parametrize(
    ("output", "says"),
    [
        (["0.35", "0.81"], "numbers as text, such as '0.35'"),
        (pd.DataFrame(index=[0, 1]), "a table without columns"),
        (pd.DataFrame([[0.1, 0.9]] * 2, columns=["benign", "benign"]), "several columns called 'benign'"),
        (np.full((2, 2), 1j), "complex numbers"),
        ([object(), object()], "values of the type object,"),
        (iter(()), "values of the type tuple_iterator"),
    ],
)
def test_what_is_no_answer_is_told_in_words(output, says):
    with pytest.raises(ModelError, match=says) as caught:
        read(output, 2, chosen=CLASSES)

    assert "0x" not in str(caught.value)
