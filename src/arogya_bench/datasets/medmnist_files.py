"""Files of the 2-D datasets of MedMNIST: URLs, checksums, licences, classes and citation.

Copied from ``medmnist/info.py`` (URLs, ``MD5*``, ``license``) and ``METADATA`` (citation) of medmnist 3.0.2.
"""

from collections.abc import Mapping
from dataclasses import dataclass

ZENODO_RECORD = "https://zenodo.org/records/10519652"
FILES_URL = f"{ZENODO_RECORD}/files"  # URL of a file: FILES_URL/NAME?download=1
HOMEPAGE = "https://medmnist.com"
DEFAULT_LICENCE = "CC BY 4.0"
SIZES = (28, 64, 128, 224)  # width and height in pixels
CITATION = (
    "Jiancheng Yang, Rui Shi, Donglai Wei, Zequan Liu, Lin Zhao, Bilian Ke, Hanspeter Pfister, "
    'Bingbing Ni. "MedMNIST v2-A large-scale lightweight benchmark for 2D and 3D biomedical image '
    'classification." Scientific Data, 2023.'
)

UNSUPPORTED = {"chestmnist": "its images have several labels each, and only one is supported"} | dict.fromkeys(
    ("organmnist3d", "nodulemnist3d", "adrenalmnist3d", "fracturemnist3d", "vesselmnist3d", "synapsemnist3d"),
    "it holds volumes, and only 2-D images are supported",
)


@dataclass(frozen=True, kw_only=True)
class PublishedFiles:
    """Published files of one dataset.

    Attributes:
        title: Name in the spelling of the authors.
        licence: Licence stated by the authors.
        md5: MD5 of the file by image size in pixels, 32 hexadecimal characters.
        classes: Class names in the order of the labels; empty for class_0, class_1 and so on.
    """

    title: str
    licence: str
    md5: Mapping[int, str]
    classes: tuple[str, ...] = ()


def _published(title: str, *md5: str, licence: str = DEFAULT_LICENCE, classes: tuple[str, ...] = ()) -> PublishedFiles:
    return PublishedFiles(title=title, licence=licence, md5=dict(zip(SIZES, md5, strict=True)), classes=classes)


PUBLISHED = {
    "pathmnist": _published(
        "PathMNIST",
        "a8b06965200029087d5bd730944a56c1",
        "55aa9c1e0525abe5a6b9d8343a507616",
        "ac42d08fb904d92c244187169d1fd1d9",
        "2c51a510bcdc9cf8ddb2af93af1eadec",
        classes=(
            "adipose",
            "background",
            "debris",
            "lymphocytes",
            "mucus",
            "smooth muscle",
            "normal colon mucosa",
            "cancer-associated stroma",
            "colorectal adenocarcinoma epithelium",
        ),
    ),
    "dermamnist": _published(
        "DermaMNIST",
        "0744692d530f8e62ec473284d019b0c7",
        "b70a2f5635c6199aeaa28c31d7202e1f",
        "2defd784463fa5243564e855ed717de1",
        "8974907d8e169bef5f5b96bc506ae45d",
        licence="CC BY-NC 4.0",
        classes=(
            "actinic keratoses",
            "basal cell carcinoma",
            "benign keratosis",
            "dermatofibroma",
            "melanoma",
            "melanocytic nevi",
            "vascular lesions",
        ),
    ),
    "octmnist": _published(
        "OCTMNIST",
        "c68d92d5b585d8d81f7112f81e2d0842",
        "e229e9440236b774d9f0dfef9d07bdaf",
        "0a97e76651ace45c5d943ee3f65b63ae",
        "abc493b6d529d5de7569faaef2773ba3",
        classes=("choroidal neovascularization", "diabetic macular edema", "drusen", "normal"),
    ),
    "pneumoniamnist": _published(
        "PneumoniaMNIST",
        "28209eda62fecd6e6a2d98b1501bb15f",
        "8f4eceb4ccffa70c672198ea285246c6",
        "05b46931834c231683c68f40c47b2971",
        "d6a3c71de1b945ea11211b03746c1fe1",
        classes=("normal", "pneumonia"),
    ),
    "retinamnist": _published(
        "RetinaMNIST",
        "bd4c0672f1bba3e3a89f0e4e876791e4",
        "afda852cc34dcda56f86ad2b2457dbcc",
        "e48e916a24454daf90583d4e6efb1a18",
        "eae7e3b6f3fcbda4ae613ebdcbe35348",
    ),
    "breastmnist": _published(
        "BreastMNIST",
        "750601b1f35ba3300ea97c75c52ff8f6",
        "742edef2a1fd1524b2efff4bd7ba9364",
        "363e4b3f8d712e9b5de15470a2aaadf1",
        "b56378a6eefa9fed602bb16d192d4c8b",
        classes=("malignant", "normal or benign"),
    ),
    "bloodmnist": _published(
        "BloodMNIST",
        "7053d0359d879ad8a5505303e11de1dc",
        "2b94928a2ae4916078ca51e05b6b800b",
        "adace1e0ed228fccda1f39692059dd4c",
        "b718ff6835fcbdb22ba9eacccd7b2601",
        classes=(
            "basophil",
            "eosinophil",
            "erythroblast",
            "immature granulocytes",
            "lymphocyte",
            "monocyte",
            "neutrophil",
            "platelet",
        ),
    ),
    "tissuemnist": _published(
        "TissueMNIST",
        "ebe78ee8b05294063de985d821c1c34b",
        "123ece2eba09d0aa5d698fda57103344",
        "61b955355d7425a89687b06cca3ce0c2",
        "b077128c4a949f0a4eb01517f9037b9c",
    ),
    "organamnist": _published(
        "OrganAMNIST",
        "68e3f8846a6bd62f0c9bf841c0d9eacc",
        "2dcccc29b88e6da5a01161ef20cda288",
        "eeae80d0a227a8d099027e1b3cfd3b60",
        "50747347e05c87dd3aaf92c49f9f3170",
    ),
    "organcmnist": _published(
        "OrganCMNIST",
        "b9ceb9546e10131b32923c5bbeaea2b1",
        "3ce34a8724ea6f548e6db4744d03b6a9",
        "773c1f009daa3fe5d9a2a201b2a7ed94",
        "050f5e875dc056f6768abf94ec9995d1",
    ),
    "organsmnist": _published(
        "OrganSMNIST",
        "9ab87b696fb54e2a387ebe992d6ed5f1",
        "53a6d115339d874c25e309a994ff46d3",
        "ded0c5fa01a95dc4978b956f613e9b8e",
        "b354719e553fbbb2513d5533f52a4cb1",
    ),
}


def file_name(name: str, size: int) -> str:
    """File name of a dataset: ``NAME.npz`` for 28 pixels, else ``NAME_SIZE.npz``."""
    return f"{name}.npz" if size == SIZES[0] else f"{name}_{size}.npz"
