"""Which model answered."""

import pytest

from arogya_bench.api_models.versions import check_model_version, is_release_of
from arogya_bench.errors import ApiError


@pytest.mark.parametrize(
    ("asked", "answered"),
    [
        ("gemini-2.5-flash", "gemini-2.5-flash"),
        ("gemini-2.5-flash", "models/gemini-2.5-flash"),
        ("gemini-2.5-flash", "gemini-2.5-flash-001"),
        ("gemini-2.5-flash", "gemini-2.5-flash-preview-09-2026"),
        ("gpt-4o", "gpt-4o-2024-08-06"),
        ("llava", "llava:latest"),
        ("Qwen/Qwen2.5-VL-7B-Instruct", "Qwen/Qwen2.5-VL-7B-Instruct"),
    ],
)
def test_releases_of_the_model_pass(asked, answered):
    assert is_release_of(asked, answered)
    check_model_version(asked, answered)


@pytest.mark.parametrize(
    ("asked", "answered"),
    [
        ("gemini-2.5-flash", "gemini-3.5-flash-lite"),
        ("gemini-2.5-flash", "gemini-2.5-flash-lite"),
        ("gemini-2.5-flash", "gemini-2.5-flash-lite-001"),
        ("gpt-4o", "gpt-4o-mini-2024-07-18"),
        ("gemini-flash-latest", "gemini-3.8-flash"),
        ("gemini-3.5-flash", "gemini-3.5-flash2"),
    ],
)
def test_siblings_and_successors_are_other_models(asked, answered):
    with pytest.raises(ApiError, match=answered) as caught:
        check_model_version(asked, answered)

    assert "model.allow_substitution=true" in caught.value.fix


def test_a_service_that_names_no_model_passes():
    check_model_version("llava", None)
