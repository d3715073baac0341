"""Plain ``mlflow ui`` in a real browser: the links of a sweep open on tables a person can read."""

import os
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from urllib.error import URLError
from urllib.request import urlopen

import pytest

from arogya_bench.cli.compare import log_comparison
from arogya_bench.figures.run_figures import MLFLOW_NAMES
from arogya_bench.tracking import saved_views
from arogya_bench.tracking.experiment_note import NOTE, report_path, update_note
from arogya_bench.tracking.items import Text
from arogya_bench.tracking.runs import finish_run, search_runs, start_run, tag_experiment, write_items

CHROMIUM = shutil.which("chromium")
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
PATIENCE_S = 120

pytestmark = [
    pytest.mark.slow,
    pytest.mark.xdist_group("mlflow_ui"),  # one server for all tests
    pytest.mark.skipif(CHROMIUM is None, reason="needs chromium (apt-get install chromium)"),
]


@pytest.fixture(scope="module")
def address(study_folder, tmp_path_factory):
    """A real server on a copy of the finished sweep."""
    from arogya_bench.tracking.store import open_store

    folder = tmp_path_factory.mktemp("ui")
    with (
        closing(sqlite3.connect(study_folder / "mlflow.db")) as before,
        closing(sqlite3.connect(folder / "mlflow.db")) as after,
    ):
        before.backup(after)
    store = open_store(f"sqlite:///{folder}/mlflow.db", "study", create=False)
    tag_experiment(store, saved_views.view_tags(1_700_000_000_000))
    port = free_port()
    server = start(folder, port)
    try:
        wait(f"http://127.0.0.1:{port}/health", server)
        yield f"http://127.0.0.1:{port}", store
    finally:
        os.killpg(server.pid, signal.SIGTERM)
        server.wait(timeout=30)


@pytest.fixture
def page():
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        page = browser.new_page(viewport={"width": 1900, "height": 1000})
        page.set_default_timeout(PATIENCE_S * 1000)
        yield page
        browser.close()


