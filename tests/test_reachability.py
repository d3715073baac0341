"""Every module is used by a command, a page, a worker, a config or a documented function."""

import ast
import re
from functools import cache
from pathlib import Path
from textwrap import dedent

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "src" / "arogya_bench"
ENTRY_PACKAGES = ("cli", "report", "testing")  # `testing` is run by authors of adapters
ENTRY_MODULES = {"arogya_bench.api", "arogya_bench.sweeps.job", "arogya_bench.sweeps.worker"}
# Modules that nothing calls yet, and the issue that is to call them. The list may only shrink.
NOT_YET_CALLED = {
    "arogya_bench.metrics.segmentation": "N: segmentation",
    "arogya_bench.metrics.segmentation_cases": "N: segmentation",
    "arogya_bench.metrics.segmentation_lesions": "N: lesions",
    "arogya_bench.metrics.segmentation_surfaces": "N: segmentation",
}
PATH = re.compile(r"arogya_bench(?:\.\w+)+")


def module_name(file):
    return ".".join(file.relative_to(PACKAGE.parent).with_suffix("").parts)


FILES = {module_name(file): file for file in PACKAGE.rglob("*.py") if file.stem != "__init__"}


@cache
def exported_names(package):
    """Names that the ``__init__`` of a package imports, and where they are defined."""
    init = PACKAGE.parent / Path(*package.split(".")) / "__init__.py"
    tree = ast.parse(init.read_text(encoding="utf-8")) if init.exists() else ast.Module([])
    return {
        alias.asname or alias.name: node.module
        for node in tree.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }


def resolve(path, files=FILES):
    """The module that a dotted path names, or that defines the name at its end."""
    package, _, name = path.rpartition(".")
    if path in files or not package:
        return path
    return exported_names(package).get(name) or resolve(package, files)


def is_type_checking(node):
    return isinstance(node, ast.If) and ast.unparse(node.test).rpartition(".")[2] == "TYPE_CHECKING"


def is_text_alone(node):
    """A docstring, or another string that nothing reads."""
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)


def running_nodes(node):
    """The nodes of a tree that do something when it runs."""
    yield node
    for child in ast.iter_child_nodes(node):
        if is_type_checking(child):
            yield from (found for branch in child.orelse for found in running_nodes(branch))
        elif not is_text_alone(child):
            yield from running_nodes(child)


def imported_modules(file, files=FILES):
    """Modules that a file imports when it runs, or names in a string to import them later."""
    for node in running_nodes(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module:
            paths = [f"{node.module}.{alias.name}" for alias in node.names]
        elif isinstance(node, ast.Import):
            paths = [alias.name for alias in node.names]
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            paths = PATH.findall(node.value)
        else:
            continue
        yield from (resolve(path, files) for path in paths)


def reachable(entries, files=FILES):
    reached, pending = set(), set(entries) & set(files)
    while pending:
        module = pending.pop()
        reached.add(module)
        pending |= (set(imported_modules(files[module], files)) & set(files)) - reached
    return reached


def command_modules():
    packages = {m for m in FILES if m.split(".")[1] in ENTRY_PACKAGES}
    started = [ROOT / "pyproject.toml", ROOT / "Makefile", *(ROOT / "conf").rglob("*.yaml")]
    named = {resolve(path) for file in started for path in PATH.findall(file.read_text(encoding="utf-8"))}
    return packages | ENTRY_MODULES | named


def documented_modules():
    """Modules of the functions in section 9 of the design page, and of the reference cases."""
    design = (ROOT / "docs" / "design.md").read_text(encoding="utf-8")
    section = design.partition("\n## 9. ")[2].partition("\n## ")[0]
    exported = exported_names("arogya_bench.statistics")
    names = set(re.findall(r"\w+", section)) & set(exported)
    paths = re.findall(r"`((?:metrics|statistics)\.[\w.]+)", section)
    oracles = [module for file in ROOT.glob("tests/*/test_*oracles.py") for module in imported_modules(file)]
    by_path = [resolve(f"arogya_bench.{path}") for path in paths]
    return {exported[name] for name in names} | {*by_path, *oracles}


def test_only_listed_modules_are_not_called():
    entries = command_modules() | (documented_modules() - set(NOT_YET_CALLED))

    uncalled = set(FILES) - reachable(entries)

    assert sorted(uncalled - set(NOT_YET_CALLED)) == []


def test_listed_modules_are_still_not_called():
    called = reachable(command_modules())

    assert [module for module in NOT_YET_CALLED if module not in FILES] == []
    assert [module for module in NOT_YET_CALLED if module in called] == []


def test_only_code_that_runs_makes_a_module_reachable(tmp_path):
    sources = {
        "entry": """
            \"\"\"Unlike arogya_bench.mentioned.\"\"\"
            from typing import TYPE_CHECKING
            import arogya_bench.imported
            if TYPE_CHECKING:
                import arogya_bench.annotated
            else:
                import arogya_bench.substitute
            def later():
                \"\"\"As arogya_bench.mentioned does.\"\"\"
                return "arogya_bench.named"
        """,
        "imported": "from arogya_bench.chained import name",
        **dict.fromkeys(("annotated", "chained", "mentioned", "named", "orphan", "substitute"), ""),
    }
    files = {f"arogya_bench.{name}": tmp_path / f"{name}.py" for name in sources}
    for name, text in sources.items():
        files[f"arogya_bench.{name}"].write_text(dedent(text), encoding="utf-8")

    unreached = set(files) - reachable({"arogya_bench.entry"}, files)

    assert unreached == {"arogya_bench.annotated", "arogya_bench.mentioned", "arogya_bench.orphan"}
