"""Decode a single-frame DICOM file as a viewer would show it: rescaled, windowed, 8-bit RGB."""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import PIL.Image

from arogya_bench.errors import DatasetError, needs_extra
from arogya_bench.images.dicom_greyscale import read_lookup_table, render_greyscale
from arogya_bench.images.safe_errors import PARSER_ERRORS, sanitised_message
from arogya_bench.images.windowing import Values, Window, apply_window
from arogya_bench.types import Image

if TYPE_CHECKING:
    from pydicom.dataset import Dataset as Header

SUFFIX = ".dcm"
GREY_INTERPRETATIONS = ("MONOCHROME1", "MONOCHROME2")
COLOUR_INTERPRETATIONS = ("RGB", "YBR_FULL", "YBR_FULL_422", "YBR_ICT", "YBR_RCT")
REQUIRED_KEYWORDS = ("Rows", "Columns", "PhotometricInterpretation")
PIXEL_KEYWORDS = ("PixelData", "FloatPixelData", "DoubleFloatPixelData")
PALETTE_INTERPRETATION = "PALETTE COLOR"
# Objects with pixels that are overlays, not images.
NON_IMAGE_CLASSES = {
    "1.2.840.10008.5.1.4.1.1.66.4": "a segmentation (SEG)",
    "1.2.840.10008.5.1.4.1.1.481.2": "a radiation dose (RTDOSE)",
}
JPEG_EXTENDED = "1.2.840.10008.1.2.4.51"  # Pillow decodes it with 8 bits, but not with 12
# Packages for the transfer syntaxes that pydicom cannot decode with Pillow and NumPy alone.
DECODER_PACKAGES = {
    JPEG_EXTENDED: "python-gdcm",
    "1.2.840.10008.1.2.4.57": "python-gdcm",  # JPEG Lossless
    "1.2.840.10008.1.2.4.70": "python-gdcm",
    "1.2.840.10008.1.2.4.80": "pyjpegls",  # JPEG-LS
    "1.2.840.10008.1.2.4.81": "pyjpegls",
    "1.2.840.10008.1.2.4.201": "pylibjpeg pylibjpeg-openjpeg",  # High-Throughput JPEG 2000
    "1.2.840.10008.1.2.4.202": "pylibjpeg pylibjpeg-openjpeg",
    "1.2.840.10008.1.2.4.203": "pylibjpeg pylibjpeg-openjpeg",
}
DECODE_ERRORS = (*PARSER_ERRORS, RuntimeError, AssertionError, PIL.Image.DecompressionBombError)


def decode_errors() -> tuple[type[Exception], ...]:
    """Errors that pydicom raises for damaged files, imported only when one is raised."""
    with suppress(ModuleNotFoundError):
        from pydicom.errors import BytesLengthException, InvalidDicomError

        return *DECODE_ERRORS, BytesLengthException, InvalidDicomError
    return DECODE_ERRORS


def has_signature(head: bytes) -> bool:
    """Whether the first bytes of a file are those of DICOM."""
    return head[128:132] == b"DICM"


def decode(file: Path, window: Window | None = None) -> Image:
    """Decode a DICOM file with one frame, with or without the preamble.

    For grey values and the window see ``render_greyscale``. Palettes, luminance and chrominance become RGB; colours of
    more than 8 bits are scaled from the range of their stored bits. Overlays are not drawn.
    """
    with _translate_errors(file):
        from pydicom import dcmread

        header = dcmread(file, force=True)
        _check_is_image(header, file.name)
        _set_transfer_syntax(header)
        _check_decodable(header, file.name)
        pixels = _read_pixels(header, file.name)
        if str(header.PhotometricInterpretation) in GREY_INTERPRETATIONS:
            return render_greyscale(header, pixels, window, file.name)
        return _colours_to_rgb(header, pixels, file.name)


def read_size(file: Path) -> tuple[int, int]:
    """Read the width and height of the image in pixels from the header."""
    with _translate_errors(file):
        from pydicom import dcmread

        header = dcmread(file, force=True, stop_before_pixels=True)
        return int(header.Columns), int(header.Rows)


@contextmanager
def _translate_errors(file: Path) -> Iterator[None]:
    with needs_extra("dicom"):
        import pydicom  # noqa: F401 - check that it is installed
    try:
        with warnings.catch_warnings():
            # pydicom warns of violations of the standard, which are frequent in archives, and of padding
            # after the pixels. Whatever prevents decoding raises an error later.
            warnings.filterwarnings("ignore", category=UserWarning, module=r"pydicom\.")
            yield
    except decode_errors() as error:
        raise DatasetError(
            f"The DICOM file {file.name} cannot be decoded: {sanitised_message(error, file)}",
            fix="get the file again, or export it as uncompressed DICOM",
        ) from error


