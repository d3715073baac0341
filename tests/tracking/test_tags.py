"""The tags of runs."""

import re

from arogya_bench.metrics.catalogue import metric
from arogya_bench.metrics.plugins import MetricSpec, PluginMetric
from arogya_bench.runtime.hardware import read_hardware
from arogya_bench.tracking import tags
from arogya_bench.tracking.tags import OLD_TAGS, environment_tags, metric_tags, read_metric_tags, with_current_names


def test_every_name_has_our_prefix_and_is_used_once():
    constants = {name: value for name, value in vars(tags).items() if re.fullmatch(r"[A-Z_]+", name)}
    names = [value for name, value in constants.items() if name not in ("OLD_TAGS", "TYPE_CHECKING")]

    assert len(set(names)) == len(names)
    assert all(name.startswith("arogya.") for name in names)
    assert set(OLD_TAGS.values()) <= set(names)
    assert not set(OLD_TAGS) & set(names)


def test_tags_of_earlier_versions_get_their_current_names():
    stored = {"arogya.row": "a", "arogya.fit": "b", "arogya.kind": "fit", "mlflow.user": "c"}

    assert with_current_names(stored) == {
        "arogya.model_config_digest": "a",
        "arogya.fit_key": "b",
        "arogya.kind": "fit",
        "mlflow.user": "c",
    }


def test_a_tag_under_both_names_keeps_what_was_written_last():
    stored = {"arogya.compared_at": "2", "arogya.asked": "1"}

    assert with_current_names(stored) == {"arogya.compared_at": "2"}


def test_the_environment_becomes_tags():
    assert {"arogya.version", "arogya.python", "arogya.packages"} <= set(environment_tags())


def test_the_hardware_becomes_tags():
    written, hardware = environment_tags(), read_hardware()

    assert written[tags.CPU] == hardware.processors()
    assert written[tags.RAM] == hardware.memory()
    assert written[tags.GPU] == (hardware.devices() or "none")
    assert {tags.DRIVER, tags.CUDA} & set(written) == ({tags.DRIVER, tags.CUDA} if hardware.driver else set())


@metric(best="low", low=0.0, high=1.0)
def half(targets, probabilities):
    """Half."""
    return 0.5


def test_plugin_metrics_are_read_back():
    spec = MetricSpec(function="acme.half", version=3, resamples=2000)
    added = PluginMetric(name="mine", best="low", summary="Half.", spec=spec, function=half)

    assert read_metric_tags(metric_tags([added])) == {"mine": spec}


def test_a_run_without_plugin_metrics_has_no_tag_of_them():
    assert metric_tags([]) == {}
    assert read_metric_tags({}) == {}
