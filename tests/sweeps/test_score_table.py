"""The table of scores that a sweep ends with."""

from arogya_bench.datasets.splits import SplitPolicy
from arogya_bench.evaluation.job import prepare
from arogya_bench.sweeps.plan import SweepPlan
from arogya_bench.sweeps.score_table import print_scores


def test_clean_images_alone_are_ranked_and_the_others_are_counted(logged, noisy, job_of, roster, store, capsys):
    split = SplitPolicy(train=0.2, validation=0.2, test=0.6)
    jobs = []
    for conditions in (noisy(), noisy(0.1, 0.2, clean=False)):
        logged("a", source=roster(), conditions=conditions)
        jobs.append(prepare(job_of("a", source=roster(), split=split, conditions=conditions)))

    print_scores(SweepPlan(jobs=tuple(jobs), finished=frozenset()), store)

    shown = " ".join(capsys.readouterr().out.split())
    assert "roster, clean" in shown
    assert "2 evaluations on changed images not shown" in shown
    assert "gaussian_noise" not in shown
