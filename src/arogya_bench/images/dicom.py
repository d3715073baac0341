"""Decode a single-frame DICOM file as a viewer would show it: rescaled, windowed, 8-bit RGB."""

import struct
import warnings
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import PIL.Image

from arogya_bench.errors import DatasetError, needs_extra
from arogya_bench.images.dicom_greyscale import read_lookup_table, render_greyscale
from arogya_bench.images.safe_errors import sanitised_message
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
# Packages for the transfer syntaxes that pydicom cannot decode with Pillow and NumPy alone.
DECODER_PACKAGES = {
    "1.2.840.10008.1.2.4.51": "python-gdcm",  # JPEG Extended, 12 bits
    "1.2.840.10008.1.2.4.57": "python-gdcm",  # JPEG Lossless
    "1.2.840.10008.1.2.4.70": "python-gdcm",
    "1.2.840.10008.1.2.4.80": "pyjpegls",  # JPEG-LS
    "1.2.840.10008.1.2.4.81": "pyjpegls",
    "1.2.840.10008.1.2.4.201": "pylibjpeg pylibjpeg-openjpeg",  # High-Throughput JPEG 2000
    "1.2.840.10008.1.2.4.202": "pylibjpeg pylibjpeg-openjpeg",
    "1.2.840.10008.1.2.4.203": "pylibjpeg pylibjpeg-openjpeg",
}
# Errors that pydicom raises for damaged files besides its own, found by flipping bytes.
DECODE_ERRORS = (
    OSError,
    EOFError,
    ValueError,
    TypeError,
    AttributeError,
    LookupError,
    ArithmeticError,
    NotImplementedError,
    RuntimeError,
    AssertionError,
    struct.error,
    zlib.error,
    PIL.Image.DecompressionBombError,
)


class DicomImageSize(NamedTuple):
    """Size of an image in pixels."""

    width: int
    height: int


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
    """Decode a DICOM file with one frame.

    Grey values are rescaled (PS3.3 C.11.1), then shown through the declared window, else through the first window or
    table of the file (C.11.2), else over the range of the stored bits; and inverted for MONOCHROME1. Palettes and
    luminance with chrominance become RGB; colours of more than 8 bits are scaled from the range of their stored bits.
    Overlays are not drawn.

    Args:
        file: With or without the preamble.
        window: In units after rescaling, such as Hounsfield; of grey images only.

    Raises:
        DatasetError: If the file is damaged, holds no image or several, or is compressed in a way that needs another
            package.
        MissingExtra: If pydicom is not installed.
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


def read_size(file: Path) -> DicomImageSize:
    """Read the size of the image from the header."""
    with _translate_errors(file):
        from pydicom import dcmread

        header = dcmread(file, force=True, stop_before_pixels=True)
        return DicomImageSize(int(header.Columns), int(header.Rows))


@contextmanager
def _translate_errors(file: Path) -> Iterator[None]:
    with needs_extra("dicom"):
        import pydicom  # noqa: F401 - is it there?
    try:
        with warnings.catch_warnings():
            # pydicom warns of values that break the standard, of which archives are full, and of
            # padding behind the pixels. What hinders decoding is an error soon after.
            warnings.filterwarnings("ignore", category=UserWarning, module=r"pydicom\.")
            yield
    except decode_errors() as error:
        raise DatasetError(
            f"The DICOM file {file.name} cannot be decoded: {sanitised_message(error, file)}",
            fix="get the file again, or export it as uncompressed DICOM",
        ) from error


def _check_is_image(header: "Header", name: str) -> None:
    if kind := NON_IMAGE_CLASSES.get(str(header.get("SOPClassUID", ""))):
        raise DatasetError(f"The DICOM file {name} holds {kind}, not an image.", fix="leave it out of the dataset")
    lacking = [key for key in REQUIRED_KEYWORDS if key not in header]
    if lacking or not any(key in header for key in PIXEL_KEYWORDS):
        modality = header.get("Modality") or "unstated"
        raise DatasetError(
            f"The DICOM file {name} holds no image: it lacks {', '.join(lacking) or 'pixels'} "
            f"(modality {modality}). It is another object, or was cut off.",
            fix="leave it out of the dataset, or get the file again",
        )
    frames = int(header.get("NumberOfFrames") or 1)
    if frames != 1:
        raise DatasetError(f"The DICOM file {name} holds {frames} frames.", fix="write each frame to its own file")
    pixels = int(header.Rows) * int(header.Columns)
    most = 2 * (PIL.Image.MAX_IMAGE_PIXELS or pixels)
    if pixels > most:
        raise DatasetError(
            f"The DICOM file {name} states {header.Columns} x {header.Rows} pixels, more than "
            f"{most}; that could be an attack on the memory.",
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
    bits_of_pillow = syntax != "1.2.840.10008.1.2.4.51" or int(header.BitsStored) == 8
    try:
        decoder = get_decoder(syntax)
        plugins = [each for each in decoder.available_plugins if bits_of_pillow or each != "pillow"]
        readable = plugins or not syntax.is_encapsulated
    except NotImplementedError:  # such as video
        readable = False
    if not readable:
        advice = "write it as uncompressed DICOM"
        raise DatasetError(
            f"The DICOM file {name} is compressed as {syntax.name}, which nothing that is installed decodes.",
            fix=f"pip install {package}, or {advice}" if package else advice,
        )


def _read_pixels(header: "Header", name: str) -> Values:
    try:
        pixels: Values = header.pixel_array
    except RuntimeError as error:  # it packs the errors of every decoder into one
        raise DatasetError(
            f"The DICOM file {name} cannot be decoded: its compressed pixels are damaged, or of a "
            "kind that Pillow does not know.",
            fix="get the file again, or export it as uncompressed DICOM",
        ) from error
    return pixels


def _colours_to_rgb(header: "Header", pixels: Values, name: str) -> Image:
    kind = str(header.PhotometricInterpretation)
    if kind == PALETTE_INTERPRETATION:
        return _apply_palette(header, pixels)
    if kind not in COLOUR_INTERPRETATIONS:
        raise DatasetError(
            f"The DICOM file {name} has pixels of kind {kind}, which has no one way to RGB.",
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
    if "RedPaletteColorLookupTableData" not in header:  # the tables are packed in segments
        painted = apply_color_lut(pixels, header)[..., :3]
        return np.ascontiguousarray(painted >> (8 * painted.itemsize - 8), np.uint8)
    channels = []
    for colour in ("Red", "Green", "Blue"):
        data = header[f"{colour}PaletteColorLookupTableData"].value
        table = read_lookup_table(descriptor, data, header, signed=signed)
        channels.append(table.apply(pixels) >> (table.bits - 8))
    return np.stack(channels, axis=-1).astype(np.uint8)
