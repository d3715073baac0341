"""The README is short, its map matches the tree, and its links exist."""

import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
# hidden, itself, named in passing
UNMAPPED = {".ci", ".gitignore", ".pre-commit-config.yaml", "README.md", "python_env.yaml"}


def tracked() -> set[str]:
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=False)
    if listed.returncode:
        pytest.skip("not a git checkout")
    return {line.partition("/")[0] for line in listed.stdout.splitlines()}


def test_has_at_most_150_lines():
    assert len(README.splitlines()) <= 150


def test_map_names_every_top_level_entry_and_no_other():
    block = README.partition("## The map")[2].split("```")[1]

    mapped = {line.split()[0].partition("/")[0] for line in block.strip().splitlines()}

    assert mapped == tracked() - UNMAPPED


@pytest.mark.parametrize("target", sorted(set(re.findall(r"\]\(([^)#:]+)\)", README))))
def test_links_lead_somewhere(target):
    assert (ROOT / target).exists()


@pytest.mark.parametrize("page", sorted((ROOT / "docs").glob("*.md")), ids=lambda page: page.name)
def test_links_of_the_docs_lead_somewhere(page):
    targets = re.findall(r"\]\(([^)#:]+)\)", page.read_text(encoding="utf-8"))

    assert [target for target in targets if not (page.parent / target).exists()] == []


@pytest.mark.parametrize(
    "page",
    [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").rglob("*.md"))],
    ids=lambda page: page.name,
)
def test_lines_wrap_at_120(page):
    """Tables cannot be wrapped."""
    lines = page.read_text(encoding="utf-8").splitlines()

    long_lines = [line for line in lines if len(line) > 120 and not line.startswith("|")]

    assert long_lines == []


def test_make_targets_that_are_named_exist():
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")

    named = set(re.findall(r"`?make ([a-z][a-z-]*)", README))

    assert {name for name in named if f"\n{name}:" not in makefile} == set()


@pytest.mark.parametrize("page", sorted((ROOT / "docs").rglob("*.md")), ids=lambda page: page.name)
def test_no_filter_would_be_run_by_a_shell(page):
    """A shell runs what stands between backticks, also within double quotes."""
    spans = re.findall(r"``([^\n]+?)``(?!`)", page.read_text(encoding="utf-8"))

    assert [span for span in spans if span.startswith('"') and "`" in span] == []
