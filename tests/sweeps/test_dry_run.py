import shutil
import sqlite3
from contextlib import closing

import pytest

from arogya_bench.runtime.hardware import Hardware
from arogya_bench.sweeps import sweep_prices

CELL_S, FIT_S = 60, 600
IMAGES = 5  # of the 60 drawn ones that are tested
CALIBRATIONS = "calibration=none,temperature"
TEN = ("+prices.machines.box={cpus: 1, memory_gb: 1, per_hour: 10}", "prices.machine=box")
SIXTY = ("+prices.machines.box={cpus: 1, memory_gb: 1, per_hour: 60}", "prices.machine=box")
TOO_LARGE = Hardware(cpu="AMD EPYC", cores=1000, memory_gb=64.0)
PAID = "+prices.api.paid.per_1k_images=250"
MODELS = """
import os
from dataclasses import dataclass

from arogya_bench.errors import MissingExtra, ModelError, check_extra
from arogya_bench.models.prior import Prior


@dataclass(frozen=True, kw_only=True)
class Paid(Prior):
    adapter_name = "test_paid"
    adapter_version = 1
    paid = True


@dataclass(frozen=True, kw_only=True)
class Lacking(Prior):
    adapter_name = "test_lacking"
    adapter_version = 1

    def check(self, *, device):
        raise MissingExtra("No 'scanner' [v2] here.", fix="pip install 'arogya-bench[scanner]'")


@dataclass(frozen=True, kw_only=True)
class Bare(Prior):
    adapter_name = "test_bare"
    adapter_version = 1

    def check(self, *, device):
        check_extra("torch", "no_torch")


@dataclass(frozen=True, kw_only=True)
class Licensed(Prior):
    adapter_name = "test_licensed"
    adapter_version = 1

    def check(self, *, device):
        if "CLINIC_LICENCE" not in os.environ:
            raise ModelError("There is no licence.", fix="set CLINIC_LICENCE.")
"""


