from arogya_bench.report.figures import save_figures


def test_every_chart_is_a_png_and_an_svg(comparison, tmp_path):
    save_figures(comparison, tmp_path / "figures")

    names = {path.name for path in (tmp_path / "figures").iterdir()}
    assert names == {
        f"synthetic-60x3-{section}.{kind}"
        for section in ("leaderboard", "pairwise", "robustness", "calibration", "net-benefit")
        for kind in ("png", "svg")
    }
    png = (tmp_path / "figures" / "synthetic-60x3-leaderboard.png").read_bytes()
    assert png.startswith(b"\x89PNG")


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
