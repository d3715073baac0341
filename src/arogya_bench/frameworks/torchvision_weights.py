"""The ImageNet weights that torchvision publishes, in the cache of this machine or downloaded."""

import re
from pathlib import Path

from arogya_bench.errors import ModelError
from arogya_bench.frameworks.weight_files import WeightFile
from arogya_bench.frameworks.weight_matching import describe_mismatch, describe_network, match_weights

SHAPED_BY_IMAGES = ("vit_", "maxvit")  # their tensors depend on the size of the images


def find_fitting_architecture(found: WeightFile, architecture: str) -> str | None:
    """Return another classifier of torchvision, of the same family by its name, that the weights of a file fit."""
    from torchvision import models

    family = re.match("[a-z]*", architecture)
    prefix = family[0] if family else architecture
    for name in models.list_models(module=models):
        if name == architecture or not name.startswith(prefix) or name.startswith(SHAPED_BY_IMAGES):
            continue
        network = describe_network(lambda classes, name=name: models.get_model(name, num_classes=classes), 2)  # type: ignore[misc]
        if not describe_mismatch(match_weights(found, network), network, needs_head=False):
            return str(name)
    return None


def find_imagenet_file(architecture: str, *, download: bool) -> Path:
    """Return where the file is, or will be after its download.

    Raises:
        ModelError: If it is not on this machine and may not be downloaded.
    """
    file, url = _cached_file(architecture), _url(architecture)
    if not file.is_file() and not download:
        raise ModelError(
            f"The ImageNet weights of {architecture} are not on this machine ({file}).",
            fix=f"on a machine with network, run `curl --create-dirs -o {file} {url}`, or set model.download=true; "
            f"else set model.weights=/path/to/{architecture}.pth or model.weights=none.",
        )
    return file


def fetch_imagenet_file(architecture: str, *, download: bool) -> Path:
    """Return the file, downloaded first if it is not there and may be."""
    file = find_imagenet_file(architecture, download=download)
    if not file.is_file():
        _download(_url(architecture), file)
    return file


def _url(architecture: str) -> str:
    from torchvision.models import get_model_weights

    return str(get_model_weights(architecture).DEFAULT.url)


def _cached_file(architecture: str) -> Path:
    import torch

    return Path(torch.hub.get_dir()) / "checkpoints" / _url(architecture).rpartition("/")[2]


def _download(url: str, file: Path) -> None:
    import torch

    file.parent.mkdir(parents=True, exist_ok=True)
    try:
        torch.hub.download_url_to_file(url, str(file), hash_prefix=file.stem.rpartition("-")[2], progress=False)
    except (OSError, RuntimeError) as error:
        raise ModelError(
            f"{url} could not be downloaded: {error}.",
            fix="try again with a network connection, or set model.weights to a file or to none.",
        ) from error
