import json

import pytest

from arogya_bench import compare, load_predictions

ANNOTATIONS = {
    "images": [
        {"id": 7, "file_name": "a.png", "width": 100, "height": 80, "patient": "p1"},
        {"id": 8, "file_name": "sub/b.png", "width": 100, "height": 80, "patient": "p2"},
        {"id": 9, "file_name": "c.png", "width": 100, "height": 80, "patient": "p2"},
    ],
    "categories": [{"id": 5, "name": "platelet"}, {"id": 2, "name": "cell"}],
    "annotations": [
        {"id": 1, "image_id": 7, "category_id": 5, "bbox": [10, 10, 20, 20]},
        {"id": 2, "image_id": 8, "category_id": 2, "bbox": [30, 30, 20, 20]},
    ],
}
FOUND = [
    {"image_id": 7, "category_id": 5, "bbox": [10, 10, 20, 20], "score": 0.9},
    {"image_id": 8, "category_id": 2, "bbox": [30, 30, 20, 20], "score": 0.8},
    {"image_id": 9, "category_id": 2, "bbox": [1, 1, 5, 5], "score": 0.3},
]


@pytest.fixture
def results(tmp_path, imported):
    """Write COCO results and import them."""

    def build(found, *words):
        (tmp_path / "truth.json").write_text(json.dumps(ANNOTATIONS))
        (tmp_path / "results.json").write_text(json.dumps(found))
        return imported("results.json", "--annotations", "truth.json", "--dataset", "cells", *words)

    return build


def test_boxes_become_an_evaluation(store, runs, results):
    ended = results(FOUND, "--model", "yolo")

    (run,) = runs()
    table = load_predictions(run.run_id, tracking_uri=store.uri)
    assert ended.code == 0, ended.err
    assert "use the score threshold 0.5" in ended.err
    assert run.tags["arogya.task"] == "detection"
    assert run.tags["arogya.grouped"] == "true"
    assert run.metrics["mAP50"] == 1
    assert run.metrics["score_threshold"] == 0.5
    assert run.metrics["precision"] == 1
    assert list(dict.fromkeys(table["case_id"])) == ["a", "c", "sub/b"]
    assert compare("study", tracking_uri=store.uri).leaderboard["mAP50_95"].tolist() == [1.0]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"image_id": 70}, "Entry 1 of results.json has the image 70"),
        ({"category_id": 4}, "has the category 4; truth.json has 2, 5"),
        ({"score": 1.2}, "has the score 1.2"),
        ({"bbox": [30, 30, -5, 5]}, "has the width -5"),
        ({"bbox": [30, 30]}, "has the bbox [30, 30]"),
    ],
)
def test_a_bad_entry_is_named(runs, results, change, message):
    ended = results([{**FOUND[0], **change}], "--model", "yolo")

    assert ended.code == 2
    assert message in ended.err
    assert runs() == []


def test_results_need_their_annotations(tmp_path, imported):
    (tmp_path / "results.json").write_text("[]")

    ended = imported("results.json", "--model", "yolo", "--dataset", "cells")

    assert ended.code == 2
    assert "--annotations FILE" in ended.err
