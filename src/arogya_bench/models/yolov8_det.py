"""YOLOv8n as a detector, trained by Ultralytics, whose licence is AGPL-3.0."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, TypeAlias

import numpy as np
from numpy.typing import NDArray

from arogya_bench.errors import ConfigError, DatasetError
from arogya_bench.frameworks.prediction_steps import PredictionSteps
from arogya_bench.frameworks.torch_network import load_module, predict_logits, synchroniser
from arogya_bench.frameworks.ultralytics_detection import (
    PREDICTION_BATCH_SIZE,
    DetectorOverrides,
    YoloExamples,
    apply_nms,
    load_examples,
)
from arogya_bench.frameworks.ultralytics_hooks import TrainerOverrides, YoloPlan
from arogya_bench.frameworks.ultralytics_network import read_architecture
from arogya_bench.frameworks.ultralytics_training import isolate_ultralytics
from arogya_bench.models.field_checks import check_positive
from arogya_bench.models.yolov8 import YOLOv8
from arogya_bench.types import Detections, Floats, ImageBatch, Subset, Training

if TYPE_CHECKING:
    import torch

STRIDE = 32
PaddedStack: TypeAlias = NDArray[np.uint8]  # (n, size, size, 3), RGB
UNUSED_AUGMENTATIONS = ("brightness", "contrast", "noise", "zoom", "crop")


@dataclass(frozen=True, kw_only=True)
class YOLOv8Detector(YOLOv8):
    """The detector of the YOLOv8 family in its smallest size, all layers trained.

    Ultralytics, which builds and trains it, is under AGPL-3.0: software that builds on it and is distributed, or
    offered over a network, must meet that licence, unless you buy another one.

    Epochs, batch size, learning rate, weight decay, warm-up, patience, class weights, seed, mirroring and rotation
    follow the training settings. All other augmentation is Ultralytics's own: mosaics of four images until the last
    tenth of the epochs, scale, shift, hue, saturation and brightness. The best epoch has the highest validation mAP
    over IoU 0.50 to 0.95; patience counts from the first epoch with a correct detection. The weights that are evaluated
    and saved are a moving average. An interrupted fit resumes with the same numbers.

    Attributes:
        image_size: Side of the square that an image is padded to, keeping its proportions; in pixels, a multiple of 32.
        weights: Where training starts: ``none`` (random weights), or the path of a checkpoint of Ultralytics (``.pt``);
            the classification part is kept if it has the same classes.
        learning_rate: Peak rate; None means 1e-4 from weights, and that of the training from none.
        confidence: Least score of a detection that is kept, 0 to 1. Average precision needs the whole range of scores.
        nms_iou: Of two detections of one class whose intersection over union is above this, the one with the higher
            score is kept; 0 to 1.
        max_detections: Most detections per image, by score. COCO's average precision, the primary metric, uses at most
            100.
        trained_on: Datasets that its weights were fitted on, as far as you know; the gate stops a run on one of them.
    """

    image_size: int = 640
    weights: str = "none"
    learning_rate: float | None = None
    confidence: float = 0.001
    nms_iou: float = 0.7
    max_detections: int = 100
    trained_on: list[str] = field(default_factory=list, metadata={"identity": False})
    adapter_name: ClassVar[str] = "yolov8_det"
    adapter_version: ClassVar[int] = 1
    task: ClassVar[str] = "detection"
    head_prefix: ClassVar[str] = "model.22.cv3."  # classifies boxes; the part that places them is kept

    def __post_init__(self) -> None:
        super().__post_init__()
        check_positive(max_detections=self.max_detections)
        if self.image_size % STRIDE:
            raise ConfigError(f"image_size is {self.image_size}.", fix=f"set a multiple of {STRIDE}.")
        for name in ("confidence", "nms_iou"):
            if not 0 <= (value := getattr(self, name)) <= 1:
                raise ConfigError(f"{name} is {value}.", fix=f"set model.{name} from 0 to 1.")

    def load(self, weights: Path, *, classes: tuple[str, ...], device: str) -> PredictionSteps:
        """Load a fit; refuse other classes, another image size, damaged files."""
        with isolate_ultralytics():
            network, torch_name = load_module(
                self._build_network,
                weights,
                classes=classes,
                preprocessing=self._preprocessing,
                device=device,
                build_without_memory=False,  # it derives its strides from a forward pass
            )

        def forward(padded: PaddedStack) -> "torch.Tensor":
            return _predict_boxes(network, padded, torch_name)

        return PredictionSteps(
            preprocess=self._pad_images,
            forward=forward,
            postprocess=self._to_detections,
            class_count=None,
            chunk_size=PREDICTION_BATCH_SIZE,
            network=network,
            device=torch_name,
            synchronise=synchroniser(torch_name),
        )

    def _load_split(self, subset: Subset) -> YoloExamples:
        return load_examples(subset, self.image_size)

    def _check_split(self, split: YoloExamples) -> None:
        if not any(len(label["cls"]) for label in split.labels):
            raise DatasetError(
                f"None of the {len(split.labels)} training images has a box to learn from.",
                fix="raise limit, or change the split.",
            )

    def _build_network(self, classes: int) -> "torch.nn.Module":
        from ultralytics.nn.tasks import DetectionModel

        network: torch.nn.Module = DetectionModel(read_architecture("yolov8"), nc=classes, verbose=False)
        return network

    def _trainer_class(self) -> type[TrainerOverrides[YoloExamples]]:
        from ultralytics.models.yolo.detect import DetectionTrainer

        # mypy knows Ultralytics's classes at run time only.
        class DetectionRun(DetectorOverrides, DetectionTrainer):  # type: ignore[misc]
            """Ultralytics's trainer with images and boxes from memory."""

        return DetectionRun

    def _settings(self, training: Training) -> dict[str, Any]:
        return {
            "fliplr": 0.5 if training.flip else 0.0,
            "degrees": float(training.rotation),
            "cls_pw": 1.0 if training.class_weights else 0.0,  # 1: inverse class frequency
            "close_mosaic": max(1, round(training.epochs / 10)),
            "conf": self.confidence,
            "iou": self.nms_iou,
            "max_det": self.max_detections,
        }

    def _notes(self, plan: YoloPlan[YoloExamples]) -> Iterator[str]:
        if excluded := plan.train.excluded_boxes + plan.validation.excluded_boxes:
            yield f"{excluded} boxes that mark crowds or lie outside their image were not used"
        ignored = [name for name in UNUSED_AUGMENTATIONS if getattr(plan.training, name) != getattr(Training, name)]
        if ignored:
            names = ", training.".join(ignored)
            yield f"training.{names} had no effect: Ultralytics uses its own augmentation"

    def _pad_images(self, images: ImageBatch) -> PaddedStack:
        """Pad to squares of one size, so that no image depends on the others of its batch."""
        from ultralytics.data.augment import LetterBox

        square = (self.image_size, self.image_size)
        return np.stack([LetterBox(square)(image=image) for image in images])

    def _to_detections(self, predictions: "torch.Tensor", images: ImageBatch) -> list[Detections]:
        """Suppress overlapping boxes, and convert the others to pixels of their image."""
        import torch
        from ultralytics.utils.ops import scale_boxes

        boxes = apply_nms(predictions, confidence=self.confidence, iou=self.nms_iou, max_detections=self.max_detections)
        square, detections = (self.image_size, self.image_size), []
        for image, rows in zip(images, boxes, strict=True):
            edges = scale_boxes(square, rows[:, :4].double(), image.shape[:2])
            detections.append(_drop_padding(torch.cat([edges, rows[:, 4:6].double()], dim=1).numpy()))
        return detections


def _predict_boxes(network: "torch.nn.Module", padded: PaddedStack, device: str) -> "torch.Tensor":
    """Run the network; shape (n, 4 + classes, anchors), in host memory."""
    import torch

    batch = torch.from_numpy(padded).to(device).permute(0, 3, 1, 2).float() / 255
    boxes: torch.Tensor = predict_logits(network, batch)[0]  # followed by what its loss needs
    return boxes.cpu()


def _drop_padding(rows: Floats) -> Detections:
    """Convert edges, scores and labels; drop boxes that lie in the padding."""
    sizes = rows[:, 2:4] - rows[:, :2]
    inside = (sizes > 0).all(axis=1)
    return Detections(
        boxes=np.concatenate([rows[:, :2], sizes], axis=1)[inside],
        scores=rows[inside, 4],
        labels=rows[inside, 5].astype(np.int64),
    )
