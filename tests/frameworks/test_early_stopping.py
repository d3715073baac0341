"""Which epoch is the best, and when a training ends."""

from arogya_bench.frameworks.early_stopping import Epoch, best_of, ended


def epochs(*pairs):
    return [
        Epoch(number=i, train_loss=0.0, val_loss=loss, val_f1_macro=f1, learning_rate=0.0)
        for i, (f1, loss) in enumerate(pairs, start=1)
    ]


def test_macro_f1_decides_before_the_loss():
    better, equal, worse = epochs((0.9, 5.0), (0.9, 5.0), (0.8, 0.1))

    assert better.beats(worse)
    assert not worse.beats(better)
    assert not equal.beats(better)


def test_equal_f1_goes_to_the_lower_loss_and_then_to_the_earlier_epoch():
    assert best_of(epochs((0.9, 0.5), (0.9, 0.4), (0.9, 0.4))).number == 2


def test_a_training_ends_after_its_patience_or_its_epochs():
    stale = epochs((0.9, 0.5), (0.8, 0.4), (0.8, 0.4))

    assert not ended([], patience=1, at_most=3)
    assert not ended(stale, patience=3, at_most=4)
    assert ended(stale, patience=2, at_most=4)
    assert ended(stale, patience=9, at_most=3)


def test_no_patience_ends_at_the_first_epoch_that_is_not_better():
    assert not ended(epochs((0.1, 0.5), (0.2, 0.5)), patience=0, at_most=9)
    assert ended(epochs((0.2, 0.5), (0.1, 0.5)), patience=0, at_most=9)
