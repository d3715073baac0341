"""Errors in the data stop a run before it starts, or are overridden, and then everybody is told."""

import numpy as np
import PIL.Image
import pytest

from arogya_bench import compare
from arogya_bench.tracking.artifacts import fetch_artifact
from arogya_bench.tracking.runs import search_runs
from arogya_bench.tracking.store import open_store

CLASSES = ("benign", "malignant")


@pytest.fixture
def clinic(tmp_path):
    """Sixty patients with two images each, in class folders."""
    rng = np.random.default_rng(5)
    for patient in range(60):
        for visit in range(2):
            file = tmp_path / "clinic" / CLASSES[patient % 2] / f"p{patient:02}-{visit}.png"
            file.parent.mkdir(parents=True, exist_ok=True)
            pixels = rng.integers(0, 256, (8, 8, 3), dtype=np.uint8)
            PIL.Image.fromarray(pixels).resize((32, 32)).save(file)
    return tmp_path / "clinic"


@pytest.fixture
def evaluate(command, clinic, tmp_path):
    """Evaluate one model on the clinic, in a store of this test."""

    def run(*words):
        return command(
            "run", "model=prior", "dataset=image_folder", f"dataset.path={clinic}",
            "dataset.licence=CC0-1.0", "dataset.group='(p[0-9]+)-'", "statistics.resamples=2000",
            "split.train=0.3", "split.validation=0.2", "split.test=0.5",
            f"tracking.uri=sqlite:///{tmp_path}/mlflow.db", "tracking.experiment=study", *words,
        )  # fmt: skip

    return run


@pytest.fixture
def runs(tmp_path):
    def of(kind):
        store = open_store(f"sqlite:///{tmp_path}/mlflow.db", "study", create=False)
        return search_runs(store, f"tags.`arogya.kind` = '{kind}'")

    return of


def damage(clinic):
    (clinic / "benign" / "p00-0.png").write_bytes(b"no image")


def test_sound_data_are_said_to_be_sound(evaluate, runs):
    ended = evaluate()

    assert ended.code == 0, ended.err
    (run,) = runs("evaluation")
    assert run.tags["arogya.gate"].startswith("Gate: no error and no warning in 120 cases")
    assert "arogya.gate_overridden" not in run.tags


def test_an_error_stops_the_run_before_anything_is_written(evaluate, clinic):
    damage(clinic)

    ended = evaluate()

    assert ended.code == 2
    assert "AB201 Unreadable image: benign/p00-0" in ended.err
    assert "gate=warn" in ended.err
    assert ended.left == []


def test_an_override_leaves_the_case_out_and_is_told_everywhere(evaluate, runs, clinic, tmp_path):
    damage(clinic)
    uri = f"sqlite:///{tmp_path}/mlflow.db"

    ended = evaluate("gate=warn")
    comparison = compare("study", tracking_uri=uri)

    assert ended.code == 0, ended.err
    for run in (*runs("evaluation"), *runs("fit")):
        assert run.tags["arogya.gate_overridden"] == "AB201 Unreadable image"
        with fetch_artifact(run, "gate.json", uri=uri) as file:
            assert '"benign/p00-0"' in file.read_text()
        with fetch_artifact(run, "split.csv", uri=uri) as file:
            rows = file.read_text()
        assert rows.count("\n") == 120
        assert "p00-0" not in rows
    (dataset,) = comparison.about["datasets"]
    (caveat,) = dataset["caveats"]
    assert "AB201 Unreadable image" in caveat


def test_an_official_split_through_patients_is_refused(command, clinic):
    rows = [
        f"{file.relative_to(clinic)},{file.parent.name},{file.name[:3]},{part}"
        for number, file in enumerate(sorted(clinic.rglob("*.png")))
        for part in [("train", "train", "train", "val", "test")[number % 5]]
    ]
    (clinic / "table.csv").write_text("\n".join(["path,label,group,split", *rows]))

    ended = command(
        "run", "model=prior", "dataset=image_folder", f"dataset.path={clinic}",
        "dataset.manifest=table.csv", "dataset.licence=CC0-1.0",
    )  # fmt: skip

    assert ended.code == 2
    assert "AB101 Group in two splits" in ended.err
    assert "split by group: split.method=group" in ended.err


def test_a_split_by_image_that_was_named_is_marked(evaluate, runs):
    ended = evaluate("split.method=image_level")

    assert ended.code == 0, ended.err
    (run,) = runs("evaluation")
    assert run.tags["arogya.split"].startswith("image_level-")
    assert "AB108" in run.tags["arogya.gate"]


def test_the_sweep_shows_the_findings_as_a_table(evaluate, runs):
    evaluate("split.method=image_level")

    (sweep,) = runs("sweep")
    shown = sweep.tags["mlflow.loggedArtifacts"]
    assert "gate/clinic-" in shown


def test_weights_that_have_seen_the_data_stop_the_run(evaluate):
    ended = evaluate("model=resnet50", "model.trained_on=[clinic]")

    assert ended.code == 2
    assert "AB501" in ended.err
    assert "resnet50 (fitted on clinic)" in ended.err


def test_masks_are_no_task_of_a_run(command, tmp_path):
    for kind, value in (("images", 90), ("masks", 1)):
        for number in range(20):
            file = tmp_path / "pairs" / kind / f"{number}.png"
            file.parent.mkdir(parents=True, exist_ok=True)
            pixels = np.full((16, 16), value, dtype=np.uint8)
            pixels[number % 16] = 0
            PIL.Image.fromarray(pixels).save(file)

    ended = command(
        "run", "model=prior", "dataset=image_mask_pairs", f"dataset.path={tmp_path / 'pairs'}",
        "dataset.licence=CC0-1.0",
    )  # fmt: skip

    assert ended.code == 2
    assert "is a segmentation dataset; no adapter supports segmentation yet" in ended.err


def test_what_a_reader_left_out_is_told_although_the_images_are_the_same(command, clinic):
    words = ("data", "check", "image_folder", f"dataset.path={clinic}", "dataset.licence=CC0-1.0")
    before = command(*words)
    (clinic / "benign" / "notes.pdf").write_bytes(b"%PDF")

    after = command(*words)

    assert "notes.pdf" not in before.out
    assert "notes.pdf" in after.out
