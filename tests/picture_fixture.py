"""Small image files."""

import numpy as np
import PIL.Image
import pytest


@pytest.fixture
def picture(tmp_path):
    """Write an image below the folder of this test; each name has different pixels."""

    def write(name, size=(60, 40), **options):
        file = tmp_path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        rng = np.random.default_rng(list(name.encode()))
        pixels = rng.integers(0, 256, (size[1], size[0], 3), dtype=np.uint8)
        PIL.Image.fromarray(pixels).save(file, **options)
        return pixels

    return write
