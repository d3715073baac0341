import pytest
from api_runs import ApiStudy, compare_degraded_study, compare_typical_study
from measurement_runs import write_measurement

from arogya_bench.comparison.loading import load_evaluations
from arogya_bench.comparison.tables import compare_block
from arogya_bench.tracking.runs import get_run


@pytest.fixture
def compare_only(store):
    """Compare the models of the only block of the store."""

    def tables(metric="f1_macro"):
        (block,) = load_evaluations(store, resamples=2000).blocks
        return compare_block(block, metric)

    return tables


@pytest.fixture
def measured(store, logged):
    """Log an evaluation of a model, and measurements of it with the given numbers."""

    def build(name, *measurements, **evaluation):
        tags = get_run(store.uri, logged(name, **evaluation)).tags
        return [write_measurement(store, tags, **numbers) for numbers in measurements or ({},)]

    return build


@pytest.fixture
def api_study(store, job_of, guessed, roster):
    """Log evaluations of models behind APIs, on 100 cases of as many patients unless others are given."""

    def build(**cases):
        source = roster(**(cases or {"patients": 166, "visits": 1}))
        return ApiStudy(store=store, job_of=job_of, guessed=guessed, source=source)

    return build


@pytest.fixture(scope="session")
def typical(empty_store_folder, transplanted, tmp_path_factory, job_of, guessed, roster):
    """The comparison of a local model, a model behind an API, its controls, and a server of one's own."""
    store = transplanted(empty_store_folder, tmp_path_factory.mktemp("typical"))
    return compare_typical_study(store, job_of, guessed, roster(patients=166, visits=1))


@pytest.fixture(scope="session")
def degraded(empty_store_folder, transplanted, tmp_path_factory, job_of, guessed, roster):
    """A comparison on clean and on noisy images, under which a model behind an API answers less often."""
    store = transplanted(empty_store_folder, tmp_path_factory.mktemp("degraded"))
    return compare_degraded_study(store, job_of, guessed, roster(patients=166, visits=1))


@pytest.fixture
def fitted(store, logged, job_of, guessed, roster):
    """Log a fit with made-up validation predictions, and the evaluations of it."""
    from arogya_bench.datasets.splits import SplitPolicy
    from arogya_bench.evaluation.job import prepare
    from arogya_bench.evaluation.run_items import job_params, job_tags
    from arogya_bench.scoring.label_table import predictions_to_table
    from arogya_bench.scoring.scores import point_scores
    from arogya_bench.tracking.items import Params, ParquetTable, Scalars
    from arogya_bench.tracking.runs import finish_run, start_run, write_items

    def build(name, *, validation=1.0, scores=True, stored=True, tags=(), **fields):
        job = {key: value for key, value in fields.items() if key not in ("skill", "draw", "status")}
        split = SplitPolicy(train=0.2, validation=0.2, test=0.6)
        planned = prepare(job_of(name, **{"source": roster(), "split": split, **job}))
        predictions = guessed(planned.split.validation, skill=validation, seed=7)
        fit = start_run(store, f"{name} · fit", {**job_tags(planned), "arogya.kind": "fit"})
        values = {f"validation_{key}": value for key, value in point_scores(predictions).items()} if scores else {}
        table = [ParquetTable(file="predictions_validation.parquet", rows=predictions_to_table(predictions))]
        write_items(
            store, fit, [Params(values=job_params(planned)), Scalars(values=values), *(table if stored else [])]
        )
        finish_run(store, fit)
        logged(name, tags={**dict(tags), "arogya.fit_run_id": fit}, **fields)
        return predictions

    return build
