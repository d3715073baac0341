"""Whoever asks for a dataset that cannot be downloaded learns where it is and what to accept."""

from pathlib import Path

import pytest
import yaml

from arogya_bench.datasets.download_help import WIDTH, download_instructions, format_downloadable
from arogya_bench.datasets.medmnist_files import PUBLISHED, UNSUPPORTED

LESIONS = {
    "_target_": "arogya_bench.datasets.synthetic_rendering.Lesions",
    "path": "???",
    "obtain": "Accept the terms at https://example.org/lesions, and unpack both archives.\n",
    "licence": "CC BY-NC 4.0",
    "citation": "Somebody et al. A set of lesions. 2018.",
    "source": "https://example.org/lesions",
}
CONFIGS = sorted((Path(__file__).parents[2] / "conf" / "dataset").glob("*.yaml"))


def test_everything_that_is_known_is_said():
    said = download_instructions(LESIONS)

    assert said.splitlines() == [
        "Accept the terms at https://example.org/lesions, and unpack both archives.",
        "where:   https://example.org/lesions",
        "licence: CC BY-NC 4.0",
        "cite:    Somebody et al. A set of lesions. 2018.",
        "then:    dataset.path=/path/to/it",
    ]


def test_a_generator_needs_nothing():
    said = download_instructions({"_target_": "Generator", "cases": 5000})

    assert said.startswith("No download needed: the dataset is generated on first use")
    assert "dataset.path" not in said


def test_a_set_whose_address_alone_is_known_is_to_be_had_there():
    said = download_instructions({**LESIONS, "obtain": None})

    assert said.startswith("Not downloaded automatically: get it from the URL below")
    assert "where:   https://example.org/lesions" in said


def test_a_format_reads_what_the_user_has():
    said = download_instructions({"_target_": "Folder", "path": "???", "licence": "???", "source": None})

    assert said.startswith("Reads your own data")
    assert "licence: not stated; set dataset.licence=..." in said
    assert "where:" not in said


def test_long_lines_are_broken_but_never_within_an_address():
    address = "https://example.org/" + "long-" * 30
    config = {**LESIONS, "obtain": "First do this. " * 20 + address, "citation": "Name, " * 40}

    lines = download_instructions(config).splitlines()

    assert address in lines
    assert all(len(line) <= WIDTH for line in lines if line != address)


def test_paragraphs_stay_apart():
    said = download_instructions({**LESIONS, "obtain": "First.\n\nThen.\n"})

    assert said.splitlines()[:2] == ["First.", "Then."]


def test_other_fields_of_a_config_do_not_matter():
    assert download_instructions({**LESIONS, "group": "lesion_id"}) == download_instructions(LESIONS)


@pytest.mark.parametrize("file", CONFIGS, ids=lambda file: file.stem)
def test_every_config_says_how_to_get_its_data(file):
    config = yaml.safe_load(file.read_text())

    said = download_instructions(config)

    assert "???" not in said
    assert ("dataset.path=" in said) == ("path" in config)


def test_every_set_that_can_be_fetched_is_listed_with_its_licence():
    lines = format_downloadable().splitlines()

    assert all(f"  {name:<16}{each.licence}" in lines for name, each in PUBLISHED.items())
    assert all(f"  {name:<16}{reason}" in lines for name, reason in UNSUPPORTED.items())
