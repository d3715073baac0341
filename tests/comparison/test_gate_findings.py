"""What the gate found in the data reaches whoever reads a comparison of models on these data."""

import json
from dataclasses import dataclass, field, replace
from io import BytesIO
from pathlib import Path

import cv2
import numpy as np
import PIL.Image
import pytest
from pypdf import PdfReader

from arogya_bench import Comparison, compare
from arogya_bench.comparison.caveats import UNGROUPED_CAVEAT
from arogya_bench.comparison.loading import load_evaluations
from arogya_bench.comparison.selection import Selection
from arogya_bench.datasets.synthetic import Synthetic
from arogya_bench.evaluation.evaluation import run_job
from arogya_bench.models.prior import Prior
from arogya_bench.report.document import render_pdf
from arogya_bench.report.page import render_html
from arogya_bench.tracking.runs import search_runs
from arogya_bench.tracking.store import open_store

CLASSES = ("benign", "malignant")


def scene(*seed):
    """Smooth, and unlike any other."""
    patches = np.random.default_rng(seed).integers(30, 226, (8, 8, 3), dtype=np.uint8)
    return cv2.resize(patches, (64, 64), interpolation=cv2.INTER_CUBIC)


def changed(pixels, rng):
    """The same image up to 3 grey values."""
    return np.clip(pixels.astype(int) + rng.integers(-3, 4, pixels.shape), 0, 255).astype(np.uint8)


@pytest.fixture
def leaking(tmp_path):
    """Thirty patients in train, each of whose images is also in test, up to 3 grey values, under another patient."""
    rng, rows = np.random.default_rng(0), ["path,label,group,split"]
    for number in range(30):
        original = scene(0, number)
        images = {"train": original, "test": changed(original, rng)}
        if number < 12:
            images["val"] = scene(1, number)
        for part, pixels in images.items():
            file = tmp_path / "clinic" / f"{part}{number:02}.png"
            file.parent.mkdir(exist_ok=True)
            PIL.Image.fromarray(pixels).save(file)
            rows.append(f"{file.name},{CLASSES[number % 2]},{part}{number},{part}")
    (tmp_path / "clinic" / "table.csv").write_text("\n".join(rows))
    return tmp_path / "clinic"


@pytest.fixture
def words(leaking, tmp_path):
    return (
        "dataset=image_folder", f"dataset.path={leaking}", "dataset.manifest=table.csv", "dataset.licence=CC0-1.0",
        "statistics.resamples=2000", f"tracking.uri=sqlite:///{tmp_path}/mlflow.db", "tracking.experiment=study",
    )  # fmt: skip


def in_one_line(text):
    return " ".join(text.split())


def text_of(document):
    return in_one_line("\n".join(page.extract_text() for page in PdfReader(BytesIO(document)).pages))


def findings_of(comparison):
    (dataset,) = comparison.about["datasets"]
    return [(finding["severity"], finding["code"], finding["count"]) for finding in dataset["gate_findings"]]


NEAR_DUPLICATES = (
    "Warning AB105: Near duplicate across splits (30). "
    "Fix: inspect every pair in copies.csv (arogya-bench data check ... --out DIR; also in the run of a sweep); "
    "keep one of each (dataset.exclude=FILE), or assign both to one group."
)


def test_thirty_of_thirty_training_images_in_the_test_split_are_a_warning_in_every_output(command, words, tmp_path):
    uri = f"sqlite:///{tmp_path}/mlflow.db"
    assert command("run", "-m", "model=prior,opencv", *words).code == 0

    ended = command("compare", "study")

    comparison = compare("study", tracking_uri=uri)
    (run,) = search_runs(open_store(uri, "study", create=False), "tags.`arogya.kind` = 'comparison'")
    assert ended.code == 0, ended.err
    assert findings_of(comparison) == [("warning", "AB105", 30)]
    # Before any table, on the first screen.
    page, terminal = in_one_line(render_html(comparison)), in_one_line(ended.out)
    described = NEAR_DUPLICATES.removeprefix("Warning ")  # its weight stands before it
    assert described in page[: page.index("<h3>")]
    assert f"Warning: {described}" in terminal[: terminal.index("Leaderboard")]
    assert described in text_of(render_pdf(comparison))
    assert NEAR_DUPLICATES in run.tags["mlflow.note.content"]
    stored = json.loads((tmp_path / "reports" / "comparison.json").read_text())["about"]["datasets"][0]
    assert stored["gate_findings"][0]["fix"] in NEAR_DUPLICATES


