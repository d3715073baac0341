"""Training Ultralytics's detector on images and boxes in memory."""

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from copy import copy
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

from arogya_bench.errors import DatasetError
from arogya_bench.frameworks.early_stopping import Epoch
from arogya_bench.frameworks.schedule import batch_indices
from arogya_bench.frameworks.seeds import epoch_rng
from arogya_bench.frameworks.ultralytics_hooks import TrainerOverrides, YoloBatches
from arogya_bench.types import Box, Floats, Image, Labels, Subset

if TYPE_CHECKING:
    import torch

PREDICTION_BATCH_SIZE = 16  # images; bounds the memory of a prediction


@dataclass(frozen=True, kw_only=True)
class YoloExamples:
    """Images and labels of one split.

    Attributes:
        images: BGR, the longer side resized to the size of the network.
        labels: One mapping per image, in the form of Ultralytics's ``YOLODataset``.
        excluded_boxes: Number of boxes that mark a crowd or lie outside their image.
    """

    images: Sequence[Image]
    labels: Sequence[dict[str, Any]]
    excluded_boxes: int


def load_examples(subset: Subset, size: int) -> YoloExamples:
    """Decode and resize the images of a split, and convert their boxes to labels."""
    images: list[Image] = []
    labels: list[dict[str, Any]] = []
    excluded = 0
    for number, (case, image) in enumerate(zip(subset.cases, subset.images(), strict=True)):
        shape = image.shape[:2]
        if case.boxes is None:
            raise DatasetError(
                f"The case {case.case_id!r} has no boxes, which a detector needs for training.",
                fix="choose a dataset for detection, or a model for classification.",
            )
        used = [(box.label, edges) for box in case.boxes if not box.crowd and (edges := _clip_box(box, shape))]
        excluded += len(case.boxes) - len(used)
        labels.append(
            {
                "im_file": f"{number}.png",  # identifies the image; there is no such file
                "shape": shape,
                "cls": np.array([[label] for label, _ in used], np.float32).reshape(-1, 1),
                "bboxes": _normalise_boxes([edges for _, edges in used], shape),
                "segments": [],
                "keypoints": None,
                "normalized": True,
                "bbox_format": "xywh",
            }
        )
        images.append(_resize(image, size))
    return YoloExamples(images=images, labels=labels, excluded_boxes=excluded)


class DetectorOverrides(TrainerOverrides[YoloExamples]):
    """Images from memory; the best epoch is chosen by average precision."""

    def batches(self, mode: str) -> YoloBatches:
        """Return batches in random order for training, in the order of the split for validation."""
        plan, training = self.plan, mode == "train"
        dataset = _dataset_class()(
            img_path=plan.train if training else plan.validation,
            imgsz=plan.preprocessing.image_size,
            cache="ram",  # mosaics draw from all images, not from the most recent ones
            augment=training,
            hyp=self.args,
            data=self.get_dataset(),
        )

        def epoch_batches(epoch: int) -> list[Labels]:
            if not training:
                count = math.ceil(len(dataset) / PREDICTION_BATCH_SIZE)
                return list(np.array_split(np.arange(len(dataset)), count))
            rng = epoch_rng(plan.seed, epoch)
            return batch_indices(len(dataset), plan.training.batch_size, rng)

        return YoloBatches(dataset, len(epoch_batches(1)), lambda epoch: _collate(dataset, epoch_batches(epoch)))

    def get_validator(self) -> object:
        """Return Ultralytics's validator with a non-maximum suppression that never times out."""
        from ultralytics.models.yolo.detect import DetectionValidator

        class UntimedValidator(DetectionValidator):  # type: ignore[misc]  # known at run time only
            def postprocess(self, preds: Any) -> list[dict[str, Any]]:
                args = self.args
                boxes = apply_nms(preds, confidence=args.conf, iou=args.iou, max_detections=args.max_det)
                return [{"bboxes": x[:, :4], "conf": x[:, 4], "cls": x[:, 5], "extra": x[:, 6:]} for x in boxes]

        trainer: Any = self
        return UntimedValidator(trainer.test_loader, save_dir=trainer.save_dir, args=copy(self.args))

    def epoch_result(self) -> Epoch:
        """Return loss, average precision and learning rate of the epoch that ends."""
        metrics = {
            "train_loss": self.train_loss,
            "val_mAP50": self.metrics["metrics/mAP50(B)"],
            "val_mAP50_95": self.metrics["metrics/mAP50-95(B)"],
            "learning_rate": self.current_learning_rate,
        }
        return Epoch(metrics=metrics, rank=detection_rank(self.metrics, self.epoch))


def detection_rank(metrics: Mapping[str, float], epoch: int) -> tuple[float, float]:
    """Rank an epoch by mAP, and by the lower validation loss if that is equal.

    While mAP is 0, every epoch counts as an improvement, as in Ultralytics's early stopping: the loss of a detector
    rises at first.
    """
    precision = metrics["metrics/mAP50-95(B)"]
    loss = sum(value for name, value in metrics.items() if name.startswith("val/"))
    return (precision, -loss if precision else float(epoch))


def _dataset_class() -> Any:
    from ultralytics.data.dataset import YOLODataset

    class InMemoryDataset(YOLODataset):  # type: ignore[misc]  # known at run time only
        """Reads from the ``YoloExamples`` that are given as ``img_path``."""

        def get_img_files(self, img_path: YoloExamples) -> list[str]:
            return [str(label["im_file"]) for label in img_path.labels]

        def get_labels(self) -> list[dict[str, Any]]:
            return [dict(label) for label in self.img_path.labels]

        def check_cache_ram(self, safety_margin: float = 1.0) -> bool:
            del safety_margin
            return False  # no second copy: the images are in memory

        def load_image(
            self, i: int, rect_mode: bool = True, resize_short: bool = False
        ) -> tuple[Image, tuple[int, int], tuple[int, int]]:
            """Return an image, its original and its current size; heights first."""
            del rect_mode, resize_short
            image = self.img_path.images[i].copy()  # augmentations may write to it
            return image, self.img_path.labels[i]["shape"], image.shape[:2]

    return InMemoryDataset


def apply_nms(preds: Any, *, confidence: float, iou: float, max_detections: int) -> "list[torch.Tensor]":
    """Non-maximum suppression by class.

    Ultralytics's default gives up after some seconds, so that results would depend on the load of the machine.

    Returns:
        Per image a tensor of shape (m, 6): left, top, right, bottom, score, label.
    """
    from ultralytics.utils.nms import non_max_suppression

    boxes: list[torch.Tensor] = non_max_suppression(
        preds, confidence, iou, multi_label=True, max_det=max_detections, max_time_img=math.inf
    )
    return boxes


def _collate(dataset: Any, batches: Iterable[Labels]) -> Iterator[dict[str, Any]]:
    for batch in batches:
        yield dataset.collate_fn([dataset[index] for index in batch.tolist()])


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
    """Resize as Ultralytics's dataset does, and convert RGB to BGR."""
    height, width = image.shape[:2]
    scale = size / max(height, width)
    shape = (min(math.ceil(width * scale), size), min(math.ceil(height * scale), size))
    resized = cv2.resize(image, shape, interpolation=cv2.INTER_LINEAR)
    return np.ascontiguousarray(resized[:, :, ::-1])
