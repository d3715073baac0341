"""The tags of runs, by name: the only place where their names are spelled out."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from arogya_bench.runtime.environment import environment_facts

if TYPE_CHECKING:  # workers import this module, and the metrics import SciPy
    from arogya_bench.metrics.plugins import MetricSpec, PluginMetric

# Of every run.
KIND = "arogya.kind"  # evaluation, fit, sweep, comparison or measurement
PROCESS = "arogya.process"  # host, process id and start of the process that works on the run
ERROR = "arogya.error"  # class of the error that a run failed with
ERROR_MESSAGE = "arogya.error_message"
TRACEBACK = "arogya.traceback"
NOTES = "arogya.notes"
CPU = "arogya.cpu"  # model and cores allowed
RAM = "arogya.ram"  # memory allowed; this and the following are absent in stores of version 0.1.0
GPU = "arogya.gpu"  # NVIDIA devices allowed, or "none"
DRIVER = "arogya.driver"  # of NVIDIA; absent without one
CUDA = "arogya.cuda"  # newest version that the driver supports; absent without one

# Of the job that a run belongs to.
MODEL = "arogya.model"  # name of the leaderboard row
MODEL_CONFIG_DIGEST = "arogya.model_config_digest"
MODEL_PARAMS = "arogya.model_params"  # as JSON: known from the start, so that a failed run has them too
TRAINING = "arogya.training"
DATASET = "arogya.dataset"
DATASET_DIGEST = "arogya.dataset_digest"
TASK = "arogya.task"
SPLIT = "arogya.split"
SPLIT_DIGEST = "arogya.split_digest"
GROUPED = "arogya.grouped"  # whether the dataset names patients or other groups
POSITIVE_CLASS = "arogya.positive_class"  # of two classes, or the one that was named; absent if none is positive
SEED = "arogya.seed"
SEEDED = "arogya.seeded"  # whether another seed gives another model
FIT_KEY = "arogya.fit_key"
GATE = "arogya.gate"
GATE_OVERRIDDEN = "arogya.gate_overridden"  # errors of the data that the user accepted
EXCLUDED_CASES = "arogya.excluded_cases"  # that nobody can use, of an overridden gate
CASES_LEFT_OUT = "arogya.cases_left_out"  # by the user, with dataset.exclude; absent without any
TRAINED_ON = "arogya.trained_on"  # datasets that its weights are declared to be fitted on, as JSON; absent for none

# Of an evaluation.
CELL_KEY = "arogya.cell_key"
AUGMENTATION = "arogya.augmentation"
CONDITION = "arogya.condition"
SEVERITY = "arogya.severity"
SEVERITY_LEVEL = "arogya.severity_level"  # 1 is the mildest
SEVERITY_SCALE = "arogya.severity_scale"  # what the severity is, with its unit; absent if not declared
FIT_RUN_ID = "arogya.fit_run_id"
CALIBRATION = "arogya.calibration"
LABEL_RULE = "arogya.label_rule"
PLUGIN_METRICS = "arogya.metrics"
UNDEFINED_METRICS = "arogya.undefined_metrics"
METRIC_FLAGS = "arogya.flags"
INTERVALS_UNAVAILABLE = "arogya.intervals_unavailable"
RESAMPLING_DIGEST = "arogya.resampling_digest"
THUMBNAILS = "arogya.thumbnails"  # allowed or denied: whether the data allowed pictures when the run was evaluated

# Of a run that was imported, and not computed by arogya-bench.
IMPORTED_FROM = "arogya.imported_from"  # name of the file, or run and artifact; no path
IMPORTED_DIGEST = "arogya.imported_digest"  # of the content of the file

# Of a fit.
VERSION = "arogya.version"  # of arogya-bench; every run has it too, among the facts of its environment
LICENCE = "arogya.licence"  # of a model whose library restricts its use; every run of a job has it too
COMMERCIAL_USE = "arogya.commercial_use"  # yes or no, of every run of a job; absent if its adapter does not declare it
MODEL_ID = "arogya.model_id"  # of the MLflow model that holds its files

# Of a measurement.
MEASURE = "arogya.measure"  # the protocol: quick, standard, strict, or the name of another config
MACHINE = "arogya.machine"  # the hardware in words
MACHINE_DIGEST = "arogya.machine_digest"  # of the facts of the hardware, without the host name
DEVICE = "arogya.device"  # cpu, cuda:0
GRADE = "arogya.grade"  # of the environment, A to D
GRADE_REASONS = "arogya.grade_reasons"  # separated by "; "
SESSION = "arogya.measurement_session"  # the same for models that were interleaved

# Of an evaluation by an API.
API = "arogya.api"  # name of the adapter; only rows of APIs have it
API_MODEL_VERSION = "arogya.api_model_version"  # that answered; several are separated by ", "
API_FIRST_ASKED = "arogya.api_first_asked"  # UTC, ISO format: when the oldest answer was requested
API_LAST_ASKED = "arogya.api_last_asked"
API_TIER = "arogya.api_tier"  # paid, free, or own for a server of one's own
API_TERMS = "arogya.api_terms"  # what the terms of the provider limit, a clause for reports
API_CONTROL = "arogya.api_control"  # blank or shuffled_labels; absent for the model itself

# Of a sweep.
SKIPPED = "arogya.skipped"  # number of cells that lacked a key, a consent or a service
OVERRIDES = "arogya.overrides"
HEARTBEAT = "arogya.heartbeat"  # when its process last reported, in seconds since 1970

# Of a comparison.
COMPARISON = "arogya.comparison"  # digest of its inputs
COMPARED_AT = "arogya.compared_at"  # when it was last requested, in milliseconds since 1970
COMPARISON_RUN_ID = "arogya.comparison_run_id"
VERDICT = "arogya.verdict"
LIMITS = "arogya.limits"  # of a registered version: what it had to be shown to meet, as JSON
FORCED = "arogya.forced"  # of a registered version: why it was registered although no verdict names it
WHERE = "arogya.where"  # the filter that selected its evaluations; absent if it takes all

# Names that stores of version 0.1.0 hold.
OLD_TAGS = {
    "arogya.asked": COMPARED_AT,
    "arogya.seen": HEARTBEAT,
    "arogya.draws": RESAMPLING_DIGEST,
    "arogya.row": MODEL_CONFIG_DIGEST,
    "arogya.cell": CELL_KEY,
    "arogya.fit": FIT_KEY,
    "arogya.level": SEVERITY_LEVEL,
    "arogya.left_out": EXCLUDED_CASES,
    "arogya.no_interval": INTERVALS_UNAVAILABLE,
    "arogya.undefined": UNDEFINED_METRICS,
}


def with_current_names(tags: Mapping[str, str]) -> dict[str, str]:
    """Rename the tags of a run that an earlier version wrote; others stay as they are.

    Where a run has a tag under both names, the current one counts: it was written later.
    """
    renamed = {OLD_TAGS[name]: value for name, value in tags.items() if name in OLD_TAGS}
    return renamed | {name: value for name, value in tags.items() if name not in OLD_TAGS}


def environment_tags() -> dict[str, str]:
    """The versions, the hardware and the state of the code, as tags."""
    return {f"arogya.{name}": value for name, value in environment_facts().items()}


def metric_tags(metrics: "Iterable[PluginMetric]") -> dict[str, str]:
    """The metrics of other packages, as a tag that ``read_metric_tags`` reads."""
    specs = {metric.name: asdict(metric.spec) for metric in metrics}
    return {PLUGIN_METRICS: json.dumps(specs)} if specs else {}


def read_metric_tags(tags: Mapping[str, str]) -> "dict[str, MetricSpec]":
    """The metrics of other packages that a run was evaluated with, by name."""
    from arogya_bench.metrics.plugins import MetricSpec

    specs = read_json_tag(tags, PLUGIN_METRICS)
    return {name: MetricSpec(**spec) for name, spec in specs.items() if isinstance(spec, Mapping)}


def read_json_tag(tags: Mapping[str, str], name: str) -> dict[str, Any]:
    """The mapping of a tag that is JSON; empty without the tag, and where an earlier version or MLflow cut it."""
    try:
        content = json.loads(tags.get(name, "{}"))
    except json.JSONDecodeError:
        return {}
    return content if isinstance(content, dict) else {}


def model_without_control(tags: Mapping[str, str]) -> str:
    """The name of a row; of a control of an API, that of the row that it belongs to."""
    return tags.get(MODEL, "").removesuffix(f"+{tags.get(API_CONTROL, '')}")


def evaluation_name(tags: Mapping[str, str]) -> str:
    """The name of the run of an evaluation, which tells apart seeds and datasets too."""
    return f"{tags[MODEL]} · {tags[CONDITION]} · seed {tags[SEED]} · {tags[DATASET]}"


def model_params_tag(params: Mapping[str, object]) -> dict[str, str]:
    """The params that tell the rows of one model apart, as a tag that ``read_model_params`` reads."""
    return {MODEL_PARAMS: json.dumps({name: str(value) for name, value in params.items()})}


def read_model_params(tags: Mapping[str, str]) -> dict[str, str]:
    """The params that a run started with; empty for runs of earlier versions, and where the tag was cut."""
    return read_json_tag(tags, MODEL_PARAMS)
