"""Which measurement runs a comparison takes, and what it says of the others."""

import pytest
from measurement_runs import LAPTOP, SERVER

from arogya_bench.comparison.loading import load_evaluations
from arogya_bench.comparison.measurements import load_measurements


@pytest.fixture
def loaded(store):
    """The measurements of the block that comes first."""

    def load():
        block = load_evaluations(store, resamples=2000).blocks[0]
        found = load_measurements(block)
        return {block.row_names[row]: taken for row, taken in found.by_row.items()}, found

    return load


def latencies(by_model):
    return {model: taken.metrics["latency_p50_ms"] for model, taken in by_model.items()}


def test_the_newest_measurement_of_a_row_counts(measured, loaded):
    measured("a", {"p50": 9.0, "session": "one"}, {"p50": 7.5, "session": "two"})

    by_model, found = loaded()

    assert latencies(by_model) == {"a": 7.5}
    assert (found.machine, found.devices) == (LAPTOP[0], ["cpu"])


def test_a_measurement_on_another_dataset_is_not_taken(measured, loaded, roster):
    measured("a", {"p50": 9.0})
    measured("a", {"p50": 1.0}, source=roster(name="zoo", digest="c" * 32))

    by_model, _ = loaded()

    assert latencies(by_model) == {"a": 9.0}


def test_a_measurement_on_another_split_is_not_taken(measured, loaded):
    measured("a", {"p50": 9.0}, {"p50": 1.0, "tags": {"arogya.split_digest": "d" * 32}})

    by_model, _ = loaded()

    assert latencies(by_model) == {"a": 9.0}


def test_the_machine_with_most_rows_is_compared_and_the_other_is_named(measured, loaded):
    measured("a", {"p50": 9.0}, {"p50": 1.0, "machine": SERVER, "session": "two"})
    measured("b", {"p50": 8.0})

    by_model, found = loaded()

    assert latencies(by_model) == {"a": 9.0, "b": 8.0}
    (caveat,) = found.caveats
    assert caveat.startswith("Measurements of a on Intel Xeon, 16 cores, 64 GB, NVIDIA A10G (24 GB) are not")


def test_two_machines_with_equal_rows_give_the_newest(measured, loaded):
    measured("a", {"p50": 1.0, "machine": SERVER}, {"p50": 9.0})

    by_model, _ = loaded()

    assert latencies(by_model) == {"a": 9.0}


def test_models_on_different_devices_of_one_machine_are_compared_and_named(measured, loaded):
    """With device=auto a network runs on the GPU, and a baseline on the processor."""
    measured("net", {"p50": 1.0, "machine": SERVER, "device": "cuda:0"})
    measured("prior", {"p50": 9.0, "machine": SERVER, "device": "cpu"})

    by_model, found = loaded()

    assert latencies(by_model) == {"net": 1.0, "prior": 9.0}
    assert found.devices == ["cuda:0", "cpu"]
    assert found.caveats == ("The models were measured on different devices: cuda:0 (net); cpu (prior).",)


def test_the_newest_measurement_of_a_row_counts_whatever_its_device(measured, loaded):
    measured("a", {"p50": 1.0, "machine": SERVER, "device": "cuda:0"}, {"p50": 9.0, "machine": SERVER, "device": "cpu"})

    by_model, found = loaded()

    assert (latencies(by_model), found.devices, found.caveats) == ({"a": 9.0}, ["cpu"], ())


def test_a_session_with_every_row_comes_before_newer_single_measurements(measured, loaded):
    measured("a", {"p50": 9.0, "session": "one"}, {"p50": 5.0, "session": "two"})
    measured("b", {"p50": 8.0, "session": "one"})

    by_model, found = loaded()

    assert latencies(by_model) == {"a": 9.0, "b": 8.0}
    assert found.notes["a"] == "a newer measurement is not shown, since that of session one holds every model"