def free_port():
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def start(folder, port):
    """The process leads a group of its own, so that its workers end with it."""
    command = [sys.executable, "-m", "mlflow", "ui", "--port", str(port), "-w", "1"]
    quiet = {"MLFLOW_DISABLE_TELEMETRY": "true", "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}
    with (folder / "log").open("w") as log:
        return subprocess.Popen(
            command, cwd=folder, env=os.environ | quiet, stdout=log, stderr=log, start_new_session=True
        )


def wait(url, server):
    for _ in range(PATIENCE_S):
        assert server.poll() is None, "the server ended"
        try:
            with urlopen(url, timeout=5) as answer:
                if answer.status == 200:
                    return
        except (URLError, ConnectionError, TimeoutError):
            time.sleep(1)
    pytest.fail(f"no answer from {url}")


def shown(page, name):
    """What the page says once a run of this name is in its list."""
    page.get_by_text(name).first.wait_for()
    return page.locator("body").inner_text()


def test_leaderboard_link_opens_on_the_models_with_their_intervals(address, page):
    server, store = address

    page.goto(saved_views.view_url(store.ui_path, saved_views.LEADERBOARD, server=server))

    text = shown(page, "prior · clean")
    assert "2 matching runs" in " ".join(text.split())
    assert "f1_macro.ci_low" in text
    assert text.index("opencv · clean") < text.index("prior · clean")


def test_the_description_keeps_what_users_wrote_and_opens_the_report(address, page):
    server, store = address
    tag_experiment(store, {NOTE: "Study 12, **ethics vote** 7/26."})
    run_id = start_run(store, "comparison", {"arogya.kind": "comparison", "arogya.verdict": "opencv is ahead."})
    write_items(store, run_id, [Text(file="report.html", text="<h1>Model comparison: study</h1>")])
    finish_run(store, run_id)
    update_note(store)

    page.goto(f"{server}{store.ui_path}")
    page.get_by_text("ethics vote").first.wait_for()
    link = page.get_by_role("link", name="report", exact=True).first.get_attribute("href")
    page.goto(f"{server}/{link}")

    page.frame_locator("iframe").get_by_text("Model comparison: study").wait_for()
    assert "Playground" not in page.locator("body").inner_text()  # the menu of language models


@pytest.fixture
def shown_report(address, page, comparison):
    """The page of a comparison in the frame in which MLflow shows it."""
    server, store = address
    run_id = log_comparison(comparison, store, parent=None)
    page.goto(f"{server}{report_path(store, run_id)}")
    frame = page.frame_locator("iframe")
    frame.get_by_role("heading", level=1).wait_for()
    return frame


def test_the_report_of_a_comparison_works_in_the_frame_of_mlflow(shown_report, comparison):
    errors = shown_report.get_by_role("heading", name="Errors", exact=True)
    place = "heading => heading.getBoundingClientRect().top / innerHeight"
    assert errors.evaluate(place) > 1

    shown_report.get_by_role("navigation").get_by_role("link", name="Errors", exact=True).click()

    assert 0 <= errors.evaluate(place) < 1
    names = shown_report.get_by_role("rowheader")
    before = names.first.inner_text()
    assert before in set(comparison.leaderboard["model"])
    shown_report.get_by_role("button", name="model").first.click()  # sorts: the script may run
    shown_report.get_by_role("button", name="model").first.click()
    assert names.first.inner_text() == max(comparison.leaderboard["model"])


def test_a_number_of_the_report_leads_to_its_run(shown_report, page):
    number = shown_report.locator("td a.run").first
    row = shown_report.locator(f"tr{number.get_attribute('href')}")

    number.click()

    assert row.is_visible()
    run = row.locator("a.run").first
    run.click()  # the frame allows no window
    assert row.get_by_role("status").inner_text().startswith("Address copied.")
    with page.context.expect_page() as opened:
        run.click(modifiers=["Control"])
    text = shown(opened.value, "opencv · clean")
    assert "f1_macro" in text
    assert "/#/experiments/1/runs/" in opened.value.url
    assert "Playground" not in text  # the menu of language models


def test_robustness_link_opens_on_every_condition(address, page):
    server, store = address

    page.goto(saved_views.view_url(store.ui_path, saved_views.ROBUSTNESS, server=server))

    text = shown(page, "prior · clean")
    assert "6 matching runs" in " ".join(text.split())
    assert "gaussian_noise_0.3" in text


def test_predictions_of_a_run_open_as_a_table(address, page):
    server, store = address
    (run,) = search_runs(store, "tags.`arogya.model` = 'opencv' and tags.`arogya.condition` = 'clean'")

    page.goto(f"{server}/#/experiments/{store.experiment_id}/runs/{run.run_id}/artifacts/predictions.json")

    page.get_by_text("View as table").wait_for()
    page.get_by_text("truth_got").first.wait_for()


@pytest.mark.parametrize("file", ["figures/confusion_matrix.svg", *MLFLOW_NAMES.values()])
def test_the_figures_of_a_run_are_previewed(address, page, file):
    server, store = address
    (run,) = search_runs(store, "tags.`arogya.model` = 'opencv' and tags.`arogya.condition` = 'clean'")

    page.goto(f"{server}/#/experiments/{store.experiment_id}/runs/{run.run_id}/artifacts/{file}")

    image = page.locator("img[src]").last
    image.wait_for()
    assert image.evaluate("image => image.naturalWidth") > 100


def test_a_promoted_version_says_why_it_was_promoted(address, page, command_in, tmp_path):
    server, store = address
    words = ("--model", "opencv", "--force", "the only one that the clinic may host")
    ended = command_in(tmp_path, "promote", "study", "--tracking-uri", store.uri, *words)
    assert ended.code == 0, ended.err

    page.goto(f"{server}/#/models/study/versions/1")

    text = shown(page, "Registered against the verdict")
    assert "the only one that the clinic may host" in text
    assert "champion" in text
    assert "arogya.comparison_run_id" in text
