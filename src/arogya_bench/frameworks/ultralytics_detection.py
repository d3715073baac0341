"""What Ultralytics's trainer of detectors is given: images and boxes in memory, and our ways."""

import math
from collections.abc import Iterable, Iterator, Sequence
from copy import copy
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import cv2
import numpy as np

from arogya_bench.errors import DatasetError
from arogya_bench.frameworks.schedule import batch_indices
from arogya_bench.frameworks.seeds import epoch_rng
from arogya_bench.frameworks.ultralytics_hooks import TrainerOverrides, YoloBatches, YoloPlan
from arogya_bench.types import Box, Case, Floats, Image, Labels, Subset

if TYPE_CHECKING:
    import torch

PREDICTION_BATCH_SIZE = (
    16  # images; bounds the memory of a prediction, whatever the length of a batch
)


@dataclass(frozen=True, kw_only=True)
class YoloExamples:
    """One split.

    Attributes:
        images: BGR, the longer side resized to the size of the network.
        labels: One mapping per image, as their dataset describes what is to be found in it.
        excluded_boxes: Boxes that stand for a crowd or lie outside their image.
    """

    images: Sequence[Image]
    labels: Sequence[dict[str, Any]]
    excluded_boxes: int


def load_examples(subset: Subset, size: int) -> YoloExamples:
    """Decode and resize the images of a split, and turn their boxes into labels.

    Raises:
        DatasetError: If a case does not say what is to be found in it.
    """
    images: list[Image] = []
    labels: list[dict[str, Any]] = []
    left_out = 0
    for number, (case, image) in enumerate(zip(subset.cases, subset.images(), strict=True)):
        shape = image.shape[:2]
        kept = [box for box in _check_case_boxes(case) if not box.crowd and _clip_box(box, shape)]
        left_out += len(_check_case_boxes(case)) - len(kept)
        labels.append(
            {
                "im_file": f"{number}.png",  # names an image; there is no such file
                "shape": shape,
                "cls": np.array([[box.label] for box in kept], np.float32).reshape(-1, 1),
                "bboxes": _normalise_boxes([_clip_box(box, shape) for box in kept], shape),
                "segments": [],
                "keypoints": None,
                "normalized": True,
                "bbox_format": "xywh",
            }
        )
        images.append(_resize(image, size))
    return YoloExamples(images=images, labels=labels, excluded_boxes=left_out)


class InMemoryDataset:
    """Takes the place of methods of their ``YOLODataset``; goes before it in a class."""

    img_path: YoloExamples

    def get_img_files(self, img_path: YoloExamples) -> list[str]:
        """Name the images."""
        return [str(label["im_file"]) for label in img_path.labels]

    def get_labels(self) -> list[dict[str, Any]]:
        """Say what is to be found in each image."""
        return [dict(label) for label in self.img_path.labels]

    def check_cache_ram(self, safety_margin: float = 1.0) -> bool:
        """Ask for no second copy: the images are in memory."""
        del safety_margin
        return False

    def load_image(
        self, i: int, rect_mode: bool = True, resize_short: bool = False
    ) -> tuple[Image, tuple[int, int], tuple[int, int]]:
        """Give an image, its size when it was read, and its size now; heights first."""
        del rect_mode, resize_short
        image = self.img_path.images[i].copy()  # which they may draw on
        return image, self.img_path.labels[i]["shape"], image.shape[:2]


@dataclass(frozen=True, kw_only=True)
class DetectorPlan(YoloPlan):
    """One training of the detector."""

    train: YoloExamples
    validation: YoloExamples