def test_without_a_common_session_the_newest_of_each_row_counts(measured, loaded):
    measured("a", {"p50": 9.0, "session": "one"}, {"p50": 5.0, "session": "two"})
    measured("b", {"p50": 8.0, "session": "three"})

    by_model, found = loaded()

    assert latencies(by_model) == {"a": 5.0, "b": 8.0}
    assert found.caveats == (
        "The models were not measured in one session: their latencies are not paired by round, and a difference "
        "may be one of the machine's state.",
    )


def test_a_session_with_better_grades_comes_before_a_newer_one(measured, loaded):
    measured("a", {"p50": 9.0, "session": "one"}, {"p50": 5.0, "session": "two"})
    measured("b", {"p50": 8.0, "session": "one"}, {"p50": 4.0, "session": "two", "grade": "D"})

    by_model, found = loaded()

    assert latencies(by_model) == {"a": 9.0, "b": 8.0}
    assert found.notes == {
        "a": "a newer measurement is not shown, since session one has better grades",
        "b": "a newer measurement is not shown, since its grade is D",
    }


def test_a_session_with_bad_grades_comes_after_good_measurements_without_one(measured, loaded):
    measured("a", {"p50": 9.0, "session": "one", "grade": "D"}, {"p50": 5.0, "session": "two"})
    measured("b", {"p50": 8.0, "session": "three"}, {"p50": 7.0, "session": "one", "grade": "D"})

    by_model, _ = loaded()

    assert latencies(by_model) == {"a": 5.0, "b": 8.0}


def test_other_options_of_the_same_protocol_are_named(measured, loaded):
    """A short run of the same name must not replace the full one without a word."""
    measured("a", {"p50": 9.0, "session": "one"}, {"p50": 5.0, "session": "two", "options": {"seconds": 1.0}})
    measured("b", {"p50": 8.0, "session": "three"})

    by_model, found = loaded()

    assert by_model["a"].protocol_digest != by_model["b"].protocol_digest
    assert found.caveats[1:] == (
        "The models were measured with different options of their protocol: seconds=1.0 (a); seconds=5.0 (b).",
        "Session one is not shown: it was measured with seconds=5.0, and what is shown with seconds=1.0.",
    )


def test_a_row_without_a_measurement_is_named(measured, logged, loaded):
    measured("a")
    logged("b")

    by_model, found = loaded()

    assert list(by_model) == ["a"]
    assert found.notes == {"b": "not measured"}


def test_a_failed_measurement_gives_its_cause(measured, loaded):
    failure = {"status": "FAILED", "error": ("MemoryError", "no room\nfor the kernel")}
    measured("a", {"p50": 9.0}, failure)
    measured("b", failure)

    by_model, found = loaded()

    assert latencies(by_model) == {"a": 9.0}
    assert found.notes == {
        "a": "a newer measurement failed (MemoryError: no room)",
        "b": "not measured; its measurement failed (MemoryError: no room)",
    }


def test_a_failure_before_a_finished_measurement_is_history(measured, loaded):
    measured("a", {"status": "FAILED", "error": ("MemoryError", "no room")}, {"p50": 9.0})

    _, found = loaded()

    assert found.notes == {}


def test_a_failure_on_another_machine_is_not_said_of_this_one(measured, loaded):
    failure = {"status": "KILLED", "machine": SERVER}
    measured("a", {"p50": 9.0}, failure)

    _, found = loaded()

    assert found.notes == {}


def test_nothing_measured_has_no_machine(logged, loaded):
    logged("a")

    by_model, found = loaded()

    assert (by_model, found.machine, found.notes, found.caveats) == ({}, None, {}, ())


def test_a_lost_file_leaves_the_numbers_of_the_run(measured, loaded):
    measured("a", {"document": False})

    by_model, _ = loaded()

    taken = by_model["a"]
    assert [batch["batch"] for batch in taken.batches] == [1, 8, 32, 64]
    assert taken.batches[0]["images_per_s"] == 90.0
    assert taken.document_note.startswith("measurement.json is missing")
