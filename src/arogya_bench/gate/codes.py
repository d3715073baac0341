"""The codes of the gate: severity, title and fix of each finding."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Literal, NamedTuple

Severity = Literal["error", "warning", "info"]
SEVERITIES: tuple[Severity, ...] = ("error", "warning", "info")


class GateCode(NamedTuple):
    """Meaning of a code; a finding may be less severe than its code."""

    severity: Severity
    title: str
    fix: str


_SPLIT_BY_GROUP = "split by group: split.method=group"
_EXCLUDE = "name the cases in a file: dataset.exclude=FILE"
_ALL_PAIRS = "every pair in copies.csv (arogya-bench data check ... --out DIR; also in the run of a sweep)"
_LISTED = "copies.csv lists all: arogya-bench data check ... --out DIR"
_REVIEW_PAIRS = f"inspect {_ALL_PAIRS}; keep one of each (dataset.exclude=FILE), or assign both to one group"
_GET_FILES_AGAIN = f"get the files again, or leave them out: {_EXCLUDE}"
_REMOVE_SHORTCUT = (
    "inspect some images of each class; prepare all classes in the same way, or report results per subgroup"
)

CODES: Mapping[str, GateCode] = MappingProxyType(
    {
        "AB101": GateCode("error", "Group in two splits", _SPLIT_BY_GROUP),
        "AB102": GateCode(
            "error",
            "Exact duplicate across splits",
            "keep one copy (dataset.exclude=FILE leaves the others out), or assign all copies to one group, so that "
            f"they stay in one split; {_LISTED}",
        ),
        "AB103": GateCode(
            "error",
            "Exact duplicate under another label",
            f"find out which label is correct, and leave the other case out: {_EXCLUDE}; {_LISTED}",
        ),
        "AB104": GateCode(
            "warning",
            "Exact duplicate within a split",
            f"keep one copy (dataset.exclude=FILE leaves the others out); {_LISTED}",
        ),
        "AB105": GateCode("warning", "Near duplicate across splits", _REVIEW_PAIRS),
        "AB106": GateCode(
            "warning",
            "Near duplicate under another label",
            f"inspect {_ALL_PAIRS}; if both show the same thing, one of the labels is wrong",
        ),
        "AB107": GateCode("warning", "Near duplicate within a split", _REVIEW_PAIRS),
        "AB108": GateCode("warning", "Split by image although groups are known", _SPLIT_BY_GROUP),
        "AB109": GateCode(
            "info",
            "Source defines no patients",
            "configure where the patient is found, if the source has it (such as dataset.group); "
            "otherwise intervals are too narrow when patients have several images",
        ),
        "AB110": GateCode(
            "warning",
            "Patient with far more cases than the others",
            "check whether the name stands for unknown patients; if so, write the name of the image there (or count "
            "every image as a patient of its own: dataset.group_column=null)",
        ),
        "AB201": GateCode("error", "Unreadable image", _GET_FILES_AGAIN),
        "AB202": GateCode("error", "Truncated image, or damaged pixels", _GET_FILES_AGAIN),
        "AB203": GateCode("error", "Empty file", _GET_FILES_AGAIN),
        "AB204": GateCode(
            "error",
            "Image so large that it may be a decompression bomb",
            f"cut it into tiles, downscale it, or leave it out: {_EXCLUDE}",
        ),
        "AB205": GateCode(
            "warning", "CMYK image", "convert it to RGB with its colour profile; programs disagree without one"
        ),
        "AB206": GateCode(
            "warning", "Palette image", "check whether it is a mask or a converted GIF; save photographs as RGB or grey"
        ),
        "AB207": GateCode(
            "error",
            "More than 8 bits without a declared window",
            "set the stored values that become black and white: dataset.window=[low,high]",
        ),
        "AB208": GateCode("error", "Animated image or several frames", "save the relevant frame as a separate file"),
        "AB209": GateCode(
            "error",
            "NaN or infinite pixels",
            f"replace them by a valid value, such as that of the background, or leave the image out: {_EXCLUDE}",
        ),
        "AB210": GateCode("error", "Missing file", f"unpack the archive again, or leave the case out: {_EXCLUDE}"),
        "AB211": GateCode(
            "warning",
            "Image of a single colour",
            f"check whether the export failed; get the image again, or leave it out: {_EXCLUDE}",
        ),
        "AB212": GateCode(
            "error",
            "Mask or drawing of another image among the cases",
            f"remove these files from the table of the dataset, or {_EXCLUDE}; if they are cases, gate=warn goes on",
        ),
        "AB213": GateCode(
            "warning",
            "Image of few grey levels among photographs, as masks are",
            f"inspect some; masks and drawings are no cases: {_EXCLUDE}",
        ),
        "AB214": GateCode(
            "warning",
            "Named like a case of another patient with a word added",
            "inspect some; assign altered copies and further views to the patient of the first one (such as "
            f"dataset.group), and leave drawings out: {_EXCLUDE}",
        ),
        "AB301": GateCode(
            "error",
            "Class missing from a split",
            "add cases of that class from at least 3 groups, set another split.seed or other shares, or leave the "
            f"class out: list the other classes in dataset.classes, and {_EXCLUDE}",
        ),
        "AB302": GateCode(
            "warning",
            "Class with few cases in a split",
            "add cases, give the split a larger share (split.test=0.2 split.train=0.7), or "
            "use split.method=kfold; until then do not interpret the scores of this class",
        ),
        "AB303": GateCode(
            "warning",
            "Imbalanced classes",
            "use balanced accuracy or macro F1 as primary metric, and keep training.class_weights=true",
        ),
        "AB304": GateCode(
            "warning",
            "Splits differ from the requested shares",
            "set split.train, split.validation and split.test; if a few groups hold most "
            "cases, set other shares or another split.seed",
        ),
        "AB305": GateCode(
            "error",
            "Label missing or not among the classes",
            "correct the labels, or list every class: dataset.classes=[first,second,...]; to leave these labels out, "
            f"{_EXCLUDE}",
        ),
        "AB306": GateCode(
            "warning",
            "Class frequencies differ between train and test",
            "interpret accuracy and calibration with care; balanced accuracy and AUROC are not affected",
        ),
        "AB307": GateCode(
            "warning",
            "Class names that differ only in spelling",
            "use one name per class in the source; rename classes that are in fact different",
        ),
        "AB308": GateCode(
            "warning",
            "Test split too small for a verdict",
            "give the test split a larger share (split.test=0.4 split.train=0.5), or use more data",
        ),
        "AB309": GateCode(
            "error",
            "Test split without cases",
            "add cases, give the test split a larger share (split.test=0.2 split.train=0.7), or test on every case: "
            "split.test=1",
        ),
        "AB401": GateCode("warning", "File size alone predicts the label", _REMOVE_SHORTCUT),
        "AB402": GateCode("warning", "Image size alone predicts the label", _REMOVE_SHORTCUT),
        "AB403": GateCode("warning", "Border colour alone predicts the label", _REMOVE_SHORTCUT),
        "AB404": GateCode("warning", "Source folder alone predicts the label", _REMOVE_SHORTCUT),
        "AB501": GateCode(
            "error",
            "Weights that may have been trained on the test images",
            "use weights trained on other data, or leave the model out of the sweep",
        ),
    }
)
