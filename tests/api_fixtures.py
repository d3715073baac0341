"""What tests of models behind APIs share: a ledger of their own, keys, consents, images."""

import numpy as np

from arogya_bench.api_models.model import ApiAccess
from arogya_bench.prices.price_list import PriceList, TokenPrice
from arogya_bench.types import Case, Dataset, Subset, Training

KEY = "AIzaTestKeyOfNobody0123456789"
CLASSES = ("benign", "malignant", "other")
PROMPT = "Which class?\n{classes}\nAnswer:\n{fields}"
TOKEN_PRICE = TokenPrice(input_per_million=0.3, output_per_million=2.5, cached_input_per_million=0.03)


def drawn_images(count, *, seed=0, size=24):
    rng = np.random.default_rng(seed)
    return [rng.integers(0, 256, (size, size, 3), dtype=np.uint8) for _ in range(count)]


def subset_of(images, targets=None, groups=None):
    """A subset of a dataset whose images are arrays."""
    targets = targets or [i % len(CLASSES) for i in range(len(images))]
    names = [f"case-{i:03}" for i in range(len(images))]
    groups = groups or names
    cases = tuple(
        Case(case_id=name, group_id=group, target=target)
        for name, group, target in zip(names, groups, targets, strict=True)
    )
    stored = dict(zip(names, images, strict=True))
    dataset = Dataset(
        name="drawn",
        task="classification",
        classes=CLASSES,
        cases=cases,
        grouped=True,
        digest="0" * 32,
        licence="CC0-1.0",
        source="drawn by the test",
        version="1",
        read=lambda case: stored[case.case_id],
    )
    return Subset(dataset=dataset, cases=cases)


def prices_of(*names):
    return PriceList(
        name="test", source="a test", valid_from="2026-01-01", tokens={name: [TOKEN_PRICE] for name in names}
    )


def access_of(**fields):
    given = {"dataset": "drawn", "external_api": "allowed", "scope": "s", "budget_usd": None, "prices": None}
    return ApiAccess(**{**given, "description": "a test", "seed": 1, **fields})


def fitted(model, folder, *, train=None, seed=1):
    """The predictor of a fitted model."""
    folder.mkdir(parents=True, exist_ok=True)
    train = train or subset_of(drawn_images(12, seed=9))
    model.fit(train, train, training=Training(), seed=seed, device="cpu", out=folder)
    return model.load(folder, classes=CLASSES, device="cpu")


def ask(predictor, images, **access):
    """Ask about images, drawn one by one as an evaluation does."""
    return predictor.answer_cell(iter(images), len(images), access_of(**access))
