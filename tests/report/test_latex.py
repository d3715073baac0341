import shutil
import subprocess

import pytest

from arogya_bench.report.columns import number, text
from arogya_bench.report.latex import MAX_ROWS, escape_latex, format_latex, save_latex
from arogya_bench.report.section import Section

HOSTILE = (
    '\\input{/etc/passwd} $x$ a_b 50% #1 & {y} ~^ <z> |q| "r" `s` it\'s a--b--- \u2212\u2013\u2265\u00a0\u2192 [t] *u*'
)


def section_of(rows, **fields):
    given = {"name": "s", "title": "Title_1", "note": "Note: 5 %.", "columns": (text("model"), number("n"))}
    return Section(**{**given, **fields}, records=rows)


def compile_latex(folder, files):
    """Compile files as parts of a paper; what LaTeX calls an error."""
    inputs = "\n".join(f"\\input{{{file}}}" for file in files)
    paper = f"\\documentclass{{article}}\\usepackage{{booktabs,longtable}}\\begin{{document}}{inputs}\\end{{document}}"
    (folder / "paper.tex").write_text(paper)
    command = ["pdflatex", "-interaction=nonstopmode", "-no-shell-escape", "paper.tex"]
    ended = subprocess.run(command, cwd=folder, capture_output=True, check=False)
    return [line for line in ended.stdout.decode(errors="replace").splitlines() if line.startswith("!")]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("f1_macro & 50%", r"f1\_macro \& 50\%"),
        (r"\input{x}", r"\textbackslash{}input\{x\}"),
        ("$x^2$ ~ #1", r"\$x\textasciicircum{}2\$ \textasciitilde{} \#1"),
        ("\u22120.1 \u2265 0\u2013 1\u00a0%", r"$-$0.1 $\geq$ 0-- 1~\%"),
        ("a--b---c", "a-{}-b-{}-{}-c"),
    ],
)
def test_markup_in_a_text_is_shown_letter_by_letter(name, expected):
    assert escape_latex(name) == expected


def test_a_table_has_rules_caption_label_and_note():
    lines = format_latex(section_of([{"model": "a_b", "n": 0.5}]), label="leaderboard").splitlines()

    assert lines == [
        r"% \usepackage{booktabs,longtable}", r"\begin{table}", r"\centering\small",
        r"\caption{Title\_1}\label{tab:leaderboard}", r"\begin{tabular}{lr}", r"\toprule", r"model & n \\",
        r"\midrule", r"a\_b & 0.500 \\", r"\bottomrule", r"\end{tabular}", r"\par\footnotesize\raggedright",
        r"Note: 5 \%.\par", r"\end{table}",
    ]  # fmt: skip


def test_a_long_table_goes_on_over_pages_with_its_header():
    lines = format_latex(section_of([{"model": "a", "n": 1}] * (MAX_ROWS + 1)), label="x").splitlines()

    assert lines[1] == r"\begin{longtable}{lr}"
    assert lines.count(r"a & 1.000 \\") == MAX_ROWS + 1
    assert lines.index(r"\endhead") < lines.index(r"a & 1.000 \\")


@pytest.mark.parametrize("start", ["[1, 2]", "*"])
def test_a_cell_is_no_argument_of_the_row_above(start):
    assert f"{{}}{start} & 1.000" in format_latex(section_of([{"model": start, "n": 1}]), label="x")


def test_every_table_of_the_report_is_a_file(comparison, tmp_path):
    save_latex(comparison, tmp_path)

    assert "synthetic-60x3-leaderboard.tex" in {path.name for path in tmp_path.iterdir()}


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="pdflatex is not installed")
def test_latex_takes_every_file(comparison, tmp_path):
    save_latex(comparison, tmp_path)
    hostile = section_of([{"model": HOSTILE, "n": 1}] * 50, title=HOSTILE, note=HOSTILE)
    (tmp_path / "hostile.tex").write_text(format_latex(hostile, label="hostile"))
    files = [path.name for path in tmp_path.glob("*.tex")]

    assert compile_latex(tmp_path, files) == []


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="pdflatex is not installed")
def test_latex_would_refuse_an_unescaped_name(tmp_path):
    (tmp_path / "plain.tex").write_text("a_b")

    assert compile_latex(tmp_path, ["plain.tex"])
