"""Tables that ``mlflow.models.evaluate`` logged."""

import logging
import warnings

import numpy as np
import pandas as pd
import pytest

EXAMPLES = 30


@pytest.fixture
def evaluated(store):
    """Let MLflow evaluate a tiny scikit-learn model, or a static table; return the id of the run."""
    import mlflow
    from sklearn.linear_model import LogisticRegression

    def is_right(predictions, targets):
        return mlflow.metrics.MetricValue(scores=[float(a == b) for a, b in zip(predictions, targets, strict=True)])

    def build(*, static=False, per_row=True):
        rng = np.random.default_rng(0)
        features = pd.DataFrame(rng.normal(size=(EXAMPLES, 2)), columns=["width", "depth"])
        label = (features["width"] + rng.normal(size=EXAMPLES) > 0).astype(int)
        model = LogisticRegression().fit(features, label)
        extra = [mlflow.metrics.make_metric(eval_fn=is_right, greater_is_better=True)] if per_row else None
        options = {"targets": "label", "model_type": "classifier", "evaluators": "default", "extra_metrics": extra}
        mlflow.set_tracking_uri(store.uri)
        logging.getLogger("mlflow").setLevel(logging.ERROR)
        with mlflow.start_run(experiment_id=store.experiment_id, run_name="logistic") as run, warnings.catch_warnings():
            warnings.simplefilter("ignore")
            if static:
                table = features.assign(label=label, prediction=model.predict(features))
                mlflow.models.evaluate(data=table, predictions="prediction", **options)
            else:
                mlflow.models.evaluate(model=model.predict, data=features.assign(label=label), **options)
        return run.info.run_id, float((model.predict(features) == label).mean())

    yield build
    mlflow.set_tracking_uri(None)


@pytest.mark.parametrize("static", [False, True])
def test_a_logged_table_becomes_an_evaluation(imported, runs, evaluated, static):
    run_id, accuracy = evaluated(static=static)

    ended = imported("--mlflow-run", run_id, "--dataset", "clinic")

    (run,) = runs()
    assert ended.code == 0, ended.err
    assert "The rows are numbered" in ended.err
    assert run.tags["arogya.model"] == "logistic"
    assert run.tags["arogya.imported_from"] == f"eval_results_table.json of run {run_id}"
    assert run.metrics["accuracy"] == pytest.approx(accuracy)
    assert "auroc" not in run.metrics


def test_a_run_without_a_table_is_refused_with_what_logs_one(imported, runs, evaluated):
    run_id, _ = evaluated(static=True, per_row=False)

    ended = imported("--mlflow-run", run_id, "--dataset", "clinic")

    assert ended.code == 2
    assert "extra_metrics" in ended.err
    assert runs() == []


def test_a_table_can_be_named(store, imported, runs, table):
    run = store.client.create_run(store.experiment_id, run_name="other")
    store.client.log_dict(run.info.run_id, table().to_dict(orient="split", index=False), "tables/mine.json")

    ended = imported("--mlflow-run", run.info.run_id, "--artifact", "tables/mine.json", "--dataset", "clinic")

    assert ended.code == 0, ended.err
    assert runs()[0].metrics["auroc"] == 1
