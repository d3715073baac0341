"""YOLOv8n as a detector, trained by Ultralytics, whose licence is AGPL-3.0."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from arogya_bench.errors import ConfigError, DatasetError, check_extra
from arogya_bench.frameworks.devices import check_device_name, torch_device
from arogya_bench.frameworks.early_stopping import check_trainable
from arogya_bench.frameworks.fit_files import check_classes, check_file_exists, damaged_file_error
from arogya_bench.frameworks.preprocessing import Preprocessing
from arogya_bench.frameworks.torch_network import WEIGHTS_FILE, predict_logits, read_state_dict
from arogya_bench.frameworks.ultralytics_detection import (
    PREDICTION_BATCH_SIZE,
    DetectorOverrides,
    DetectorPlan,
    YoloExamples,
    apply_nms,
    load_examples,
)
from arogya_bench.frameworks.ultralytics_network import (
    FINE_TUNING_RATE,
    find_start_weights,
    load_start_weights,
    read_architecture,
)
from arogya_bench.frameworks.ultralytics_training import isolate_ultralytics, train_yolo
from arogya_bench.models.field_checks import check_image_size, check_positive
from arogya_bench.types import Detections, Detector, FitReport, Floats, ImageBatch, Subset, Training

if TYPE_CHECKING:
    import torch

HEAD_PREFIX = "model.22.cv3."  # what names the classes; the part that places boxes is kept
STRIDE = 32
UNUSED_AUGMENTATIONS = ("brightness", "contrast", "noise", "zoom", "crop")


@dataclass(frozen=True, kw_only=True)
class YOLOv8Detector:
    """The detector of the YOLOv8 family in its smallest size, all layers trained.

    Ultralytics, which builds and trains it, is under AGPL-3.0: what is built on it and given to
    others, or offered over a network, is bound by that licence, unless another one is bought.

    Epochs, batch size, rate, weight decay, warm-up, patience, class weights, seed, mirroring and
    rotation are those of the training. The rest of what is drawn for a training image is their
    own: mosaics of four images until the last tenth of the epochs, scale, shift, hue, saturation
    and brightness. The best epoch has the highest validation mAP over IoU 0.50 to 0.95; patience
    begins with the first epoch that finds something. What is judged and saved is a moving average
    of the weights. A fit that was killed goes on to the same weights as one that was not.

    Attributes:
        image_size: Height and width of the square that an image is fitted into, its proportions
            kept and the rest padded; in pixels, a multiple of 32.
        weights: Where training starts: ``none`` (random weights), or the path of a checkpoint of
            Ultralytics (``.pt``); the part that names classes is kept if they are the same.
        learning_rate: Peak rate; None means 1e-4 from weights, and that of the training from none.
        confidence: The least score of a detection that is kept, 0 to 1. Average precision needs
            the whole range of scores.
        nms_iou: Of two detections of one class that overlap by more than this intersection over
            union, the better one is kept, 0 to 1.
        max_detections: Most detections per image, the best ones. COCO's average precision, by
            which detectors are judged, looks at no more than 100.
        trained_on: Names of the datasets that its weights were fitted on, as far as you know; the
            gate stops a run on one of them.
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
    extra: ClassVar[str | None] = "yolo"

    def __post_init__(self) -> None:
        check_image_size(self.image_size, at_least=STRIDE)
        check_positive(learning_rate=self.learning_rate, max_detections=self.max_detections)
        if self.image_size % STRIDE:
            raise ConfigError(
                f"image_size is {self.image_size}.", fix=f"set a multiple of {STRIDE}."
            )
        for name in ("confidence", "nms_iou"):
            if not 0 <= (value := getattr(self, name)) <= 1:
                raise ConfigError(f"{name} is {value}.", fix=f"set model.{name} from 0 to 1.")

    def check(self, *, device: str) -> None:
        """Raise Fixable if Ultralytics, the device or the weights to start from are missing."""
        check_device_name(device)
        check_extra("yolo", "torch", "torchvision", "ultralytics")
        torch_device(device)
        find_start_weights(self.weights)

    def fit(
        self,
        train: Subset,
        validation: Subset,
        *,
        training: Training,
        seed: int,
        device: str,
        out: Path,
    ) -> FitReport:
        """Train every layer; the best epoch by validation mAP stays.

        Raises:
            DatasetError: If a case does not say what is to be found in it, or no case has a box.
        """
        check_trainable(training, train, validation)
        place, start = torch_device(device), find_start_weights(self.weights)
        seen, held_out = (load_examples(part, self.image_size) for part in (train, validation))
        _check_boxes(seen)
        rate = FINE_TUNING_RATE if start else training.learning_rate
        with isolate_ultralytics(seed, place):
            from ultralytics.models.yolo.detect import DetectionTrainer

            network = _build_network(len(train.classes))
            origin = load_start_weights(
                network, start, head_prefix=HEAD_PREFIX, classes=train.classes
            )
            plan = DetectorPlan(
                network=network,
                classes=train.classes,
                preprocessing=self._preprocessing,
                training=training,
                learning_rate=self.learning_rate or rate,
                seed=seed,
                device=place,
                out=out,
                train=seen,
                validation=held_out,
            )
            report = train_yolo(DetectorOverrides, DetectionTrainer, plan, self._settings(training))
        notes = (origin, *_fit_notes(training, seen.excluded_boxes + held_out.excluded_boxes))
        return replace(report, notes=(*report.notes, *notes))

    def load(self, weights: Path, *, classes: tuple[str, ...], device: str) -> Detector:
        """Read what ``fit`` left; refuse other classes, another image size, damaged files."""
        check_classes(weights, classes, asdict(self._preprocessing))
        file, place = check_file_exists(weights / WEIGHTS_FILE), torch_device(device)
        with isolate_ultralytics():
            network = _build_network(len(classes))
            try:
                network.load_state_dict(read_state_dict(file))
            except (RuntimeError, TypeError) as error:
                raise damaged_file_error(file, str(error).partition("\n")[0]) from error
        network.to(place).eval()

        def detect(images: ImageBatch) -> list[Detections]:
            found: list[Detections] = []
            for first in range(0, len(images), PREDICTION_BATCH_SIZE):
                found += self._detect_batch(
                    network, images[first : first + PREDICTION_BATCH_SIZE], place
                )
            return found

        return detect

    @property
    def _preprocessing(self) -> Preprocessing:
        return Preprocessing(image_size=self.image_size, mean=(0.0, 0.0, 0.0), std=(1.0, 1.0, 1.0))

    def _settings(self, training: Training) -> dict[str, object]:
        return {
            "fliplr": 0.5 if training.flip else 0.0,
            "degrees": float(training.rotation),
            "cls_pw": 1.0 if training.class_weights else 0.0,  # 1: inverse to the frequency
            "close_mosaic": max(1, round(training.epochs / 10)),
            "conf": self.confidence,
            "iou": self.nms_iou,
            "max_det": self.max_detections,
        }

    def _detect_batch(
        self, network: "torch.nn.Module", images: ImageBatch, place: str
    ) -> Iterator[Detections]:
        """Fit the images into squares of one size, so that none depends on its neighbours."""
        import torch
        from ultralytics.data.augment import LetterBox
        from ultralytics.utils.ops import scale_boxes

        square = (self.image_size, self.image_size)
        fitted = np.stack([LetterBox(square)(image=image) for image in images])
        batch = torch.from_numpy(fitted).to(place).permute(0, 3, 1, 2).float() / 255
        kept = apply_nms(
            predict_logits(network, batch),
            confidence=self.confidence,
            iou=self.nms_iou,
            max_detections=self.max_detections,
        )
        for image, rows in zip(images, kept, strict=True):
            edges = scale_boxes(square, rows[:, :4].double(), image.shape[:2])
            yield _to_detections(torch.cat([edges, rows[:, 4:6].double()], dim=1).cpu().numpy())


