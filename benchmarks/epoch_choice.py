"""Which validation score should choose the epoch that is kept: macro F1, or the loss?

Run it with a folder of BCCD (https://github.com/Shenggan/BCCD_Dataset): `python -m benchmarks.epoch_choice FOLDER`.
On three data sets, networks are trained to the last epoch; both rules are then applied to the same epochs, with early
stopping. Half of the validation cases choose the epoch, the other half judge it, and the other way round: the default
was chosen by these. The test scores were looked at afterwards.
"""

import argparse
import hashlib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from itertools import product
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import torch
from sklearn.datasets import load_digits
from sklearn.metrics import f1_score, log_loss

from arogya_bench.datasets.pascal_voc import PascalVOC
from arogya_bench.datasets.synthetic import Synthetic
from arogya_bench.frameworks import torch_training
from arogya_bench.frameworks.batches import NetworkTraining, load_split
from arogya_bench.frameworks.torch_network import predict_split
from arogya_bench.models.pytorch_cnn import ConvNet
from arogya_bench.types import Case, Dataset, Image, Subset, Training

TRAIN, VALIDATION, TEST = 300, 80, 600  # cases; validation is small, as it is in practice
MODELS = {
    "pytorch": ConvNet(image_size=48),
    "cnn": ConvNet(image_size=48, channels=[16, 32, 64, 128], batch_norm=True, dropout=0.2),
}
MONITORS = ("f1_macro", "val_loss")
COLUMNS = ["held_out_f1", "held_out_loss", "test_f1", "test_loss", "epoch"]


@dataclass(frozen=True)
class EpochOutputs:
    """Logits of one epoch on validation and test cases."""

    validation: Any
    test: Any


def in_memory(name: str, images: list[Image], targets: list[int], groups: list[str], classes: list[str]) -> Dataset:
    cases = tuple(
        Case(case_id=str(index), group_id=group, target=target)
        for index, (target, group) in enumerate(zip(targets, groups, strict=True))
    )
    return Dataset(
        name=name, task="classification", classes=tuple(classes), cases=cases, grouped=True,
        digest=hashlib.md5(name.encode()).hexdigest(), licence="", source=name, version="1",
        read=lambda case: images[int(case.case_id)],
    )  # fmt: skip


def digits() -> Dataset:
    """Handwritten digits of scikit-learn, 8 x 8 pixels, under noise that makes them hard."""
    bunch, rng = load_digits(), np.random.default_rng(1)
    noisy = np.clip(bunch.images * 16 + rng.normal(0, 90, bunch.images.shape), 0, 255).astype(np.uint8)
    images = [np.repeat(np.kron(image, np.ones((6, 6), np.uint8))[..., None], 3, axis=2) for image in noisy]
    return in_memory("digits", images, bunch.target.tolist(), [str(i) for i in range(len(images))], list("0123456789"))


def blood_cells(folder: Path) -> Dataset:
    """Crops of the boxes of BCCD: platelets, red and white cells."""
    source = PascalVOC(path=str(folder), licence="MIT").load()
    images, targets, groups, left = [], [], [], Counter(dict.fromkeys(range(len(source.classes)), 700))
    for case in source.cases:
        image = source.read(case)
        for box in case.boxes or ():
            crop = image[int(box.top) : int(box.top + box.height), int(box.left) : int(box.left + box.width)]
            if min(crop.shape[:2]) >= 8 and left[box.label] > 0:
                left[box.label] -= 1
                images.append(np.ascontiguousarray(crop))
                targets.append(box.label)
                groups.append(case.case_id)
    return in_memory("blood cells", images, targets, groups, list(source.classes))


def parts(dataset: Dataset, seed: int) -> tuple[Subset, Subset, Subset]:
    """Random parts by group."""
    rng = np.random.default_rng(seed)
    groups = {group: rank for rank, group in enumerate(rng.permutation(sorted({c.group_id for c in dataset.cases})))}
    order = sorted(dataset.cases, key=lambda case: groups[case.group_id])
    ends = np.cumsum([TRAIN, VALIDATION, TEST])
    taken = order[: ends[0]], order[ends[0] : ends[1]], order[ends[1] : ends[2]]
    return tuple(Subset(dataset=dataset, cases=tuple(cases)) for cases in taken)  # type: ignore[return-value]