def test_overridden_errors_come_first_and_leakage_before_the_rest(command, words, leaking, tmp_path):
    (leaking / "val00.png").write_bytes((leaking / "test00.png").read_bytes())
    (leaking / "val01.png").write_bytes(b"")
    assert command("run", "model=prior", "gate=warn", *words).code == 0

    comparison = compare("study", tracking_uri=f"sqlite:///{tmp_path}/mlflow.db")

    codes = [(severity, code) for severity, code, _ in findings_of(comparison)]
    assert codes[:3] == [("error", "AB102"), ("error", "AB203"), ("warning", "AB105")]
    assert {severity for severity, _ in codes} <= {"error", "warning"}


def test_findings_for_information_only_stay_out(store, job_of):
    """A dataset that names no patients is stated as a caveat, not as a finding."""
    run_job(job_of(source=Anonymous(cases=200, classes=2, image_size=32)), store, None)

    comparison = compare("study", tracking_uri=store.uri)

    (dataset,) = comparison.about["datasets"]
    assert "AB109" not in {finding["code"] for finding in dataset["gate_findings"]}
    assert dataset["caveats"] == [UNGROUPED_CAVEAT]


@dataclass(frozen=True, kw_only=True)
class Anonymous(Synthetic):
    """Synthetic images without patients."""

    def load(self):
        return replace(super().load(), grouped=False)


def test_a_study_that_could_not_conclude_is_told_afterwards(comparison):
    """The test split of the study has 8 patients."""
    assert "The test split has 8 patients; a verdict needs at least 30." in in_one_line(render_html(comparison))


def test_the_findings_of_a_logged_comparison_are_shown_again(comparison):
    again = Comparison.from_json(comparison.to_json())

    assert findings_of(again) == findings_of(comparison) != []


def test_without_gate_json_the_summary_is_a_caveat(study):
    for run in search_runs(study, "tags.`arogya.kind` = 'evaluation'"):
        (Path(run.artifact_uri) / "gate.json").unlink()

    comparison = compare("study", tracking_uri=study.uri)

    (dataset,) = comparison.about["datasets"]
    (caveat,) = dataset["caveats"]
    assert dataset["gate_findings"] == []
    assert caveat.startswith("Gate: ")
    assert "AB308" in caveat


def test_runs_without_a_gate_have_no_findings(study):
    for run in search_runs(study, "tags.`arogya.kind` = 'evaluation'"):
        study.client.delete_tag(run.run_id, "arogya.gate")

    comparison = compare("study", tracking_uri=study.uri)

    assert findings_of(comparison) == []


@dataclass(frozen=True, kw_only=True)
class Pretrained(Prior):
    """A model that declares which data its weights were fitted on."""

    adapter_name = "test_pretrained"
    adapter_version = 1

    smoothing: float = 1.0
    trained_on: list[str] = field(default_factory=list, metadata={"identity": False})


def test_rows_that_were_trained_on_the_dataset_are_named(store, job_of, source):
    seen = {"gate": "warn", "model": Pretrained(trained_on=[source.load().name])}
    run_job(job_of(), store, None)
    run_job(job_of("hub", **seen), store, None)
    run_job(job_of("hub", **{**seen, "model": replace(seen["model"], smoothing=2.0)}), store, None)

    (block,) = load_evaluations(store, selection=Selection(variants="all"), resamples=2000).blocks
    comparison = compare("study", tracking_uri=store.uri, variants="all")

    assert block.trained_on_test == ("hub (smoothing=1.0)", "hub (smoothing=2.0)")
    (first, *_) = comparison.about["datasets"][0]["gate_findings"]
    assert (first["severity"], first["code"], first["count"]) == ("error", "AB501", 2)
    assert first["detail"] == "hub (smoothing=1.0), hub (smoothing=2.0)"
    assert any("declared as trained on this dataset" in reason for reason in block.not_recommendable.values())


def test_rows_that_were_trained_on_related_data_are_named_but_not_excluded(store, job_of):
    source = Overlapping(cases=60, classes=3, image_size=32)
    run_job(job_of(source=source), store, None)
    run_job(job_of("hub", Pretrained(trained_on=["ISIC 2019"]), source=source), store, None)

    (block,) = load_evaluations(store, resamples=2000).blocks

    assert block.trained_on_test == ()
    assert ("warning", "AB501", "hub") in {
        (finding["severity"], finding["code"], finding["detail"]) for finding in block.gate_findings
    }


@dataclass(frozen=True, kw_only=True)
class Overlapping(Synthetic):
    """Synthetic images that are said to share images with another dataset."""

    def load(self):
        return replace(super().load(), overlaps=("isic2019",))
