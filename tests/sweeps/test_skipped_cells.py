"""Rows that lack a key, a consent or a service, while the others go on."""

import json
from pathlib import Path

import pytest
from tiny_api import KEY

from arogya_bench import compare
from arogya_bench.errors import is_installed
from arogya_bench.tracking.runs import search_runs
from arogya_bench.tracking.store import open_store

SECRET = "tiny-secret-4711"
PRICE = "+prices.tokens.tiny-1={input_per_million: 0.3, output_per_million: 2.5}"
NOISE = ("augmentation=gaussian_noise", "augmentation.gaussian_noise.severities=[0.1,0.3]")
NO_KEY = "There is no [key] of tiny-1."
LIBRARIES = ("torch", "tensorflow", "ultralytics", "google.genai", "httpx2")  # of the seven models
DENIED = "synthetic-60x3 does not allow its images to be sent."


@pytest.fixture(scope="module")
def tiny_api(tmp_path_factory, tiny):
    """The words for a model that needs a key."""
    folder = tmp_path_factory.mktemp("tiny-api")
    (folder / "model").mkdir()
    (folder / "model" / "tiny.yaml").write_text("_target_: tiny_api.TinyApi\n", encoding="utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv(KEY, raising=False)
        patch.setenv("PYTHONPATH", str(Path(__file__).parents[1]))  # of the processes of the jobs
        yield (*tiny, PRICE, "--config-dir", str(folder))


def runs_in(folder, kind):
    store = open_store(f"sqlite:///{folder}/mlflow.db", "study", create=False)
    return [run for run in search_runs(store, "") if run.tags.get("arogya.kind") == kind]


def skipped_in(folder):
    """What the newest sweep says of the cells that it skipped."""
    newest = runs_in(folder, "sweep")[-1]
    file = Path(newest.artifact_uri) / "skipped.json"
    cells = json.loads(file.read_text(encoding="utf-8")) if file.exists() else []
    assert newest.tags.get("arogya.skipped", "0") == str(len(cells))
    return cells


def missing_in(folder):
    """What a comparison says of missing cells."""
    table = compare("study", tracking_uri=f"sqlite:///{folder}/mlflow.db").missing
    return table.to_dict("records")


@pytest.fixture(scope="module")
def skipping(command_in, tiny_api, tmp_path_factory):
    """A finished sweep of two rows, one of which has no key; for reading only."""
    folder = tmp_path_factory.mktemp("skipping")
    return folder, command_in(folder, "run", "-m", *tiny_api, *NOISE, "model=prior,tiny", "seed=1,2")


def test_a_row_without_a_key_does_not_stop_the_others(skipping):
    folder, ended = skipping

    found = {(run.tags["arogya.model"], run.status) for run in runs_in(folder, "evaluation")}
    (sweep,) = runs_in(folder, "sweep")

    assert ended.code == 0
    assert found == {("prior", "FINISHED")}
    assert sweep.status == "FINISHED"
    assert sweep.tags["arogya.model"] == "prior, tiny"


def test_a_sweep_says_before_and_after_it_what_it_skips_and_what_to_do(skipping):
    _, ended = skipping

    lines = ended.err.splitlines()
    said = [
        number for number, line in enumerate(lines) if line == f"skipped tiny on synthetic-60x3 (4 cells): {NO_KEY}"
    ]

    assert "2 jobs, 2 fits: 4 cells to evaluate, 0 already in MLflow, 4 skipped." in lines
    assert "4 cells evaluated, 0 reused, 0 failed, 4 skipped." in lines
    assert len(said) == 2
    assert {lines[number + 1] for number in said} == {f"  Fix: set the variable {KEY}."}
    assert said[0] < next(number for number, line in enumerate(lines) if line.startswith("✓")) < said[1]


def test_the_run_of_the_sweep_lists_each_cell_with_what_it_lacks(skipping):
    folder, _ = skipping

    cells = skipped_in(folder)
    run = runs_in(folder, "evaluation")[0]

    assert {(cell["condition"], cell["seed"]) for cell in cells} == {
        (f"gaussian_noise_{severity}", seed) for severity in (0.1, 0.3) for seed in "12"
    }
    assert len({cell["cell_key"] for cell in cells}) == 4
    assert {cell["model"] for cell in cells} == {"tiny"}
    for name in ("dataset", "dataset_digest", "split_digest"):
        assert {cell[name] for cell in cells} == {run.tags[f"arogya.{name}"]}
    assert {(cell["requirement"], cell["fix"]) for cell in cells} == {(NO_KEY, f"set the variable {KEY}.")}


def test_a_comparison_lists_skipped_cells_as_missing(skipping):
    folder, _ = skipping

    rows = missing_in(folder)

    assert {(row["condition"], row["seed"]) for row in rows} == {
        (f"gaussian_noise_{severity}", seed) for severity in (0.1, 0.3) for seed in "12"
    }
    assert {(row["dataset"], row["model"], row["status"], row["cause"]) for row in rows} == {
        ("synthetic-60x3", "tiny", "SKIPPED", "RequirementMissing")
    }
    assert {row["message"] for row in rows} == {f"{NO_KEY} Fix: set the variable {KEY}."}


def test_a_dry_run_says_what_would_be_skipped_and_writes_nothing(command, tiny_api):
    ended = command("run", "-m", "--dry-run", *tiny_api, "model=prior,tiny", "seed=1,2,3")

    assert (ended.code, ended.left) == (0, [])
    assert f"skipped tiny on synthetic-60x3 (3 cells): {NO_KEY}\n  Fix: set the variable {KEY}." in ended.out
    assert "3 cells pending; nothing was run." in ended.out
    assert "API calls" not in ended.out


@pytest.mark.slow
def test_with_a_key_the_same_command_evaluates_what_was_skipped(command, tiny_api, tmp_path, monkeypatch):
    words = ("run", "-m", *tiny_api, "model=prior,tiny")
    without = command(*words)
    before = missing_in(tmp_path)
    monkeypatch.setenv(KEY, SECRET)

    ended = command(*words)

    assert (without.code, ended.code) == (0, 0)
    assert "1 cell evaluated, 1 reused, 0 failed." in ended.err
    assert [row["status"] for row in before] == ["SKIPPED"]
    assert missing_in(tmp_path) == []
    assert skipped_in(tmp_path) == []
    assert {run.status for run in runs_in(tmp_path, "evaluation")} == {"FINISHED"}


@pytest.mark.slow
def test_a_finished_cell_needs_no_key(command, tiny_api, monkeypatch):
    monkeypatch.setenv(KEY, SECRET)
    command("run", *tiny_api, "model=tiny")
    monkeypatch.delenv(KEY)

    again = command("run", "-m", *tiny_api, "model=tiny", "seed=42,43")

    assert again.code == 0
    assert "1 job, 1 fit: 0 cells to evaluate, 1 already in MLflow, 1 skipped." in again.err


def test_a_sweep_of_skipped_rows_alone_is_no_failure(command, tiny_api, tmp_path):
    ended = command("run", *tiny_api, "model=tiny", "dataset.external_api=denied")

    compared = command("compare", "study")

    assert ended.code == 0
    assert "0 cells evaluated, 0 reused, 0 failed, 1 skipped." in ended.err
    assert ended.err.count(f"skipped tiny on synthetic-60x3 (1 cell): {DENIED}") == 1
    assert [cell["requirement"] for cell in skipped_in(tmp_path)] == [DENIED]
    assert runs_in(tmp_path, "fit") == []
    assert compared.code == 2
    assert "(0 evaluations in total; 1 cell was skipped: synthetic-60x3 does not allow its images" in compared.err
    assert "Fix: set dataset.external_api=allowed." in compared.err


@pytest.mark.slow
def test_without_consent_nothing_is_sent_though_there_is_a_key(command, tiny_api, tmp_path, monkeypatch):
    monkeypatch.setenv(KEY, SECRET)

    ended = command("run", "-m", *tiny_api, "model=tiny", "dataset.external_api=denied,allowed")

    assert ended.code == 0  # the cell has no other key with consent, so that one of the jobs evaluates it
    assert "1 cell evaluated, 0 reused, 0 failed." in ended.err
    assert skipped_in(tmp_path) == []


@pytest.mark.parametrize("dry", [(), ("--dry-run",)], ids=["run", "dry-run"])
@pytest.mark.parametrize(
    ("words", "problem"),
    [
        pytest.param((PRICE, "sweep.missing=stop"), NO_KEY, id="stop"),
        pytest.param((PRICE, "+model.wrong=true"), "Two keys differ.", id="wrong-setting"),
        pytest.param((PRICE, "+model.model_id=tiny-2"), "has no price of 'tiny-2'", id="unknown-price"),
        pytest.param(("~prices",), "since there is no price list", id="no-price-list"),
    ],
)
def test_what_refuses_a_sweep_with_an_api(command, tiny_api, words, problem, dry):
    unpriced = [word for word in tiny_api if word != PRICE]

    ended = command("run", "-m", *dry, *unpriced, "model=tiny", *words)

    assert (ended.code, ended.left) == (2, [])
    assert problem in ended.out + ended.err
    assert "Fix: " in ended.out + ended.err


@pytest.mark.slow
def test_a_requirement_that_is_lost_during_a_job_is_a_failure(command, tiny_api, tmp_path, monkeypatch):
    monkeypatch.setenv(KEY, SECRET)

    ended = command("run", "-m", *tiny_api, "model=tiny", "+model.loses_key=true")

    (cell,) = runs_in(tmp_path, "evaluation")
    assert ended.code == 3
    assert (cell.status, cell.tags["arogya.error"]) == ("FAILED", "RequirementMissing")
    assert skipped_in(tmp_path) == []


@pytest.mark.slow
def test_a_key_reaches_no_run_no_file_and_no_message(command, tiny_api, tmp_path, monkeypatch):
    """An adapter that is careless enough to put the key into what it says cannot spread it."""
    monkeypatch.setenv("OLD_API_KEY", SECRET)

    ended = command("run", "-m", *tiny_api, "model=prior,tiny")
    compared = command("compare", "study")

    left = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert ended.code == 0
    assert "There is no [key] ***of tiny-1." in ended.err
    assert [cell["requirement"] for cell in skipped_in(tmp_path)] == ["There is no [key] ***of tiny-1."]
    assert [path for path in left if SECRET.encode() in path.read_bytes()] == []
    assert SECRET not in ended.err + ended.out + compared.err + compared.out


@pytest.mark.slow
def test_jobs_in_processes_of_their_own_have_the_key_and_tell_it_nobody(command, tiny_api, tmp_path, monkeypatch):
    monkeypatch.setenv(KEY, SECRET)

    ended = command("run", "-m", *tiny_api, "hydra/launcher=pool", "model=prior,tiny", "seed=1,2")

    left = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert ended.code == 0
    assert "4 cells evaluated, 0 reused, 0 failed." in ended.err
    assert [path for path in left if SECRET.encode() in path.read_bytes()] == []
    assert SECRET not in ended.err + ended.out


@pytest.mark.skipif(not all(map(is_installed, LIBRARIES)), reason="a missing extra refuses the sweep, key or not")
def test_the_study_of_seven_models_is_runnable_without_a_key(command, monkeypatch):
    for name in ("GEMINI_API_KEY", "GOOGLE_API_KEY"):
        monkeypatch.delenv(name, raising=False)
    small = ("dataset.cases=120", "dataset.classes=3", "dataset.image_size=32", "gate=warn")

    ended = command("run", "--dry-run", "experiment=seven_models", *small)

    assert ended.code == 0, ended.err
    assert "skipped gemini on synthetic-120x3 (14 cells): There is no API key" in ended.out
    assert "98 cells pending; nothing was run." in ended.out
