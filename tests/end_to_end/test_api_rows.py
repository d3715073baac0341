"""Gemini beside local models, through the command line, with the real SDK and a server on loopback."""

import sqlite3
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from gemini_server import GeminiServer
from PIL import Image

import arogya_bench
from arogya_bench.tracking.runs import search_runs
from arogya_bench.tracking.store import open_store

pytest.importorskip("google.genai")

KEY = "AIzaSy-Key-That-Must-Appear-Nowhere-0123456789"
EVALUATIONS = "tags.`arogya.kind` = 'evaluation' and attributes.status = 'FINISHED'"
CLASSES = ("benign", "malignant", "other")
INPUT_USD, OUTPUT_USD = 0.30e-6, 2.50e-6  # per token: gemini-3.5-flash-lite in conf/prices/default.yaml
CASES = {"train": 30, "val": 15, "test": 100}
MIN_LENGTH_OF_A_LEAK = 12  # characters of the key


@pytest.fixture
def clinic(tmp_path):
    """A folder of images with an official split; the mean brightness tells the class."""
    rng, folder = np.random.default_rng(1), tmp_path / "clinic"
    for split, count in CASES.items():
        for i in range(count):
            label = CLASSES[i % 3]
            pixels = np.clip(rng.normal(60 + 60 * (i % 3), 25, (32, 32, 3)), 0, 255).astype(np.uint8)
            file = folder / split / label / f"{split}-{i:03}.png"
            file.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(pixels).save(file)
    return folder


@pytest.fixture
def server():
    with GeminiServer(latency_s=0.002) as running:
        yield running


@pytest.fixture
def run(command, clinic, server, tmp_path, monkeypatch):
    """Run models on the folder; ``gemini`` is asked at the server."""
    monkeypatch.setenv("AROGYA_API_LEDGER", str(tmp_path / "ledger" / "api.sqlite"))
    monkeypatch.setenv("GEMINI_API_KEY", KEY)
    model = tmp_path / "conf" / "model" / "gemini.yaml"
    model.parent.mkdir(parents=True)
    packaged = (Path(arogya_bench.__file__).parents[2] / "conf" / "model" / "gemini.yaml").read_text(encoding="utf-8")
    text = packaged.replace('base_url: ""', f"base_url: {server.url}")
    text = text.replace("per_minute: null", "per_minute: 9000000")
    model.with_name("gemini_here.yaml").write_text(text, encoding="utf-8")
    settings = (
        *("dataset=image_folder", f"dataset.path={clinic}", "dataset.licence=ours", "dataset.external_api=allowed"),
        *("split.method=official", "training=quick", "image_size=32", "statistics.resamples=2000", "gate=warn"),
        *("tracking.experiment=study", "--config-dir", str(tmp_path / "conf")),
    )
    return lambda models, *more: command("run", "-m", f"model={models}", *settings, *more)


@pytest.fixture
def evaluations(tmp_path):
    """The finished evaluations, oldest first."""
    return lambda: search_runs(open_store(f"sqlite:///{tmp_path}/mlflow.db", "study", create=False), EVALUATIONS)


def statuses(run):
    return pd.read_parquet(Path(run.artifact_uri) / "predictions.parquet")["answer_status"].value_counts().to_dict()


def test_cases_without_an_answer_count_and_nothing_is_asked_twice(run, evaluations, server, clinic):
    """Of 100 cases 20 are blocked and 5 cut: 100 rows, coverage .75, accuracy over 100."""
    kinds = iter(["blocked"] * 20 + ["truncated"] * 5 + ["ok"] * 75)
    chosen = {}
    server.behave = lambda seen: chosen.get(seen.image) or chosen.setdefault(seen.image, next(kinds, "ok"))

    assert run("gemini_here").code == 0

    (first,) = evaluations()
    table = pd.read_parquet(Path(first.artifact_uri) / "predictions.parquet")
    assert len(table) == 100
    assert statuses(first) == {"ok": 75, "blocked": 20, "truncated": 5}
    assert first.metrics["api_coverage"] == 0.75
    assert first.metrics["accuracy"] == pytest.approx((table["predicted"] == table["target"]).mean())
    assert (table["predicted"] == table["target"]).sum() <= 75
    tokens = server.tokens
    expected = tokens.input * INPUT_USD + (tokens.output + (tokens.thinking or 0)) * OUTPUT_USD
    assert first.metrics["api_cost_usd"] == pytest.approx(expected, abs=1e-9)
    assert first.metrics["api_spent_usd"] == pytest.approx(expected, abs=1e-9)

    sent = len(server.requests)
    assert run("gemini_here", "seed=7").code == 0
    assert len(server.requests) == sent
    second = evaluations()[-1]
    assert second.metrics["api_requests_sent"] == 0
    assert second.metrics["api_cost_usd"] == pytest.approx(expected, abs=1e-9)
    assert second.metrics["api_spent_usd"] == 0
    assert "api_latency_p50_ms" not in second.metrics

    file = sorted((clinic / "test" / "other").iterdir())[-1]
    pixels = np.array(Image.open(file))
    pixels[0, 0, 0] ^= 1
    Image.fromarray(pixels).save(file)
    assert run("gemini_here").code == 0
    assert len(server.requests) == sent + 1


@pytest.mark.slow
def test_local_models_and_gemini_are_compared_and_the_key_is_nowhere(run, command, evaluations, server, tmp_path):
    server.behave = lambda seen: "blocked" if int(seen.image_digest, 16) % 10 == 0 else "ok"

    ended = run("prior,opencv,gemini_here", "augmentation=[clean,gaussian_blur]", "budget.usd=2")
    compared = command("compare", "study", "--out", "reports")

    assert (ended.code, compared.code) == (0, 0), ended.err + compared.err
    comparison = arogya_bench.compare("study", tracking_uri=f"sqlite:///{tmp_path}/mlflow.db")
    (row,) = comparison.api.to_dict("records")
    assert row["model"] == "gemini_here"
    assert row["model_version"] == "gemini-3.5-flash-lite"
    leaderboard = comparison.leaderboard.set_index("model")
    assert set(leaderboard.index) == {"prior", "opencv", "gemini_here"}
    assert "blocked" in leaderboard["note"]["gemini_here"]
    assert leaderboard["latency_p50_ms"].isna()["gemini_here"]
    assert leaderboard["cost_per_1k_images_usd"]["gemini_here"] > 0
    assert "gemini-3.5-flash-lite" in comparison.verdict["notes"][0]
    noisy = comparison.robustness[comparison.robustness["model"] == "gemini_here"]
    assert len(noisy) == len({run.tags["arogya.condition"] for run in evaluations()}) - 1
    assert "Models behind APIs" in (tmp_path / "reports" / "report.html").read_text(encoding="utf-8")
    assert all(seen.has_key for seen in server.requests)
    everything = [ended.out, ended.err, compared.out, compared.err, *map(str, all_texts(tmp_path))]
    for start in range(len(KEY) - MIN_LENGTH_OF_A_LEAK + 1):
        part = KEY[start : start + MIN_LENGTH_OF_A_LEAK]
        assert not any(part in text for text in everything), part


def all_texts(folder):
    """Every file below a folder as text; databases with their journals are files too."""
    with sqlite3.connect(folder / "ledger" / "api.sqlite") as ledger:
        assert ledger.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
    return [path.read_bytes().decode("latin-1") for path in folder.rglob("*") if path.is_file()]