class DetectorOverrides(TrainerOverrides):
    """Images from memory, and their mAP as what the best epoch is chosen by."""

    plan: ClassVar[DetectorPlan]

    def batches(self, mode: str) -> YoloBatches:
        """Batches in a random order for training; in their own for validation."""
        from ultralytics.data.dataset import YOLODataset

        training = mode == "train"
        source = self.plan.train if training else self.plan.validation
        kind: Any = type("Dataset", (InMemoryDataset, YOLODataset), {})
        dataset = kind(
            img_path=source,
            imgsz=self.plan.preprocessing.image_size,
            cache="ram",  # mosaics draw from all images, not from those seen last
            augment=training,
            hyp=self.args,
            data=self.get_dataset(),
        )

        def epoch_batches(epoch: int) -> list[Labels]:
            if not training:
                return list(np.array_split(np.arange(len(dataset)), count))
            rng = epoch_rng(self.plan.seed, epoch)
            return batch_indices(len(dataset), self.plan.training.batch_size, rng)

        count = (
            len(epoch_batches(1)) if training else math.ceil(len(dataset) / PREDICTION_BATCH_SIZE)
        )
        return YoloBatches(dataset, count, lambda epoch: _collate(dataset, epoch_batches(epoch)))

    def get_validator(self) -> object:
        """Give their validator, without its limit of time."""
        from ultralytics.models.yolo.detect import DetectionValidator

        kind: Any = type("Validation", (NoTimeLimitPredictor, DetectionValidator), {})
        return kind(self.test_loader, save_dir=self.save_dir, args=copy(self.args))

    def epoch_metrics(self) -> dict[str, float]:
        """Loss, average precision and rate of the epoch that ends."""
        return {
            "train_loss": self.train_loss,
            "val_mAP50": self.metrics["metrics/mAP50(B)"],
            "val_mAP50_95": self.metrics["metrics/mAP50-95(B)"],
            "learning_rate": self.current_learning_rate,
        }

    def rank(self) -> list[float]:
        """A higher mAP, or an equal one with a lower loss.

        While nothing is found, every epoch counts as a better one, as in their early stopping:
        the loss of a detector rises at first.
        """
        precision = self.metrics["metrics/mAP50-95(B)"]
        loss = sum(value for name, value in self.metrics.items() if name.startswith("val/"))
        return [precision, -loss if precision else float(self.epoch)]


class NoTimeLimitPredictor:
    """Takes the place of a method of their ``DetectionValidator``; goes before it in a class."""

    args: Any

    def postprocess(self, preds: Any) -> list[dict[str, Any]]:
        """Keep the best of the boxes that overlap."""
        kept = apply_nms(
            preds, confidence=self.args.conf, iou=self.args.iou, max_detections=self.args.max_det
        )
        return [
            {"bboxes": rows[:, :4], "conf": rows[:, 4], "cls": rows[:, 5], "extra": rows[:, 6:]}
            for rows in kept
        ]


def apply_nms(
    preds: Any, *, confidence: float, iou: float, max_detections: int
) -> "list[torch.Tensor]":
    """Non-maximum suppression by class, however long it takes.

    By default theirs gives up after some seconds, so that numbers would depend on the load.

    Args:
        preds: What the network gives in evaluation mode.
        confidence: The least score that is kept.
        iou: Overlap above which the lesser box is dropped.
        max_detections: Boxes per image.

    Returns:
        Per image a tensor of shape (m, 6): left, top, right, bottom, score, label.
    """
    from ultralytics.utils.nms import non_max_suppression

    rows: list[torch.Tensor] = non_max_suppression(
        preds, confidence, iou, multi_label=True, max_det=max_detections, max_time_img=math.inf
    )
    return rows


def _collate(dataset: Any, parts: Iterable[Labels]) -> Iterator[dict[str, Any]]:
    for part in parts:
        yield dataset.collate_fn([dataset[index] for index in part.tolist()])


def _check_case_boxes(case: Case) -> tuple[Box, ...]:
    if case.boxes is None:
        raise DatasetError(
            f"The case {case.case_id!r} has no boxes, and a detector learns from nothing else.",
            fix="choose a dataset for detection, or a model for classification.",
        )
    return case.boxes


def _clip_box(box: Box, shape: tuple[int, int]) -> tuple[float, float, float, float] | None:
    """Left, top, right and bottom of the part inside the image, or None if there is none."""
    height, width = shape
    left, right = max(0.0, box.left), min(float(width), box.left + box.width)
    top, bottom = max(0.0, box.top), min(float(height), box.top + box.height)
    return (left, top, right, bottom) if right > left and bottom > top else None


def _normalise_boxes(edges: Sequence[Any], shape: tuple[int, int]) -> Floats:
    """Centre and size as shares of the image, shape (m, 4)."""
    left, top, right, bottom = np.array(edges, np.float32).reshape(-1, 4).T
    centred = np.stack([(left + right) / 2, (top + bottom) / 2, right - left, bottom - top], axis=1)
    height, width = shape
    return centred / np.array([width, height, width, height], np.float32)


def _resize(image: Image, size: int) -> Image:
    """Resize as their dataset does, and turn RGB into BGR."""
    height, width = image.shape[:2]
    scale = size / max(height, width)
    shape = (min(math.ceil(width * scale), size), min(math.ceil(height * scale), size))
    resized = cv2.resize(image, shape, interpolation=cv2.INTER_LINEAR)
    return np.ascontiguousarray(resized[:, :, ::-1])
