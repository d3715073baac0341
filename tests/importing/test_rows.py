import numpy as np
import pandas as pd
import pytest

from arogya_bench.errors import UserError


def test_obvious_columns_are_found(read, table):
    rows = read(table(age=[30, 40, 50, 60, 70, 80], site=["arm", "", "leg", "arm", "leg", "arm"]))

    assert rows.classes == ("benign", "malignant")
    assert list(rows.group_ids[:3]) == ["p0", "p0", "p1"]
    assert rows.probabilities[0].tolist() == [pytest.approx(0.1), 0.9]
    assert list(rows.metadata) == ["age", "site"]
    assert rows.metadata["age"][0] == 30.0
    assert rows.metadata["site"][1] == "unknown"


def test_semicolons_decimal_commas_windows_lines_and_a_byte_order_mark(read):
    text = "\ufeffImage;Diagnosis;prob_basal cell;prob_naevus\r\na;naevus;0,25;0,75\r\nb;basal cell;0,5;0,5\r\n"

    rows = read(text.encode())

    assert rows.classes == ("basal cell", "naevus")
    assert rows.probabilities[0].tolist() == [0.25, 0.75]


def test_the_index_column_of_pandas_is_no_metadata_and_serves_where_no_case_is_named(read, table):
    named = read(table().to_csv().encode())
    unnamed = read(table(case=None).to_csv().encode())

    assert named.metadata == {}
    assert list(unnamed.case_ids) == ["0", "1", "2", "3", "4", "5"]


def test_integer_labels_survive_a_float_column(read):
    rows = read(pd.DataFrame({"id": [1.0, 2.0], "y_true": [0.0, 1.0], "y_pred": [0.0, 1.0], "score": [0.2, 0.7]}))

    assert rows.classes == ("0", "1")
    assert list(rows.case_ids) == ["1", "2"]
    assert rows.probabilities[:, 1].tolist() == [0.2, 0.7]


def test_a_score_of_the_predicted_class_is_told_from_that_of_the_positive_class(read):
    """Confidences never fall below 0.5 although both classes are predicted."""
    frame = pd.DataFrame(
        {
            "case": ["a", "b"],
            "label": ["malignant", "benign"],
            "prediction": ["malignant", "benign"],
            "score": [0.9, 0.8],
        }
    )

    rows = read(frame, positive_class="malignant")

    assert rows.probabilities.tolist() == [[pytest.approx(0.1), 0.9], [0.8, pytest.approx(0.2)]]


def test_a_score_that_is_neither_is_refused(read):
    frame = pd.DataFrame(
        {
            "case": ["a", "b"],
            "label": ["malignant", "benign"],
            "prediction": ["malignant", "benign"],
            "score": [0.3, 0.8],
        }
    )

    with pytest.raises(UserError, match=r"line 2 .* neither .*\n.*--score-is"):
        read(frame, positive_class="malignant")


def test_the_positive_class_of_a_score_must_be_known(read):
    frame = pd.DataFrame({"case": ["a", "b"], "label": ["left", "right"], "score": [0.3, 0.8]})

    with pytest.raises(UserError, match=r"left or right.*\n.*--positive-class"):
        read(frame)


def test_labels_without_probabilities_are_marked(read, table):
    rows = read(
        table(
            p_malignant=None, p_benign=None, predicted=["malignant", "malignant", "", "benign", "malignant", "benign"]
        )
    )

    assert rows.labels_only
    assert np.isnan(rows.probabilities[2]).all()
    assert "Rows without an answer, which count as wrong: 1." in rows.notes


def test_rows_of_low_precision_are_divided_by_their_sum_and_others_stay(read, table):
    frame = table()
    frame.loc[0, "p_malignant"] = 0.896  # sums to 0.996, as with 8 bits
    rows = read(frame)

    assert rows.probabilities[0].sum() == pytest.approx(1, abs=1e-12)
    assert rows.probabilities[1, 1] == 0.2
    assert any("divided by their sum: 1" in note for note in rows.notes)


