from arogya_bench.report.content import build_report
from arogya_bench.report.figures import save_figures

OF_EACH_MODEL = ("confusion", "roc", "reliability")


def test_every_chart_is_a_png_and_an_svg(comparison, tmp_path):
    save_figures(comparison, tmp_path / "figures")

    (report,) = build_report(comparison).datasets
    groups = [group for chapter in report.chapters for group in chapter.groups]
    drawn = [
        section.name if group.name == "all" else f"{group.name}-{section.name}"
        for group in groups
        for section in group.sections
        if section.chart is not None
    ]
    assert {"leaderboard", "pairwise", "ranks", "robustness", "calibration", "net-benefit"} <= set(drawn)
    assert {f"detail-{place}-{name}" for place in (1, 2) for name in OF_EACH_MODEL} <= set(drawn)
    assert len(drawn) == len(set(drawn))
    names = {path.name for path in (tmp_path / "figures").iterdir()}
    assert names == {f"synthetic-60x3-{section}.{kind}" for section in drawn for kind in ("png", "svg")}
    png = (tmp_path / "figures" / "synthetic-60x3-leaderboard.png").read_bytes()
    assert png.startswith(b"\x89PNG")
    svg = (tmp_path / "figures" / "synthetic-60x3-leaderboard.svg").read_text(encoding="utf-8")
    assert 'aria-label="opencv has the best' in svg


def test_a_slash_in_the_name_of_a_dataset_makes_no_folder(comparison, tmp_path):
    from dataclasses import replace

    (dataset,) = comparison.about["datasets"]
    about = {**comparison.about, "datasets": [{**dataset, "dataset": "a/b"}]}
    tables = {
        name: getattr(comparison, name).assign(dataset="a/b")
        for name in ("verdict", "leaderboard", "pairwise", "robustness")
    }
    save_figures(replace(comparison, about=about, **tables), tmp_path)

    assert (tmp_path / "a_b-leaderboard.svg").is_file()
