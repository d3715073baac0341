"""What the calls of APIs may cost is said before they start, and their time is not measured."""

import re

import pytest
from tiny_api import KEY

PRICE = "+prices.tokens.tiny-1={input_per_million: 0.3, output_per_million: 2.5}"
IMAGES = 5  # of the 60 drawn ones that are tested
EXPECTED, LARGEST = 0.0008, 0.0031  # USD for an image, from the tokens of tiny_api
UNMEASURED = "tiny is not measured: the latency of an API, over the network, is logged with its evaluations."
SHORT = ("rounds=2", "seconds=0.1", "min_requests=11", "batches=[8]", "batch_seconds=0.1", "pyfunc_seconds=0.1",
         "warm_up_seconds=0.1", "idle_seconds=0.01")  # fmt: skip
NOISE = ("augmentation=gaussian_noise", "augmentation.gaussian_noise.severities=[0.1,0.3]")


@pytest.fixture(scope="module")
def tiny_api(tmp_path_factory, tiny):
    """The words for two models that have their key."""
    folder = tmp_path_factory.mktemp("tiny-api")
    (folder / "model").mkdir()
    for name in ("tiny", "local"):
        text = f"_target_: tiny_api.TinyApi\nmodel_id: {'tiny-1' if name == 'tiny' else repr('')}\n"
        (folder / "model" / f"{name}.yaml").write_text(text, encoding="utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(KEY, "tiny-secret-4711")
        yield (*tiny, PRICE, "--config-dir", str(folder))


@pytest.fixture
def plan(command, tiny_api):
    """Plan a sweep of an API."""

    def build(*words):
        return command("run", "-m", "--dry-run", *tiny_api, "model=tiny", *words)

    return build


def calls_of(ended, row="tiny"):
    """Images, expected and largest USD that the command says."""
    asked = rf"^API calls of {re.escape(row)}: (\d+) images?(?: \(one for.*\))?,"
    pattern = rf"{asked} about ([\d.]+) USD and at most ([\d.]+) USD without retries"
    images, expected, largest = re.search(pattern, ended.out + ended.err, re.MULTILINE).groups()
    return int(images), float(expected), float(largest)


def test_the_tokens_of_every_image_are_priced(plan):
    ended = plan(*NOISE)

    images, expected, largest = calls_of(ended)
    assert ended.code == 0
    assert images == 2 * IMAGES
    assert expected == pytest.approx(images * EXPECTED, rel=0.02)
    assert largest == pytest.approx(images * LARGEST, rel=0.02)
    assert "API cost: 0.0080 USD." in ended.out


@pytest.mark.parametrize(
    ("words", "images"),
    [
        pytest.param(("seed=1,2,3",), IMAGES, id="the-same-for-all-seeds"),
        pytest.param(("seed=1,2,3", "+model.examples=true"), 3 * IMAGES, id="other-examples-for-each-seed"),
        pytest.param(("statistics.resamples=2000,3000",), IMAGES, id="the-same-for-other-statistics"),
    ],
)
def test_equal_requests_are_paid_once(plan, words, images):
    ended = plan(*words)

    total = float(re.search(r"^API cost: ([\d.]+) USD\.$", ended.out, re.MULTILINE)[1])
    assert calls_of(ended)[0] == images
    assert calls_of(ended)[1] == total == pytest.approx(images * EXPECTED, rel=0.02)


def test_a_batch_costs_half(plan):
    assert calls_of(plan("+model.batch=true"))[1] == pytest.approx(IMAGES * EXPECTED / 2, rel=0.02)


def test_what_nobody_bills_needs_no_price_and_costs_nothing(plan):
    ended = plan("model=local", "~prices.tokens")

    assert ended.code == 0
    assert f"API calls of local: {IMAGES} images, which nobody bills." in ended.out
    assert "API budget" not in ended.out


@pytest.mark.parametrize(
    ("budget", "told"),
    [
        ("null", "API budget: no limit; budget.usd=USD sets one."),
        ("1", "API budget: 1.00 USD for this experiment, less what earlier commands spent."),
        ("0.01", "spent. The calls may cost more: a request that could pass the budget is not sent."),
    ],
)
def test_the_budget_stands_beside_the_estimate(plan, budget, told):
    lines = plan(f"budget.usd={budget}").out.splitlines()

    assert [line for line in lines if line.endswith(told)]


def test_jobs_of_one_sweep_have_one_budget_for_apis(plan):
    ended = plan("budget.usd=1,2")

    assert ended.code == 2
    assert "several price lists or budgets" in ended.err
    assert "budget.usd" in ended.err


def test_a_sweep_says_what_its_calls_may_cost_before_they_start(command, tiny_api):
    ended = command("run", "-m", *tiny_api, "model=tiny")

    again = command("run", "-m", *tiny_api, "model=tiny")

    lines = ended.err.splitlines()
    told, done = (next(n for n, line in enumerate(lines) if line.startswith(word)) for word in ("API calls", "✓"))
    assert (ended.code, again.code) == (0, 0)
    assert told < done
    assert calls_of(ended)[0] == IMAGES
    assert "API calls" not in again.err


@pytest.mark.slow
def test_a_sweep_that_ended_cost_what_the_api_reported(command, tiny_api):
    """It is half of what was expected: the model needs fewer tokens than that."""
    machine = ("+prices.machines.box={cpus: 1, memory_gb: 1, per_hour: 0.000001}", "prices.machine=box")

    ended = command("run", "-m", *tiny_api, *machine, "model=tiny")

    total = float(re.search(r"^Cost: ([\d.]+) USD \(", ended.err, re.MULTILINE)[1])
    assert total == pytest.approx(IMAGES * EXPECTED / 2, rel=0.05)


@pytest.mark.slow
@pytest.mark.usefixtures("store")
def test_time_is_measured_of_models_that_run_here_and_of_no_api(command, plan, tiny_api):
    planned = plan("model=prior,tiny", "measure=quick")

    alone = command("measure", *tiny_api, "model=tiny", "measure=quick")

    assert UNMEASURED in planned.out.splitlines()
    assert "Measurements: 1 model to measure" in planned.out
    assert alone.code == 2
    assert f"There is nothing to measure: {UNMEASURED}" in alone.err


@pytest.mark.slow
def test_a_sweep_measures_the_other_models(command, tiny_api):
    ended = command("run", "-m", *tiny_api, "model=prior,tiny", "measure=quick")

    assert ended.code == 0
    assert UNMEASURED in ended.err.splitlines()
    assert "1 model measured." in ended.err.splitlines()


@pytest.mark.slow
def test_a_budget_of_the_sweep_counts_calls_that_another_job_may_leave(command, tiny_api):
    """The first job is refused, since its 5 images cost 4 USD; the second one would send the same."""
    dear = "+prices.tokens.tiny-1={input_per_million: 0, output_per_million: 4000, free: true}"
    words = [word for word in tiny_api if word != PRICE]
    machine = ("+prices.machines.box={cpus: 1, memory_gb: 1, per_hour: 1}", "prices.machine=box")

    ended = command("run", "-m", *words, dear, *machine, "model=tiny", "seed=1,2", "sweep.budget=3")

    assert ended.code == 3
    assert ended.err.count("The work was not started") >= 2
    assert "0 cells evaluated, 0 reused, 2 failed." in ended.err


def test_a_blank_image_is_one_request_for_each_condition(plan):
    ended = plan(*NOISE, "+model.control=blank")

    assert "tiny+blank: 2 images (one for each condition, more if the images differ in size), about" in ended.out
    assert calls_of(ended, "tiny+blank")[1] == pytest.approx(2 * EXPECTED, rel=0.02)
    assert "API cost: 0.0016 USD." in ended.out


@pytest.mark.parametrize("seeds", ["1", "1,2"])
def test_shuffled_labels_ask_nothing_beside_the_row_whose_answers_they_are(plan, seeds):
    """Two seeds shuffle the same answers."""
    ended = plan("+model.control=none,shuffled_labels", f"seed={seeds}")

    assert calls_of(ended)[0] == IMAGES
    assert "API calls of tiny+shuffled_labels: none of its own; equal requests are sent once." in ended.out
    assert "API cost: 0.0040 USD." in ended.out


def test_shuffled_labels_alone_ask_what_their_row_would(plan):
    assert calls_of(plan("+model.control=shuffled_labels", "seed=1,2"), "tiny+shuffled_labels")[0] == IMAGES


@pytest.mark.slow
def test_what_finished_rows_asked_is_not_asked_again(command, plan, tiny_api):
    command("run", "-m", *tiny_api, "model=tiny")

    shuffled = plan("+model.control=shuffled_labels")
    other_seed = plan("seed=7,42")
    again = plan("sweep.resume=false")

    assert "API calls of tiny+shuffled_labels: none of its own" in shuffled.out
    assert "API calls of tiny: none of its own" in other_seed.out
    assert calls_of(again)[0] == IMAGES


@pytest.mark.slow
@pytest.mark.usefixtures("store")
def test_measure_says_which_row_it_leaves_out(command, tiny_api):
    """The other one was measured before, so that nothing is left to do."""
    measured = ("measure=quick", *(f"measure.{name}" for name in SHORT))
    command("run", "-m", *tiny_api, "model=prior", *measured)

    ended = command("measure", "-m", *tiny_api, "model=prior,tiny", *measured)

    assert ended.code == 0, ended.err
    assert "0 models to measure; 1 measured before." in ended.err
    assert UNMEASURED in ended.err.splitlines()


@pytest.mark.parametrize("dry", [(), ("--dry-run",)], ids=["run", "dry-run"])
def test_machines_that_count_calls_by_themselves_keep_no_budget(command, tiny_api, dry):
    words = ("hydra/launcher=slurm", "budget.usd=1")

    ended = command("run", "-m", *dry, *tiny_api, "model=tiny", *words)
    local = command("run", "-m", "--dry-run", *tiny_api, "model=prior", *words)

    assert (ended.code, local.code) == (2, 0)
    assert "budget.usd cannot be kept with the launcher slurm" in ended.err
    assert "Fix: use hydra/launcher=basic or pool" in ended.err