def train(model: ConvNet, data: tuple[Subset, Subset, Subset], training: Training, seed: int) -> list[EpochOutputs]:
    """Train to the last epoch, and keep what each epoch says."""
    settings = NetworkTraining(
        build_network=model._build_network, preprocessing=model._preprocessing, training=training,
        learning_rate=training.learning_rate, seed=seed, device="cpu",
    )  # fmt: skip
    test = load_split(data[2], model.image_size)
    outputs = []
    with TemporaryDirectory() as folder, torch_training._reproducible_context(settings, "cpu"):
        loop = torch_training._build_loop(settings, data[0], data[1], device="cpu", out=Path(folder))
        predict = partial(predict_split, loop.network, preprocessing=settings.preprocessing, device="cpu")
        for number in range(1, training.epochs + 1):
            torch_training._train_epoch(loop, number)
            loop.network.eval()
            logits = (predict(images=split.images).softmax(dim=1).numpy() for split in (loop.validation, test))
            outputs.append(EpochOutputs(*logits))
    return outputs


def choose(scores: list[tuple[float, float]], monitor: str, patience: int) -> int:
    """Index of the epoch that is kept; scores are macro F1 and loss of each epoch."""
    ranks = [(f1, -loss) if monitor == "f1_macro" else (-loss, f1) for f1, loss in scores]
    best = 0
    for index, rank in enumerate(ranks):
        if rank > ranks[best]:
            best = index
        if index - best >= patience:
            break
    return best


def score(targets: Any, probabilities: Any) -> tuple[float, float]:
    labels = list(range(probabilities.shape[1]))
    f1 = f1_score(targets, probabilities.argmax(axis=1), average="macro", zero_division=0)
    return float(f1), float(log_loss(targets, np.clip(probabilities, 1e-12, 1), labels=labels))


def compare(
    outputs: list[EpochOutputs], data: tuple[Subset, Subset, Subset], patience: int, seed: int
) -> Iterator[dict[str, Any]]:
    """Per monitor the scores on held-out validation cases and on test cases, and the epoch."""
    targets, test_targets = data[1].targets, data[2].targets
    halves = np.array_split(np.random.default_rng(seed).permutation(len(targets)), 2)
    for monitor in MONITORS:
        held_out = []
        for chooses, judges in (halves, halves[::-1]):
            epoch = choose([score(targets[chooses], o.validation[chooses]) for o in outputs], monitor, patience)
            held_out.append(score(targets[judges], outputs[epoch].validation[judges]))
        epoch = choose([score(targets, o.validation) for o in outputs], monitor, patience)
        values = (*np.mean(held_out, axis=0), *score(test_targets, outputs[epoch].test), epoch + 1)
        yield {"monitor": monitor, **dict(zip(COLUMNS, values, strict=True))}


def run(name: str, dataset: Dataset, seed: int, lengths: list[int]) -> list[dict[str, Any]]:
    """All models and lengths of a training on one division of a data set."""
    data = parts(dataset, seed)
    rows = []
    for (model_name, model), epochs in product(MODELS.items(), lengths):
        training = Training(
            epochs=epochs, rotation=15.0, brightness=0.2, contrast=0.2, noise=(0.01, 0.05), zoom=(0.8, 1.2), crop=0.9
        )
        outputs = train(model, data, training, seed)
        facts = {"dataset": name, "model": model_name, "epochs": epochs, "seed": seed}
        rows += [{**facts, **row} for row in compare(outputs, data, training.patience, seed)]
    return rows


def main() -> None:
    import pandas as pd

    parser = argparse.ArgumentParser()
    parser.add_argument("bccd", type=Path)
    parser.add_argument("--seeds", type=int, nargs="+", default=list(range(6)))
    parser.add_argument("--epochs", type=int, nargs="+", default=[15])
    parser.add_argument("--out", type=Path, default=Path("epoch_choice.csv"))
    arguments = parser.parse_args()
    sources = {
        "synthetic": lambda: Synthetic(cases=1000, classes=5, image_size=48).load(),
        "digits": digits,
        "blood cells": lambda: blood_cells(arguments.bccd),
    }
    datasets = {name: load() for name, load in sources.items()}
    torch.set_num_threads(1)
    rows = []
    for seed in arguments.seeds:
        for name, dataset in datasets.items():
            rows += run(name, dataset, seed, arguments.epochs)
            pd.DataFrame(rows).to_csv(arguments.out, index=False)
            print(name, seed, flush=True)
    table = pd.DataFrame(rows)
    print(table.groupby(["dataset", "model", "monitor"])[COLUMNS].mean().round(4).to_string())


if __name__ == "__main__":
    main()
