from typing import NamedTuple

import pytest

from arogya_bench.configuration.price_files import load_price_list
from arogya_bench.errors import PriceError
from arogya_bench.prices.machines import choose_machine, shortage
from arogya_bench.prices.price_list import Machine, PriceList


class Card(NamedTuple):
    name: str


class Equipment(NamedTuple):
    cores: int = 2
    memory_gb: float = 8.0
    gpus: tuple[Card, ...] = ()


@pytest.fixture(scope="module")
def default():
    return load_price_list("default")


@pytest.mark.parametrize(
    ("equipment", "machine"),
    [
        (Equipment(2, 4.0), "c7i.large"),
        (Equipment(2, 8.2), "m7i.large"),
        (Equipment(2, 25.0), "m7i.2xlarge"),
        (Equipment(3, 8.0), "c7i.xlarge"),
        (Equipment(16, 64.0), "m7i.4xlarge"),
        (Equipment(4, 16.4, (Card("Tesla T4"),)), "g4dn.xlarge"),
        (Equipment(4, 16.0, (Card("NVIDIA A10G"),)), "g5.xlarge"),
        (Equipment(4, 16.0, (Card("NVIDIA L4"),)), "g6.xlarge"),
        (Equipment(16, 128.0, (Card("NVIDIA H100 80GB HBM3"),)), "p5.4xlarge"),
        (Equipment(16, 128.0, (Card("NVIDIA H100 80GB HBM3"),) * 2), "p5.48xlarge"),
        (Equipment(16, 128.0, (Card("NVIDIA H200"),)), "p5en.48xlarge"),
    ],
)
def test_the_cheapest_machine_with_the_equipment_is_chosen(default, equipment, machine):
    assert choose_machine(default, equipment) == machine


@pytest.mark.parametrize(
    "equipment",
    [Equipment(1_000, 8.0), Equipment(2, 9_000.0), Equipment(4, 16.0, (Card("NVIDIA L40S"),)), Equipment(17, 64.0)],
)
def test_without_such_a_machine_the_price_is_unknown(equipment):
    prices = PriceList(
        name="ward",
        source="invoice",
        valid_from="2026-05-01",
        machines={"box": Machine(cpus=16, memory_gb=64, per_hour=1, gpu="L4")},
    )

    with pytest.raises(PriceError, match="has no machine with") as refused:
        choose_machine(prices, equipment)

    assert "prices.machines.mine" in refused.value.fix


def test_a_machine_that_the_list_names_is_taken_whatever_it_has():
    prices = PriceList(
        name="ward",
        source="invoice",
        valid_from="2026-05-01",
        machine="box",
        machines={"box": Machine(cpus=1, memory_gb=1, per_hour=1), "big": Machine(cpus=64, memory_gb=512, per_hour=9)},
    )

    assert choose_machine(prices, Equipment(64, 500.0)) == "box"


@pytest.mark.parametrize(
    ("equipment", "words"),
    [
        (Equipment(16, 65.0, (Card("NVIDIA L4"),)), ""),
        (Equipment(17, 64.0), "has 16 of the 17 processors that were used"),
        (Equipment(17, 128.0), "has 16 of the 17 processors that were used; has 64 GB, and 128.0 GB are needed"),
        (Equipment(gpus=(Card("NVIDIA L40S"),)), "has the GPU L4, and NVIDIA L40S was used"),
        (Equipment(gpus=(Card("NVIDIA L4"),) * 2), "has 1 of the 2 GPUs that were used"),
    ],
)
def test_what_a_machine_lacks_is_said_in_words(equipment, words):
    assert shortage(Machine(cpus=16, memory_gb=64, per_hour=1, gpu="L4"), equipment) == words