@pytest.fixture(scope="module")
def priced(tmp_path_factory):
    """A ``--config-dir`` of models that cost money, lack a library, or ask for a licence."""
    folder = tmp_path_factory.mktemp("priced")
    (folder / "priced_models.py").write_text(MODELS, encoding="utf-8")
    (folder / "model").mkdir()
    for name in ("Paid", "Lacking", "Bare", "Licensed"):
        text = f"_target_: priced_models.{name}\n"
        (folder / "model" / f"{name.lower()}.yaml").write_text(text, encoding="utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(folder)
        yield ("--config-dir", str(folder))


def set_times(folder):
    """Let every finished cell have taken a minute, and every fit ten."""
    with closing(sqlite3.connect(folder / "mlflow.db")) as database:
        kinds = "SELECT run_uuid FROM tags WHERE key = 'arogya.kind' AND value = ?"
        database.execute(
            f"UPDATE runs SET end_time = start_time + ? WHERE run_uuid IN ({kinds})", (CELL_S * 1000, "evaluation")
        )
        for table in ("metrics", "latest_metrics"):
            database.execute(f"UPDATE {table} SET value = ? WHERE key = 'fit_seconds'", (FIT_S,))
        database.commit()


@pytest.fixture(scope="module")
def ran(command_in, tiny, tmp_path_factory):
    """A store of two fits and four cells of known times; planning leaves it as it is."""
    folder = tmp_path_factory.mktemp("ran")
    ended = command_in(folder, "run", "-m", *tiny, "seed=1,2", CALIBRATIONS)
    assert ended.code == 0, ended.err
    set_times(folder)
    return folder


@pytest.fixture(scope="module")
def plan(command_in, ran, tiny):
    """Plan a sweep in the folder where one ran."""

    def build(*words):
        return command_in(ran, "run", "-m", "--dry-run", *tiny, *words)

    return build


def row_of(ended, model):
    """What the table says of a model, by its heads."""
    heads = ("cells", "finished", "pending", "fits", "time", "disk", "API cost")
    rows = [line.split("│")[1:-1] for line in ended.out.splitlines() if "│" in line]
    (found,) = [row for row in rows if row[0].strip() == model]
    return dict(zip(heads, (cell.strip() for cell in found[2:]), strict=True))


def line_of(ended, head):
    (found,) = [line for line in ended.out.splitlines() if line.startswith(f"{head}: ")]
    return found.removeprefix(f"{head}: ")


def files_of(folder):
    """The content of all files but the one in which SQLite notes who reads just now."""
    files = (path for path in folder.rglob("*") if path.is_file() and path.suffix != ".db-shm")
    return {path: path.read_bytes() for path in files}


def megabytes_of(folder):
    return sum(len(content) for content in files_of(folder).values()) / 2**20


def test_before_anything_ran_everything_is_to_make(command, tiny):
    ended = command("run", "-m", "--dry-run", *tiny, "model=prior,opencv", "seed=1,2,3")

    row = row_of(ended, "opencv")
    assert ended.code == 0
    assert (row["cells"], row["finished"], row["pending"], row["fits"]) == ("3", "0", "3", "3")
    assert "6 cells pending; nothing was run." in ended.out


def test_what_no_run_tells_is_unknown_and_not_0(command, tiny):
    ended = command("run", "-m", "--dry-run", *tiny, "model=prior,opencv", *TEN)

    unknown = "unknown (no previous runs of prior, opencv)"
    row = row_of(ended, "prior")
    assert (row["time"], row["disk"], row["API cost"]) == ("unknown", "unknown", "0.00 USD")
    assert line_of(ended, "Time") == f"{unknown}."
    assert line_of(ended, "Disk") == f"{unknown}."
    assert line_of(ended, "API cost") == "0.00 USD."
    assert line_of(ended, "Machine cost") == f"{unknown}."


def test_planning_in_an_empty_folder_writes_nothing(command, tiny):
    ended = command("run", "--dry-run", *tiny)

    assert (ended.code, ended.left) == (0, [])


def test_planning_leaves_a_store_as_it_is(plan, ran):
    before = files_of(ran)

    ended = plan("seed=1,2,3")

    assert ended.left == []
    assert files_of(ran) == before


def test_a_study_that_is_finished_costs_nothing(plan):
    ended = plan("seed=1,2", *TEN)

    assert ended.code == 0
    assert row_of(ended, "prior") == {
        "cells": "2",
        "finished": "2",
        "pending": "0",
        "fits": "0",
        "time": "0 s",
        "disk": "0.0 MB",
        "API cost": "0.00 USD",
    }
    assert line_of(ended, "Time") == "about 0 s."
    assert line_of(ended, "Machine cost") == "about 0.00 USD."


def test_added_seeds_take_what_the_earlier_ones_took(plan):
    ended = plan("seed=1,2,3,4")

    row = row_of(ended, "prior")
    assert (row["cells"], row["finished"], row["pending"], row["fits"]) == ("4", "2", "2", "2")
    assert row["time"] == "22 min"  # two fits of ten minutes, two cells of one
    assert line_of(ended, "Time") == "about 22 min."


def test_added_seeds_fill_as_much_of_the_disk_as_the_earlier_ones(plan, ran):
    ended = plan("seed=1,2,3,4", CALIBRATIONS)

    found = float(row_of(ended, "prior")["disk"].removesuffix(" MB")) + float(
        row_of(ended, "prior+temperature")["disk"].removesuffix(" MB")
    )
    assert found == pytest.approx(megabytes_of(ran / "mlruns"), rel=0.1)
    assert line_of(ended, "Disk").startswith("about ")


def test_rows_that_share_a_fit_pay_for_it_once(plan):
    ended = plan("seed=1,2,3", CALIBRATIONS)

    plain, calibrated = row_of(ended, "prior"), row_of(ended, "prior+temperature")
    assert (plain["fits"], calibrated["fits"]) == ("1", "0")
    assert (plain["time"], calibrated["time"]) == ("11 min", "60 s")
    assert line_of(ended, "Time") == "about 12 min."


def test_rows_that_share_a_fit_need_it_once_before_anything_ran(command, tiny):
    ended = command("run", "-m", "--dry-run", *tiny, CALIBRATIONS)

    fits = [row_of(ended, name)["fits"] for name in ("prior", "prior+temperature")]
    assert fits == ["1", "0"]


def test_jobs_that_are_one_cell_are_counted_once(plan):
    ended = plan("seed=3", "image_size=32,64")

    row = row_of(ended, "prior")
    assert (row["cells"], row["pending"], row["fits"], row["time"]) == ("1", "1", "1", "11 min")


def test_cells_that_are_made_anew_find_their_fits(plan):
    ended = plan("seed=1,2", "sweep.resume=false")

    row = row_of(ended, "prior")
    assert (row["finished"], row["pending"], row["fits"], row["time"]) == ("0", "2", "0", "2 min")


def test_conditions_are_cells_of_one_fit(plan):
    severities = "augmentation.gaussian_noise.severities=[0.1,0.3]"

    ended = plan("seed=3", "augmentation=gaussian_noise", severities)

    row = row_of(ended, "prior")
    assert (row["cells"], row["fits"], row["time"]) == ("2", "1", "12 min")


def test_each_size_of_a_dataset_takes_its_own_time(command_in, ran, tiny):
    """A larger set of the same name has more images to test; the fits of neither are known."""
    words = [word for word in tiny if not word.startswith("dataset.cases=")]

    ended = command_in(ran, "run", "-m", "--dry-run", *words, "dataset.cases=60,120", "seed=1")

    times = [line.split("│")[7].strip() for line in ended.out.splitlines() if "│ prior" in line]
    assert times == ["0 s", "unknown"]
    assert line_of(ended, "Time") == "unknown (no previous runs of prior)."


def test_what_is_not_known_is_left_out_of_the_sum_and_named(plan):
    ended = plan("model=prior,opencv", "seed=3")

    assert row_of(ended, "opencv")["time"] == "unknown"
    assert line_of(ended, "Time") == "about 11 min, without opencv (no previous runs)."
    assert line_of(ended, "Disk").endswith(" MB, without opencv (no previous runs).")


def test_long_times_are_hours(plan):
    ended = plan("seed=range(1,23)")

    assert line_of(ended, "Time") == "about 3.7 h."  # 20 times 11 minutes


def test_a_run_of_which_no_images_are_counted_tells_no_time(command, logged, tiny):
    logged("prior")

    ended = command("run", "--dry-run", *tiny)

    assert ended.code == 0
    assert line_of(ended, "Time") == "unknown (no previous runs of prior)."


def test_files_that_are_not_on_this_machine_tell_no_size(command, tiny, tmp_path):
    command("run", *tiny)
    set_times(tmp_path)
    shutil.rmtree(tmp_path / "mlruns")

    ended = command("run", "-m", "--dry-run", *tiny, "seed=42,43")

    assert line_of(ended, "Time") == "about 11 min."
    assert line_of(ended, "Disk") == "unknown (no previous runs of prior)."


@pytest.mark.parametrize(
    ("words", "time"),
    [
        pytest.param(("seed=3,4", CALIBRATIONS), "12 min with 2 workers", id="as-many"),
        pytest.param(("seed=3", CALIBRATIONS), "11 min with 2 workers", id="a-long-job"),
        pytest.param(("seed=3",), "11 min", id="one-job"),
        pytest.param(("seed=1,2,3",), "11 min", id="one-job-that-owes"),
        pytest.param(("seed=1",), "0 s", id="nothing-to-do"),
        pytest.param(("seed=3,4", "sweep.exclusive=true"), "22 min", id="one-at-a-time"),
    ],
)
def test_only_workers_that_have_a_job_save_time(plan, monkeypatch, words, time):
    monkeypatch.setenv("AROGYA_WORKERS", "2")

    ended = plan("hydra/launcher=pool", *words)

    assert line_of(ended, "Time") == f"about {time}."


def test_more_workers_than_jobs_are_no_faster(plan, monkeypatch):
    monkeypatch.setenv("AROGYA_WORKERS", "8")

    ended = plan("hydra/launcher=pool", "seed=3,4")

    assert line_of(ended, "Time") == "about 11 min with 2 workers."


def test_a_machine_is_paid_by_the_hour(plan):
    ended = plan("seed=3", *SIXTY)

    assert line_of(ended, "Machine cost") == "about 11.00 USD."


def test_a_machine_costs_the_same_for_any_number_of_workers(plan, monkeypatch):
    monkeypatch.setenv("AROGYA_WORKERS", "2")

    ended = plan("hydra/launcher=pool", "seed=3,4", *SIXTY)

    assert line_of(ended, "Time") == "about 11 min with 2 workers."
    assert line_of(ended, "Machine cost") == "about 11.00 USD."


def test_costs_say_on_which_prices_they_rest(plan):
    ended = plan("seed=3", *SIXTY)

    assert line_of(ended, "Prices").startswith("box at 60 USD an hour; AWS EC2 on demand")
    assert "2026-09-24" in line_of(ended, "Prices")


def test_prices_in_another_currency_are_converted(plan):
    ended = plan("seed=3", *SIXTY, "prices.currency=EUR", "prices.usd_per_unit=1.5")

    assert line_of(ended, "Machine cost") == "about 16.50 USD."
    assert line_of(ended, "Prices").startswith("box at 60 EUR an hour; ")


def test_a_machine_without_a_price_is_unknown_and_not_0(plan, monkeypatch):
    monkeypatch.setattr(sweep_prices, "read_hardware", lambda: TOO_LARGE)

    ended = plan("seed=3")

    assert line_of(ended, "Machine cost").startswith("unknown (The price list")
    assert "with 1000 processors, 64 GB and no GPU" in line_of(ended, "Machine cost")
    assert "prices.machines.mine" in line_of(ended, "Machine cost")


def test_a_config_without_prices_says_so(plan):
    ended = plan("seed=3", "~prices")

    assert line_of(ended, "Machine cost") == "unknown (there is no price list: add prices=default)."


def test_a_list_that_expired_says_so(plan):
    ended = plan("seed=3", "prices.valid_to='2026-10-01'")

    assert "WARNING: these prices expired on 2026-10-01" in line_of(ended, "Prices")


@pytest.mark.parametrize(
    ("word", "problem"),
    [
        ("prices.machine=m7i.xlarg", "no machine 'm7i.xlarg'. Did you mean 'm7i.xlarge'?"),
        ("+prices.machines.box={cpus: 1, memory_gb: 1, per_hour: 0}", "prices.machines.box.per_hour is 0."),
        ("prices.source=''", "prices.source is empty."),
        ("prices.utilisation=1.5", "prices.utilisation=1.5 is no share"),
        ("prices=defalt", "There is no prices 'defalt'. Did you mean 'default'?"),
        ("sweep.budget=0", "sweep.budget=0 is not above 0."),
    ],
)
def test_wrong_prices_are_refused_before_any_work(plan, word, problem):
    ended = plan("seed=3", word)

    assert (ended.code, ended.left) == (2, [])
    assert problem in ended.err
    assert "Fix: " in ended.err


def test_jobs_of_one_sweep_have_one_budget(plan):
    ended = plan("seed=3", "sweep.budget=1,2")

    assert ended.code == 2
    assert "several price lists or budgets" in ended.err


def test_a_model_that_is_paid_by_the_image_costs_its_test_images(command, priced, tiny):
    ended = command("run", "-m", "--dry-run", *tiny, "model=paid,prior", "seed=1,2", PAID, *priced)

    assert row_of(ended, "paid")["API cost"] == f"{2 * IMAGES * 0.25:.2f} USD"
    assert row_of(ended, "prior")["API cost"] == "0.00 USD"
    assert line_of(ended, "API cost") == "2.50 USD."


def test_a_paid_model_without_a_price_is_unknown_and_not_0(command, priced, tiny):
    ended = command("run", "-m", "--dry-run", *tiny, "model=paid,prior", *priced)

    assert row_of(ended, "paid")["API cost"] == "unknown"
    assert line_of(ended, "API cost") == "0.00 USD, without paid (no price in prices.api)."


def test_calls_that_were_paid_are_not_paid_again(command, priced, tiny):
    command("run", *tiny, "model=paid", "seed=1", PAID, *priced)

    ended = command("run", "-m", "--dry-run", *tiny, "model=paid", "seed=1,2", PAID, *priced)

    assert line_of(ended, "API cost") == "1.25 USD."


def test_what_cannot_run_is_said_with_its_remedy_and_the_rest_is_planned(command, priced, tiny):
    ended = command("run", "-m", "--dry-run", *tiny, "model=lacking,prior", *priced)

    assert (ended.code, ended.left) == (2, [])
    assert "cannot run lacking · seed 42: No 'scanner' [v2] here." in ended.out
    assert "  Fix: pip install 'arogya-bench[scanner]'" in ended.out
    assert row_of(ended, "prior")["pending"] == "1"
    assert "1 cell pending; nothing was run." in ended.out


def test_all_libraries_that_are_missing_are_said_at_once(command, priced, tiny):
    ended = command("run", "-m", *tiny, "model=lacking,bare,prior", *priced)

    assert (ended.code, ended.left) == (2, [])
    assert "The Python package 'no_torch' is not installed. No 'scanner' [v2] here." in ended.err
    assert "[torch]'; pip install 'arogya-bench[scanner]'" in ended.err


def test_jobs_that_cannot_run_for_the_same_reason_say_it_once(command, priced, tiny):
    ended = command("run", "-m", "--dry-run", *tiny, "model=lacking", "seed=1,2", *priced)

    assert ended.code == 2
    assert ended.out.count("cannot run") == 1
    assert "cannot run lacking · seed 1, lacking · seed 2: " in ended.out
    assert "0 cells pending; nothing was run." in ended.out


def test_data_that_are_not_there_are_a_reason(command, tiny):
    words = [word for word in tiny if not word.startswith("dataset")]
    folder = ("dataset=image_folder", "dataset.path=missing", "dataset.licence=CC0-1.0")

    ended = command("run", "--dry-run", *words, *folder)

    assert (ended.code, ended.left) == (2, [])
    assert "cannot run prior · seed 42: " in ended.out
    assert "Fix: " in ended.out


def test_a_model_that_has_nothing_left_to_do_need_not_be_able_to(command, priced, tiny, monkeypatch):
    """As in a run: a finished study is found again on a machine without its libraries."""
    words = ("run", "-m", *tiny, "model=licensed", *priced)
    with monkeypatch.context() as patch:
        patch.setenv("CLINIC_LICENCE", "granted")
        command(*words, "seed=1")

    finished = command(*words, "--dry-run", "seed=1")
    larger = command(*words, "--dry-run", "seed=1,2")

    assert (finished.code, larger.code) == (0, 2)
    assert row_of(finished, "licensed")["finished"] == "1"
    assert row_of(larger, "licensed")["cells"] == "1"
    assert "cannot run licensed · seed 2: There is no licence." in larger.out


def test_configs_that_do_not_compose_are_no_plan(command):
    ended = command("run", "--dry-run", "model=opncv")

    assert (ended.code, ended.left) == (2, [])
    assert "Did you mean 'opencv'?" in ended.err
    assert "Planned sweep" not in ended.out


def test_a_study_that_cannot_conclude_is_told_beforehand(command):
    """The demo as it was: 600 images, 5 classes, a tenth for the test split."""
    demo = ("experiment=demo", "dataset.cases=600", "dataset.classes=5", "split.train=0.8", "split.validation=0.1")

    ended = command("run", "-m", "--dry-run", *demo, "split.test=0.1", "model=prior")

    assert ended.code == 0, ended.err
    assert "The test split has 25 patients; a verdict needs at least 30." in ended.out
    assert "give the test split a larger share" in ended.out
    assert "Warning AB302: Class with few cases in a split" in ended.out
    assert "in test: elm (2)" in ended.out


def test_a_study_with_enough_patients_is_told_nothing_of_it(command):
    large = ("dataset=synthetic", "dataset.cases=600", "dataset.classes=2", "dataset.image_size=32")

    ended = command("run", "--dry-run", *large, "split.train=0.4", "split.validation=0.2", "split.test=0.4")

    assert ended.code == 0, ended.err
    assert "AB308" not in ended.out
