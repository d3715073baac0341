import pytest
from omegaconf import OmegaConf

from arogya_bench.configuration.compose import RunRequest, compose_jobs
from arogya_bench.configuration.price_files import load_price_list
from arogya_bench.configuration.prices import build_price_list
from arogya_bench.errors import ConfigError, PriceError
from arogya_bench.prices.price_list import ApiPrice, Machine, TokenPrice

MINE = {
    "name": "our ward",
    "source": "invoice of May",
    "valid_from": "2026-05-01",
    "machines": {"box": {"cpus": 2, "memory_gb": 8, "per_hour": 0.5}},
}


def written(tmp_path, text):
    path = tmp_path / "mine.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def test_the_default_list_is_valid_and_says_where_its_prices_are_from():
    found = load_price_list("default")

    assert found.machines["m7i.xlarge"] == Machine(cpus=4, memory_gb=17.2, per_hour=0.2016)
    assert found.machines["p5en.48xlarge"].gpus == 8
    assert "2026-09-24" in found.source
    assert found.utilisation == 0.5
    assert found.grid_source.startswith("Ember")


def test_sizes_of_a_family_cost_twice_as_much_for_twice_the_processors():
    """As AWS bills; a mistyped price would stand out."""
    machines = load_price_list("default").machines

    for family in ("c7i", "m7i"):
        rates = {m.per_hour / m.cpus for name, m in machines.items() if name.startswith(f"{family}.")}
        assert max(rates) == pytest.approx(min(rates))


@pytest.mark.parametrize("head", ["", "prices:\n"])
def test_a_file_of_a_user_is_a_list(tmp_path, head):
    text = OmegaConf.to_yaml(OmegaConf.create({"prices": MINE} if head else MINE))

    found = load_price_list(written(tmp_path, text))

    assert found.machines == {"box": Machine(cpus=2, memory_gb=8.0, per_hour=0.5)}
    assert (found.currency, found.usd, found.valid_to) == ("USD", 1.0, None)


def test_dates_need_no_quotes(tmp_path):
    path = written(tmp_path, "name: ours\nsource: us\nvalid_from: 2026-05-01\n")

    assert load_price_list(path).valid_from == "2026-05-01"


def test_jobs_share_their_price_list():
    """A sweep of hundreds of jobs checks it once."""
    one, other = compose_jobs(RunRequest(overrides=("model=prior", "seed=1,2"), multirun=True))

    assert one.prices is other.prices


def test_prices_of_apis_and_tokens_are_entered_by_hand():
    found = build_price_list(
        {
            **MINE,
            "api": {"gemini": {"per_1k_images": 0.83}},
            "tokens": {"gemini-x": {"input_per_million": 0.3, "output_per_million": 2.5}},
        }
    )

    assert found.api == {"gemini": ApiPrice(per_1k_images=0.83)}
    assert found.tokens == {"gemini-x": [TokenPrice(input_per_million=0.3, output_per_million=2.5)]}


@pytest.mark.parametrize(
    ("change", "problem", "fix"),
    [
        ({"machines": {"box": {"cpus": 2, "memory_gb": 8}}}, "prices.machines.box.per_hour has no value", "add"),
        ({"machines": {"box": {"cpu": 2}}}, "no field 'cpu'. Did you mean 'cpus'?", "choose one of"),
        ({"machines": {"box": {"cpus": "two", "memory_gb": 8, "per_hour": 1}}}, "prices.machines.box.cpus", "int"),
        ({"machines": {"box": 3}}, "prices.machines.box is 3", "set its fields"),
        ({"machines": 3}, "prices.machines is 3", "name each price"),
        ({"utilization": 0.5}, "Did you mean 'utilisation'?", "choose one of"),
        ({"machine": "bax"}, "no machine 'bax'. Did you mean 'box'?", "choose one of: box"),
    ],
)
def test_a_list_with_a_wrong_field_is_refused(change, problem, fix):
    with pytest.raises((ConfigError, PriceError)) as refused:
        build_price_list({**MINE, **change})

    assert problem in refused.value.problem
    assert fix in refused.value.fix


def test_a_list_without_a_source_is_refused():
    with pytest.raises(PriceError, match="no source") as refused:
        build_price_list({key: value for key, value in MINE.items() if key != "source"})

    assert "prices.source" in refused.value.fix


@pytest.mark.parametrize("text", ["", "just words", "a: [", "- 1\n- 2\n"])
def test_a_file_that_is_no_list_is_refused(tmp_path, text):
    with pytest.raises((ConfigError, PriceError)):
        load_price_list(written(tmp_path, text))


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(ConfigError, match=r"There is no price list .*other\.yaml"):
        load_price_list(tmp_path / "other.yaml")


def test_an_unknown_option_is_named_with_the_known_ones():
    with pytest.raises(ConfigError, match=r"There is no prices 'defalt'\. Did you mean 'default'\?"):
        load_price_list("defalt")
