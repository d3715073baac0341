"""What was asked for, as a comparison stores it: enough to compute it again, whatever is the default by then."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date, timedelta
from typing import Any, Self

from arogya_bench.analysis.literature import LiteratureValue
from arogya_bench.analysis.options import AnalysisOptions
from arogya_bench.comparison.about import COMPARISON_VERSION, ComparisonRequest
from arogya_bench.comparison.costs import PriceChoice
from arogya_bench.comparison.recorded_runs import RecordedRuns
from arogya_bench.comparison.requirements import Requirements, as_tuple
from arogya_bench.comparison.selection import CHOSEN_VARIANTS, Selection
from arogya_bench.prices.price_list import ApiPrice, Machine, PriceList, TokenPrice


@dataclass(frozen=True, kw_only=True)
class RecordedRequest:
    """The arguments of a comparison, and the runs that it read."""

    selection: Selection
    metric: str
    options: AnalysisOptions
    requirements: Requirements
    literature: tuple[LiteratureValue, ...]
    prices: PriceChoice | None
    runs: RecordedRuns

    @classmethod
    def from_about(cls, about: Mapping[str, Any]) -> Self:
        """Read the entry ``about`` of a comparison, which has an entry ``request``."""
        request = about["request"]
        return cls(
            selection=recorded_selection(about),
            metric=request["metric"],
            options=AnalysisOptions(**{name: as_tuple(value) for name, value in request["options"].items()}),
            requirements=Requirements.from_record(request["requirements"]),
            literature=tuple(LiteratureValue(**value) for value in request["literature"]),
            prices=_read_prices(request["prices"]),
            runs=RecordedRuns.from_record(request),
        )


def describe_request(
    request: ComparisonRequest, *, prices: PriceChoice | None, literature: Sequence[LiteratureValue], runs: RecordedRuns
) -> dict[str, object]:
    """The entry ``request`` of ``about``; the rest of it says which experiments and evaluations were asked for."""
    options = {
        name: list(value) if isinstance(value, tuple) else value for name, value in asdict(request.options).items()
    }
    return {
        "comparison_version": COMPARISON_VERSION,
        "metric": request.metric,
        "options": options,
        "requirements": request.requirements.to_record(),
        "literature": [asdict(value) for value in literature],
        "prices": _describe_prices(prices),
        **runs.to_record(),
    }


def recorded_selection(about: Mapping[str, Any], *, recorded: bool = True) -> Selection:
    """Which evaluations were asked for."""
    return Selection(
        experiments=tuple(about["experiments"]),
        where=about.get("where", ""),
        sweep=about.get("sweep"),
        run_ids=tuple(about.get("run_ids", ())),
        variants=about.get("variants", CHOSEN_VARIANTS),
        recorded=recorded,
    )


def _describe_prices(choice: PriceChoice | None) -> dict[str, object] | None:
    if choice is None:
        return None
    return {"list": asdict(choice.prices), "named": choice.named, "day": _equal_day(choice).isoformat()}


def _equal_day(choice: PriceChoice) -> date:
    """The first day on which the list is said to be as valid as on the given one: equal for identical comparisons."""
    start = date.fromisoformat(choice.prices.valid_from)
    if choice.today < start:
        return start - timedelta(days=1)
    end = choice.prices.valid_to
    if end is not None and date.fromisoformat(end) < choice.today:
        return date.fromisoformat(end) + timedelta(days=1)
    return start


def _read_prices(record: Mapping[str, Any] | None) -> PriceChoice | None:
    if record is None:
        return None
    prices = dict(record["list"])
    prices["machines"] = {name: Machine(**machine) for name, machine in prices["machines"].items()}
    prices["api"] = {name: ApiPrice(**price) for name, price in prices["api"].items()}
    prices["tokens"] = {name: [TokenPrice(**period) for period in tokens] for name, tokens in prices["tokens"].items()}
    return PriceChoice(prices=PriceList(**prices), named=record["named"], today=date.fromisoformat(record["day"]))
