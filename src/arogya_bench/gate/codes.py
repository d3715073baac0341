"""The codes of the gate: what each stands for, how bad it is, and the way out."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Literal, NamedTuple

Severity = Literal["error", "warning", "info"]
SEVERITIES: tuple[Severity, ...] = ("error", "warning", "info")


class GateCode(NamedTuple):
    """What a code stands for; a finding may be milder where its own evidence says so."""

    severity: Severity
    title: str
    fix: str


_FIX_SPLIT_BY_GROUP = "divide by group: split.method=group"
_FIX_DROP_COPIES = "keep one of each, or give all copies one group, so that they stay together"
_FIX_REVIEW_EXAMPLES = "look at the examples; keep one of each, or give them one group"
_FIX_GET_FILES_AGAIN = "get the files again, or leave the cases out"
_FIX_SHORTCUT = (
    "look at some images of each class; make all classes alike, or report it per subgroup"
)

CODES: Mapping[str, GateCode] = MappingProxyType(
    {
        "AB101": GateCode("error", "Group in two splits", _FIX_SPLIT_BY_GROUP),
        "AB102": GateCode("error", "Exact duplicate across splits", _FIX_DROP_COPIES),
        "AB103": GateCode(
            "error",
            "Exact duplicate under another label",
            "find out which label is right, and leave the other case out",
        ),
        "AB104": GateCode("warning", "Exact duplicate within a split", "keep one of each"),
        "AB105": GateCode("warning", "Near duplicate across splits", _FIX_REVIEW_EXAMPLES),
        "AB106": GateCode(
            "warning",
            "Near duplicate under another label",
            "look at the examples; if they show the same thing, one of the labels is wrong",
        ),
        "AB107": GateCode("warning", "Near duplicate within a split", _FIX_REVIEW_EXAMPLES),
        "AB108": GateCode(
            "warning", "Split by image although groups are known", _FIX_SPLIT_BY_GROUP
        ),
        "AB109": GateCode(
            "info",
            "Source names no patients",
            "say where the patient stands, if the source knows it; else intervals are too narrow "
            "wherever patients repeat",
        ),
        "AB201": GateCode("error", "Unreadable image", _FIX_GET_FILES_AGAIN),
        "AB202": GateCode(
            "error", "Image cut off or damaged within its pixels", _FIX_GET_FILES_AGAIN
        ),
        "AB203": GateCode("error", "Empty file", _FIX_GET_FILES_AGAIN),
        "AB204": GateCode(
            "error",
            "Image so large that it may be a decompression bomb",
            "cut it into tiles or make it smaller, or leave the case out",
        ),
        "AB205": GateCode(
            "warning",
            "CMYK image",
            "convert it to RGB with its own colour profile; programs differ without one",
        ),
        "AB206": GateCode(
            "warning",
            "Palette image",
            "look whether it is a mask or a converted GIF; write photographs as RGB or grey",
        ),
        "AB207": GateCode(
            "error",
            "More than 8 bits without a declared window",
            "say which stored values become black and white: dataset.window=[low,high]",
        ),
        "AB208": GateCode(
            "error",
            "Animated image, or several frames",
            "write the frame that counts to a file of its own",
        ),
        "AB209": GateCode(
            "error",
            "Pixels that are NaN or infinite",
            "replace them by what they stand for, such as the background, or leave the case out",
        ),
        "AB210": GateCode("error", "Missing file", "unpack it again, or leave the case out"),
        "AB211": GateCode(
            "warning",
            "Image of one flat colour",
            "look whether it is a failed export; leave it out, or get it again",
        ),
        "AB301": GateCode(
            "error",
            "Class missing from a split",
            "add cases of that class from at least 3 groups, leave the class out, or set another "
            "split.seed or other shares",
        ),
        "AB302": GateCode(
            "warning",
            "Tiny class in a split",
            "add cases, give the part a larger share (split.test=0.2 split.train=0.7), or use "
            "split.method=kfold; until then read nothing into the class's own scores",
        ),
        "AB303": GateCode(
            "warning",
            "Imbalanced classes",
            "judge by balanced accuracy or macro F1, and keep training.class_weights=true",
        ),
        "AB304": GateCode(
            "warning",
            "Shares of the split are off",
            "set split.train, split.validation and split.test; where few groups hold most cases, "
            "other shares or another split.seed",
        ),
        "AB305": GateCode(
            "error",
            "Label outside the classes, or none",
            "correct the labels, or name every class: dataset.classes=[first,second,...]",
        ),
        "AB306": GateCode(
            "warning",
            "Classes differ between train and test",
            "read accuracy and calibration with care; balanced accuracy and AUROC do not mind",
        ),
        "AB307": GateCode(
            "warning",
            "Classes that differ only in spelling",
            "give what is the same one name in the source; rename the rest so that they differ",
        ),
        "AB401": GateCode("warning", "File size alone predicts the label", _FIX_SHORTCUT),
        "AB402": GateCode("warning", "Image size alone predicts the label", _FIX_SHORTCUT),
        "AB403": GateCode("warning", "Border colour alone predicts the label", _FIX_SHORTCUT),
        "AB404": GateCode("warning", "Source folder alone predicts the label", _FIX_SHORTCUT),
        "AB501": GateCode(
            "error",
            "Weights that may have seen the test images",
            "use weights that were fitted on other data, or leave the model out",
        ),
    }
)
