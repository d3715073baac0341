"""Weights that saw the images are named, however the datasets are spelled."""

from dataclasses import replace

import pytest

from arogya_bench.gate.contamination import contamination


@pytest.fixture
def dataset(grown):
    return replace(grown.dataset(), name="isic2019", overlaps=("ham10000", "dermamnist"))


@pytest.mark.parametrize("name", ["isic2019", "ISIC 2019", "isic-2019"])
def test_the_set_itself_is_an_error(dataset, name):
    (finding,) = contamination(dataset, {"vit": ["imagenet", name], "cnn": []})

    assert (finding.code, finding.severity, finding.count) == ("AB501", "error", 1)
    assert finding.examples == (f"vit (fitted on {name})",)


def test_a_set_that_shares_images_is_a_warning(dataset):
    (finding,) = contamination(dataset, {"vit": ["HAM10000"]})

    assert finding.severity == "warning"
    assert "share images with isic2019" in finding.detail


def test_the_more_severe_overlap_decides_and_both_are_reported(dataset):
    (finding,) = contamination(dataset, {"vit": ["ham10000"], "cnn": ["isic2019"]})

    assert (finding.severity, finding.examples) == ("error", ("cnn (fitted on isic2019)",))
    assert "vit (fitted on ham10000)" in finding.detail


@pytest.mark.parametrize("trained_on", [{}, {"vit": ["imagenet"]}, {"vit": []}])
def test_other_sets_are_fine(dataset, trained_on):
    assert list(contamination(dataset, trained_on)) == []