def test_rows_without_an_answer_stay_in_the_table(read, table):
    frame = table()
    frame.loc[3, ["p_malignant", "p_benign"]] = np.nan

    rows = read(frame)

    assert np.isnan(rows.probabilities[3]).all()


def test_train_rows_are_counted_and_left_out(read, table):
    rows = read(table(split=["train", "test", "test", "val", "test", "test"]))

    assert list(rows.parts) == ["test", "test", "validation", "test", "test"]
    assert "Rows of the train split, which are ignored: 1." in rows.notes


def test_a_predicted_class_that_differs_from_the_most_probable_is_counted(read, table):
    rows = read(table(predicted=["malignant", "benign", "malignant", "benign", "malignant", "benign"]))

    assert any("is not the most probable one: 1." in note for note in rows.notes)


def test_severities_are_split_from_the_names_of_conditions(read, table):
    frame = pd.concat([table(condition=name) for name in ("clean", "gaussian_noise_0.1", "blur")])

    rows = read(frame)

    assert list(dict.fromkeys(rows.augmentations)) == ["clean", "gaussian_noise", "blur"]
    assert rows.severities[6] == 0.1
    assert list(dict.fromkeys(rows.conditions)) == ["clean", "gaussian_noise_0.1", "blur"]


def test_class_indices_become_the_names_of_a_known_dataset(read):
    frame = pd.DataFrame({"case": ["a", "b"], "label": [1, 0], "p_0": [0.2, 0.9], "p_1": [0.8, 0.1]})

    rows = read(frame, known=("benign", "malignant"))

    assert rows.classes == ("benign", "malignant")
    assert rows.targets.tolist() == [1, 0]


def test_options_name_columns_and_classes(read):
    frame = pd.DataFrame({"a": ["x", "y"], "b": ["I", "II"], "s1": [0.7, 0.2], "s2": [0.3, 0.8], "id": [1, 2]})

    rows = read(frame, named={"case": "a", "label": "b"}, probabilities={"I": "s1", "II": "s2"}, classes=("II", "I"))

    assert rows.classes == ("II", "I")
    assert rows.probabilities[0].tolist() == [0.3, 0.7]
    assert list(rows.metadata) == ["id"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"p_malignant": [1.4, 0.2, 0.4, 0.1, 0.6, 0.3]}, r"Line 2 of predictions.csv has the probability 1.4"),
        ({"p_malignant": [0.9, 0.2, 0.4, 0.1, 0.3, 0.3]}, r"line 6 of predictions.csv sum to 0.7.*and so no logits"),
        ({"p_malignant": [0.9, "nan", 0.4, 0.1, 0.6, 0.3]}, r"'nan' in line 3 of predictions.csv"),
        ({"p_malignant": [0.9, "?", 0.4, 0.1, 0.6, 0.3]}, r"'\?' in line 3 of predictions.csv"),
        ({"p_malignant": [0.9, None, 0.4, 0.1, 0.6, 0.3]}, r"Line 3 of predictions.csv lacks some"),
        ({"label": ["malignant", "benign", None, "benign", "malignant", "benign"]}, r"label is empty in line 4"),
        (
            {"label": ["malignant", "benign", "odd", "benign", "malignant", "benign"]},
            r"'odd', which line 4 of predictions.csv has",
        ),
        ({"patient": ["p0", "p0", "NaN", "p1", "p2", "p2"]}, r"group is 'NaN' in line 4.*remove the column"),
        ({"patient": ["p0", "p0", "p1", "p1", "unknown", "p2"]}, r"group is 'unknown' in line 6"),
        ({"label": ["malignant", "benign", "<NA>", "benign", "malignant", "benign"]}, r"label is '<NA>' in line 4"),
        ({"case": ["c0", "", "c2", "c3", "c4", "c5"]}, r"case is empty in line 3"),
        ({"split": ["test", "tset", "test", "test", "test", "test"]}, r"split is 'tset' in line 3"),
        ({"case": None}, r"No column is obviously the case.*\n.*--case-column"),
        (
            {"case": None, "image": list("abcdef"), "file": list("abcdef")},
            r"'image', 'file'.*\n.*--case-column 'image'",
        ),
        ({"p_malignant": None, "p_benign": None}, r"neither probabilities nor a predicted class"),
        (
            {
                "p_malignant": None,
                "p_benign": None,
                "predicted": ["malignant", "benin", "malignant", "benign", "malignant", "benign"],
            },
            r"'benin' of line 3 .* no case.*Did you mean 'benign'",
        ),
        (
            {"p_malignant": None, "p_benign": None, "predicted": [1, 0, 1, 0, 1, 0]},
            r"'0' of line 3 .* no case.*positions such as 0: benign, malignant",
        ),
    ],
)
def test_a_bad_row_is_named_with_its_fix(read, table, change, message):
    with pytest.raises(UserError, match=r"(?s)" + message) as error:
        read(table(**change))

    assert error.value.fix


