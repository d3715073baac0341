import numpy as np

from arogya_bench.analysis.combined_predictions import average_probabilities, take_vote

NONE = [np.nan, np.nan, np.nan]


def test_the_mean_is_of_the_members_that_answered():
    first, second = np.array([[0.8, 0.1, 0.1], NONE, NONE]), np.array([[0.2, 0.7, 0.1], [0.2, 0.7, 0.1], NONE])

    np.testing.assert_allclose(average_probabilities([first, second]), [[0.5, 0.4, 0.1], [0.2, 0.7, 0.1], NONE])


def test_the_majority_wins_also_against_the_mean():
    sure, doubtful = np.array([[0.0, 1.0, 0.0]]), np.array([[0.5, 0.3, 0.2]])

    assert average_probabilities([sure, doubtful, doubtful]).argmax() == 1
    assert take_vote([sure, doubtful, doubtful]).tolist() == [[1.0, 0.0, 0.0]]


def test_the_mean_decides_between_classes_with_equally_many_votes():
    members = [np.array([[0.4, 0.35, 0.25]]), np.array([[0.3, 0.5, 0.2]]), np.array([NONE])]

    assert take_vote(members).tolist() == [[0.0, 1.0, 0.0]]


def test_nobody_who_answers_leaves_no_answer():
    assert np.isnan(take_vote([np.array([NONE]), np.array([NONE])])).all()


def test_of_two_classes_the_second_wins_a_tie_as_in_every_prediction():
    assert take_vote([np.array([[0.6, 0.4]]), np.array([[0.4, 0.6]])]).tolist() == [[0.0, 1.0]]