def _to_detections(rows: Floats) -> Detections:
    """From edges, scores and labels; a box that lies in the padding alone is none."""
    sizes = rows[:, 2:4] - rows[:, :2]
    inside = (sizes > 0).all(axis=1)
    return Detections(
        boxes=np.concatenate([rows[:, :2], sizes], axis=1)[inside],
        scores=rows[inside, 4],
        labels=rows[inside, 5].astype(np.int64),
    )


def _build_network(classes: int) -> "torch.nn.Module":
    from ultralytics.nn.tasks import DetectionModel

    network: torch.nn.Module = DetectionModel(
        read_architecture("yolov8"), nc=classes, verbose=False
    )
    return network


def _check_boxes(seen: YoloExamples) -> None:
    if not any(len(label["cls"]) for label in seen.labels):
        raise DatasetError(
            f"None of the {len(seen.labels)} training images has a box to learn from.",
            fix="raise limit, or change the split.",
        )


def _fit_notes(training: Training, left_out: int) -> Iterator[str]:
    if left_out:
        yield f"{left_out} boxes of crowds or outside their image were not trained or chosen by"
    set_in_vain = [
        name for name in UNUSED_AUGMENTATIONS if getattr(training, name) != getattr(Training, name)
    ]
    if set_in_vain:
        yield f"training.{', training.'.join(set_in_vain)}: Ultralytics draws its own instead"