def test_a_second_column_of_classes_is_not_passed_over(read, table):
    """A classifier of Hugging Face calls its answer ``label``."""
    with pytest.raises(UserError, match=r"'label', 'dx'.*\n.*--label-column"):
        read(table(dx=["benign"] * 6))


def test_two_sets_of_probability_columns_are_ambiguous(read, table):
    with pytest.raises(UserError, match=r"'p_malignant', 'prob_malignant'.*\n.*--probability-columns"):
        read(table(prob_malignant=[0.5] * 6, prob_benign=[0.5] * 6))


def test_a_line_with_too_few_or_too_many_cells_is_named(read):
    with pytest.raises(UserError, match=r"Line 3 .* has 3 cells"):
        read(b"case,label,p_a,p_b\nx,a,0.5,0.5\ny,b,0.5\n")
    with pytest.raises(UserError, match=r"Line 3 .* has 5 cells"):
        read(b"case,label,p_a,p_b\nx,a,0.5,0.5\ny,b,0.5,0.5,7\n")


def test_the_only_column_of_probabilities_is_no_metadata(read, table):
    rows = read(table(p_benign=None, site=["arm", "leg"] * 3))

    assert list(rows.metadata) == ["site"]


def test_columns_that_stored_predictions_use_are_kept_under_another_name(read, table):
    rows = read(
        table(q=[0.1] * 6, r=[0.9] * 6, target=["x"] * 6),
        named={"label": "label"},
        probabilities={"malignant": "q", "benign": "r"},
    )

    assert set(rows.metadata) == {"source_p_malignant", "source_p_benign", "source_target"}
    assert any("p_benign is source_p_benign, target is source_target." in note for note in rows.notes)


def test_a_word_for_a_missing_label_is_a_class_if_it_is_listed(read, table):
    columns = {"label": ["mild", "none"] * 3, "p_mild": [0.6] * 6, "p_none": [0.4] * 6}
    columns |= {"p_malignant": None, "p_benign": None}

    with pytest.raises(UserError, match=r"(?s)label is 'none' in line 3.*list all classes: --classes mild,none"):
        read(table(**columns))
    assert read(table(**columns), classes=("none", "mild")).classes == ("none", "mild")


@pytest.mark.parametrize(
    ("columns", "options", "message"),
    [
        ({}, {"positive_class": "malgnant"}, "There is no class 'malgnant'; .* Did you mean 'malignant'"),
        ({"split": ["train"] * 6}, {}, "All rows belong to the train split"),
        ({"condition": ["blur"] * 6, "severity": ["high"] * 6}, {}, "where the condition has no severity"),
    ],
)
def test_what_cannot_be_meant_is_refused_with_its_own_fix(read, table, columns, options, message):
    with pytest.raises(UserError, match=message):
        read(table(**columns), **options)


def test_the_positive_class_need_not_be_that_of_the_only_column(read, table):
    rows = read(table(p_benign=None), positive_class="benign")

    assert rows.classes == ("malignant", "benign")
    assert rows.probabilities[0].tolist() == [0.9, pytest.approx(0.1)]