def _check_is_image(header: "Header", name: str) -> None:
    if content := NON_IMAGE_CLASSES.get(str(header.get("SOPClassUID", ""))):
        raise DatasetError(f"The DICOM file {name} holds {content}, not an image.", fix="leave it out of the dataset")
    missing = [key for key in REQUIRED_KEYWORDS if key not in header]
    if missing or not any(key in header for key in PIXEL_KEYWORDS):
        modality = header.get("Modality") or "unstated"
        raise DatasetError(
            f"The DICOM file {name} holds no image: it lacks {', '.join(missing) or 'pixels'} "
            f"(modality {modality}). It is another object or was truncated.",
            fix="leave it out of the dataset, or get the file again",
        )
    frames = int(header.get("NumberOfFrames") or 1)
    if frames != 1:
        raise DatasetError(f"The DICOM file {name} holds {frames} frames.", fix="write each frame to its own file")
    pixels = int(header.Rows) * int(header.Columns)
    limit = 2 * (PIL.Image.MAX_IMAGE_PIXELS or pixels)
    if pixels > limit:
        raise DatasetError(
            f"The DICOM file {name} states {header.Columns} x {header.Rows} pixels, more than "
            f"{limit}; it could be a decompression bomb.",
            fix="cut it into smaller images, or get the file again",
        )


def _set_transfer_syntax(header: "Header") -> None:
    """Set the transfer syntax of a file that does not state it."""
    from pydicom import uid

    if "TransferSyntaxUID" not in header.file_meta:
        implicit, little = header.original_encoding
        syntax = uid.ImplicitVRLittleEndian if implicit else uid.ExplicitVRLittleEndian
        header.file_meta.TransferSyntaxUID = syntax if little else uid.ExplicitVRBigEndian


def _check_decodable(header: "Header", name: str) -> None:
    from pydicom.pixels import get_decoder

    syntax = header.file_meta.TransferSyntaxUID
    package = DECODER_PACKAGES.get(str(syntax), "")
    pillow_decodes = syntax != JPEG_EXTENDED or int(header.BitsStored) == 8
    try:
        plugins = [name for name in get_decoder(syntax).available_plugins if pillow_decodes or name != "pillow"]
        readable = plugins or not syntax.is_encapsulated
    except NotImplementedError:  # such as video
        readable = False
    if not readable:
        install = f"pip install {package}, or " if package else ""
        raise DatasetError(
            f"The DICOM file {name} is compressed as {syntax.name}, and no installed package decodes it.",
            fix=f"{install}write it as uncompressed DICOM",
        )


def _read_pixels(header: "Header", name: str) -> Values:
    try:
        pixels: Values = header.pixel_array
    except RuntimeError as error:  # lists the errors of all decoders
        raise DatasetError(
            f"The DICOM file {name} cannot be decoded: its compressed pixels are damaged, or of a "
            "kind that Pillow does not support.",
            fix="get the file again, or export it as uncompressed DICOM",
        ) from error
    return pixels


def _colours_to_rgb(header: "Header", pixels: Values, name: str) -> Image:
    interpretation = str(header.PhotometricInterpretation)
    if interpretation == PALETTE_INTERPRETATION:
        return _apply_palette(header, pixels)
    if interpretation not in COLOUR_INTERPRETATIONS:
        raise DatasetError(
            f"The DICOM file {name} has the photometric interpretation {interpretation}, which is not supported.",
            fix="export it as RGB or MONOCHROME2",
        )
    if int(header.BitsStored) == 8:
        return np.array(pixels, dtype=np.uint8)
    return apply_window(pixels, (0.0, 2.0 ** int(header.BitsStored) - 1))


def _apply_palette(header: "Header", pixels: Values) -> Image:
    """Apply the palette; of 16-bit colours the upper 8 bits are kept."""
    from pydicom.pixels import apply_color_lut

    descriptor = header["RedPaletteColorLookupTableDescriptor"].value
    signed = bool(header.PixelRepresentation)
    if "RedPaletteColorLookupTableData" not in header:  # segmented tables
        colours = apply_color_lut(pixels, header)[..., :3]
        return np.ascontiguousarray(colours >> (8 * colours.itemsize - 8), np.uint8)
    channels = []
    for colour in ("Red", "Green", "Blue"):
        data = header[f"{colour}PaletteColorLookupTableData"].value
        table = read_lookup_table(descriptor, data, header, signed=signed)
        channels.append(table.apply(pixels) >> (table.bits - 8))
    return np.stack(channels, axis=-1).astype(np.uint8)
