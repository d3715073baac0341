"""Which epoch is the best, and when a training ends."""

from arogya_bench.frameworks.early_stopping import Epoch, best_epoch, should_stop


def epochs(*pairs):
    return [
        Epoch(number=i, train_loss=0.0, val_loss=loss, val_f1_macro=f1, learning_rate=0.0)
        for i, (f1, loss) in enumerate(pairs, start=1)
    ]


def test_macro_f1_decides_before_the_loss():
    better, equal, worse = epochs((0.9, 5.0), (0.9, 5.0), (0.8, 0.1))

    assert better.is_better_than(worse)
    assert not worse.is_better_than(better)
    assert not equal.is_better_than(better)


def test_equal_f1_goes_to_the_lower_loss_and_then_to_the_earlier_epoch():
    assert best_epoch(epochs((0.9, 0.5), (0.9, 0.4), (0.9, 0.4))).number == 2


def test_a_training_ends_after_its_patience_or_its_epochs():
    stale = epochs((0.9, 0.5), (0.8, 0.4), (0.8, 0.4))

    assert not should_stop([], patience=1, max_epochs=3)
    assert not should_stop(stale, patience=3, max_epochs=4)
    assert should_stop(stale, patience=2, max_epochs=4)
    assert should_stop(stale, patience=9, max_epochs=3)


def test_no_patience_ends_at_the_first_epoch_that_is_not_better():
    assert not should_stop(epochs((0.1, 0.5), (0.2, 0.5)), patience=0, max_epochs=9)
    assert should_stop(epochs((0.2, 0.5), (0.1, 0.5)), patience=0, max_epochs=9)
