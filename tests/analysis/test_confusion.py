import numpy as np
from planted_studies import build_study, predict, row
from quality_studies import predict as predict_score
from quality_studies import study_of

from arogya_bench.analysis.confusion import CONFUSION_COLUMNS, NO_ANSWER, confusion_rows


def test_answers_are_counted_by_class_and_averaged_over_seeds():
    truth = [0, 0, 0, 0, 1]
    one, other = predict(truth, [0, 0, 1, 1, 1], classes=3), predict(truth, [0, 1, 1, 1, 1], classes=3)

    rows = confusion_rows(build_study([row("a", one, other)]))

    assert tuple(rows[0]) == CONFUSION_COLUMNS
    assert [(found["count"], found["share"]) for found in rows] == [
        (1.5, 0.375), (2.5, 0.625), (0, 0), (0, 0), (1, 1), (0, 0), (0, None), (0, None), (0, None),
    ]  # fmt: skip


def test_cases_without_an_answer_are_a_column_of_their_own():
    targets = np.arange(40) % 2
    score = np.where(targets, 0.9, 0.1)
    score[1] = np.nan

    rows = confusion_rows(study_of({"a": [predict_score(targets, score)]}))

    silent = {found["true"]: found["count"] for found in rows if found["predicted"] == NO_ANSWER}
    assert silent == {"benign": 0, "malignant": 1}
    assert sum(found["count"] for found in rows) == 40


def test_of_many_classes_only_cells_with_cases_are_listed():
    targets = np.arange(120) % 40
    answers = np.where(np.arange(120) < 60, targets, 0)

    rows = confusion_rows(build_study([row("a", predict(targets, answers, classes=40))]))

    assert 0 < len(rows) <= 120
    assert all(found["count"] for found in rows)
