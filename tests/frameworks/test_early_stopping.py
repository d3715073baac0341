"""Which epoch is the best, and when a training ends."""

from arogya_bench.frameworks.early_stopping import TrainingProgress, best_index, classifier_epoch
from arogya_bench.runtime.progress import send_activities_to, show_activity
from arogya_bench.types import Training


def epochs(*pairs, monitor="f1_macro"):
    return [
        classifier_epoch({"train_loss": 0.0, "val_loss": loss, "val_f1_macro": f1, "learning_rate": 0.0}, monitor)
        for f1, loss in pairs
    ]


def finished(epochs, *, patience, max_epochs):
    return TrainingProgress(
        training=Training(epochs=max_epochs, patience=patience),
        save_checkpoint=lambda _: None,
        save_weights=lambda: None,
        epochs=epochs,
    ).is_finished


def test_checkpoints_follow_every_epoch_and_weights_every_best_one():
    checkpoints, weights = [], []
    progress = TrainingProgress(
        training=Training(epochs=4, patience=3),
        save_checkpoint=lambda epochs: checkpoints.append(len(epochs)),
        save_weights=lambda: weights.append(len(progress.epochs)),
    )

    progress.resume(epochs((0.5, 1.0)))
    for epoch in epochs((0.4, 1.0), (0.6, 1.0), (0.6, 1.0)):
        progress.add(epoch)

    assert checkpoints == [2, 3, 4]
    assert weights == [1, 3]
    assert progress.is_finished
    assert progress.report(gpu_peak_mb=None).best_epoch == 3


def test_each_epoch_tells_its_scores_and_the_time_that_is_left():
    """Two epochs of 30 s after a resumed one."""
    shown, times = [], iter((100.0, 130.0, 160.0))
    progress = TrainingProgress(
        training=Training(epochs=5, patience=5),
        save_checkpoint=lambda _: None,
        save_weights=lambda: None,
        clock=lambda: next(times),
    )

    with send_activities_to(shown.append), show_activity("fitting cnn"):
        progress.resume(epochs((0.5, 1.0)))
        for epoch in epochs((0.4, 1.0), (0.6, 1.0)):
            progress.add(epoch)

    assert shown[1:-1] == [
        "fitting cnn: epoch 2 of 5",
        "fitting cnn: epoch 2 of 5, loss 0, validation F1 0.4, about 2 min left",
        "fitting cnn: epoch 3 of 5, loss 0, validation F1 0.6, about 60 s left",
    ]


def test_macro_f1_decides_before_the_loss():
    better, equal, worse = epochs((0.9, 5.0), (0.9, 5.0), (0.8, 0.1))

    assert better.rank == equal.rank > worse.rank


def test_equal_f1_goes_to_the_lower_loss_and_then_to_the_earlier_epoch():
    assert best_index(epochs((0.9, 0.5), (0.9, 0.4), (0.9, 0.4))) == 1


def test_the_loss_decides_where_it_is_monitored_and_macro_f1_between_equals():
    assert best_index(epochs((0.9, 0.5), (0.7, 0.4), (0.8, 0.4), monitor="val_loss")) == 2


def test_a_training_ends_after_its_patience_or_its_epochs():
    stale = epochs((0.9, 0.5), (0.8, 0.4), (0.8, 0.4))

    assert not finished([], patience=1, max_epochs=3)
    assert not finished(stale, patience=3, max_epochs=4)
    assert finished(stale, patience=2, max_epochs=4)
    assert finished(stale, patience=9, max_epochs=3)


def test_no_patience_ends_at_the_first_epoch_that_is_not_better():
    assert not finished(epochs((0.1, 0.5), (0.2, 0.5)), patience=0, max_epochs=9)
    assert finished(epochs((0.2, 0.5), (0.1, 0.5)), patience=0, max_epochs=9)
