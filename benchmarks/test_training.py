"""The shared training loop against a bare PyTorch loop, on the same data, in one run.

Both draw batches from the same images in memory, take the same optimizer steps, and look at the
validation split after each epoch. Ours also draws the policy, follows a schedule and writes
checkpoints: what that costs is the ratio of the two, taken pair by pair, and held below 1.10.
"""

import time
from statistics import median

import numpy as np
import torch

from arogya_bench.models.pytorch_cnn import ConvNet
from arogya_bench.types import Case, Dataset, Subset, Training

SIZE = 64  # pixels
TRAINING = Training(epochs=2, batch_size=32, patience=9, class_weights=False)
MODEL = ConvNet(image_size=SIZE)
ROUNDS = 5
LIMIT = 1.10


def subset(count, seed):
    rng = np.random.default_rng(seed)
    images = rng.integers(0, 256, (count, SIZE, SIZE, 3), dtype=np.uint8)
    cases = tuple(Case(case_id=str(i), group_id=str(i), target=i % 2) for i in range(count))
    dataset = Dataset(
        name="noise",
        task="classification",
        classes=("a", "b"),
        cases=cases,
        grouped=False,
        digest="0" * 32,
        licence="CC0-1.0",
        source="drawn",
        version="1",
        read=lambda case: images[int(case.case_id)],
    )
    return Subset(dataset=dataset, cases=cases)


TRAIN, VALIDATION = subset(320, 1), subset(64, 2)


def tensors(cases):
    images = torch.from_numpy(np.stack(list(cases.images()))).permute(0, 3, 1, 2)
    return images, torch.from_numpy(cases.targets)


def normalised(images):
    return (images.float() / 255 - 0.5) / 0.5


def bare():
    """What a person would write in a notebook, without anything around it."""
    torch.manual_seed(42)
    network = MODEL._build_network(2)
    optimizer = torch.optim.AdamW(network.parameters(), lr=1e-3, fused=True)
    criterion = torch.nn.CrossEntropyLoss()
    (images, targets), (held_out, _) = tensors(TRAIN), tensors(VALIDATION)
    for _ in range(TRAINING.epochs):
        network.train()
        for batch in torch.randperm(len(images)).split(TRAINING.batch_size):
            optimizer.zero_grad()
            criterion(network(normalised(images[batch])), targets[batch]).backward()
            optimizer.step()
        network.eval()
        with torch.inference_mode():
            torch.cat([network(normalised(part)) for part in held_out.split(64)])


def ours(folder):
    MODEL.fit(TRAIN, VALIDATION, training=TRAINING, seed=42, device="cpu", out=folder)


def seconds(work, *arguments):
    began = time.perf_counter()
    work(*arguments)
    return time.perf_counter() - began


def test_training_costs_little_more_than_a_bare_loop(benchmark, tmp_path):
    pairs = []

    def one_round():
        pairs.append((seconds(bare), seconds(ours, tmp_path)))

    benchmark.pedantic(one_round, rounds=ROUNDS, warmup_rounds=1)

    ratio = median(mine / plain for plain, mine in pairs[1:])
    print(f"\ntraining, ours / bare loop: {ratio:.3f} (median of {ROUNDS} paired rounds)")
    assert ratio < LIMIT
