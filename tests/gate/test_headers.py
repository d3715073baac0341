"""A header is read whatever the format, and a file without one is a problem with a code."""

import gzip
from pathlib import Path

import cv2
import numpy as np
import PIL.Image
import pytest
from pydicom.data import get_testdata_file

from arogya_bench.gate.headers import ImageHeader, ImageProblem, pixel_problem, read_header, suppress_decoder_warnings
from arogya_bench.gate.scanning import scan_image
from arogya_bench.images.decoding import decode
from arogya_bench.types import Case


@pytest.fixture
def dicom_file(tmp_path):
    """A real DICOM file of 12 bits, 6 x 4."""
    pydicom = pytest.importorskip("pydicom")
    from pydicom.uid import ExplicitVRLittleEndian, SecondaryCaptureImageStorage

    image = pydicom.Dataset()
    image.file_meta = pydicom.dataset.FileMetaDataset()
    image.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    image.file_meta.MediaStorageSOPClassUID = SecondaryCaptureImageStorage
    image.file_meta.MediaStorageSOPInstanceUID = "1.2.3"
    image.SOPClassUID, image.SOPInstanceUID = SecondaryCaptureImageStorage, "1.2.3"
    image.Rows, image.Columns, image.SamplesPerPixel = 4, 6, 1
    image.BitsAllocated, image.BitsStored, image.HighBit = 16, 12, 11
    image.PixelRepresentation, image.PhotometricInterpretation = 0, "MONOCHROME2"
    image.PixelData = np.arange(24, dtype=np.uint16).tobytes()

    def write(**changed):
        for name, value in changed.items():
            setattr(image, name, value)
        image.save_as(tmp_path / "a.dcm", enforce_file_format=True)
        return tmp_path / "a.dcm"

    return write


def nifti(file, values):
    nibabel = pytest.importorskip("nibabel")
    nibabel.Nifti1Image(values, np.eye(4)).to_filename(file)
    return file


@pytest.mark.parametrize(("mode", "bits"), [("1", 1), ("L", 8), ("RGB", 8), ("RGBA", 8), ("I;16", 16), ("P", 8)])
def test_a_png_says_its_bits(tmp_path, mode, bits):
    PIL.Image.new(mode, (6, 4)).save(tmp_path / "a.png")

    assert read_header(tmp_path / "a.png") == ImageHeader(6, 4, mode, bits, 1)


@pytest.mark.parametrize("suffix", ["png", "tif"])
def test_colours_of_sixteen_bits_are_not_eight(tmp_path, suffix):
    cv2.imwrite(str(tmp_path / f"a.{suffix}"), np.full((4, 6, 3), 3000, dtype=np.uint16))

    assert read_header(tmp_path / f"a.{suffix}") == ImageHeader(6, 4, "RGB", 16, 1)


@pytest.mark.parametrize("suffix", ["png", "tif", "webp", "gif"])
def test_frames_are_counted(tmp_path, suffix):
    first, second = (PIL.Image.new("RGB", (6, 4), colour) for colour in ("red", "blue"))
    first.save(tmp_path / f"a.{suffix}", save_all=True, append_images=[second])

    assert read_header(tmp_path / f"a.{suffix}").frames == 2


def test_a_photograph_with_a_preview_is_one_frame(tmp_path):
    first, second = (PIL.Image.new("RGB", (6, 4), colour) for colour in ("red", "blue"))
    first.save(tmp_path / "a.jpg", format="MPO", save_all=True, append_images=[second])

    assert read_header(tmp_path / "a.jpg").frames == 1


@pytest.mark.parametrize(("content", "code"), [(b"", "AB203"), (b"text", "AB201"), (b"\xff\xd8\xff", "AB201")])
@pytest.mark.parametrize("name", ["a.png", "a.dcm", "a.nii", "a.nii.gz"])
def test_what_has_no_header_is_a_problem(tmp_path, name, content, code):
    (tmp_path / name).write_bytes(content)

    with suppress_decoder_warnings():
        problem = read_header(tmp_path / name)

    assert isinstance(problem, ImageProblem)
    assert problem.code == code
    assert problem.reason
    assert str(tmp_path) not in problem.reason


def test_a_missing_file_is_a_problem(tmp_path):
    assert read_header(tmp_path / "a.png").code == "AB210"


@pytest.mark.fuzz
@pytest.mark.parametrize("suffix", ["jpg", "png", "tif", "webp", "bmp"])
def test_random_bytes_are_never_a_traceback(tmp_path, suffix, fuzz_seed):
    rng = np.random.default_rng(fuzz_seed)
    file = tmp_path / f"a.{suffix}"
    PIL.Image.fromarray(rng.integers(0, 256, (40, 60, 3), dtype=np.uint8)).save(file)
    content = bytearray(file.read_bytes())
    for place in rng.integers(0, min(200, len(content)), 6):
        content[place] = rng.integers(256)
    file.write_bytes(content)

    with suppress_decoder_warnings():
        header = read_header(file)
        # As in the gate, pixels are not decoded if the header has a problem.
        problem = header if isinstance(header, ImageProblem) else pixel_problem(file)

    assert problem is None or problem.code in ("AB201", "AB202", "AB204")


def test_a_dicom_file_says_its_bits(dicom_file):
    assert read_header(dicom_file()) == ImageHeader(6, 4, "DICOM", 12, 1)


def test_a_dicom_file_of_many_pixels_may_be_a_bomb(dicom_file):
    problem = read_header(dicom_file(Rows=40_000, Columns=40_000))

    assert problem == ImageProblem("AB204", "1600000000 pixels, more than 89478485")


def test_a_dicom_file_that_is_cut_off_is_damaged(dicom_file):
    file = dicom_file()
    file.write_bytes(file.read_bytes()[:-20])

    with suppress_decoder_warnings():
        problem = pixel_problem(file)

    assert problem.code == "AB202"


def test_a_nifti_file_says_its_bits(tmp_path):
    file = nifti(tmp_path / "a.nii.gz", np.zeros((6, 4, 1), dtype=np.int16))

    assert read_header(file) == ImageHeader(6, 4, "NIfTI", 16, 1)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_a_nifti_file_with_a_hole_is_a_problem(tmp_path, value):
    values = np.zeros((6, 4, 1), dtype=np.float32)
    values[2, 3, 0] = value
    file = nifti(tmp_path / "a.nii", values)

    assert read_header(file).mode == "NIfTI float"
    assert pixel_problem(file) == ImageProblem("AB209", "1 of 24 values are NaN or infinite")


def flipped(content, seed):
    """The same bytes but for a few, most of them in the header; one in six is cut off."""
    rng, damaged = np.random.default_rng(seed), bytearray(content)
    end = min(len(content), 2000) if seed % 3 else len(content)
    for place in rng.integers(0, end, int(rng.choice([1, 2, 5, 20]))):
        damaged[place] = rng.choice([0, 255, int(rng.integers(256))])
    return bytes(damaged[: rng.integers(len(damaged))] if seed % 6 == 0 else damaged)


def look(file):
    """Everything that the gate does to a file."""
    with suppress_decoder_warnings():
        stated, damage = read_header(file), pixel_problem(file)
        facts = scan_image(Case(case_id="a", group_id="a", target=0), file, lambda _: decode(file))
    assert isinstance(stated, ImageHeader | ImageProblem)
    assert damage is None or damage.code in ("AB202", "AB209")
    assert (facts.problem is None) == (facts.pixels is not None)
    assert str(file.parent) not in facts.reason
    assert all(str(file.parent) not in each.reason for each in (stated, damage) if is_problem(each))


def is_problem(answer):
    return isinstance(answer, ImageProblem)


@pytest.mark.parametrize("block", range(5))
@pytest.mark.parametrize(
    "name",
    [
        "CT_small.dcm",
        "MR_small_RLE.dcm",
        "MR_small_implicit.dcm",
        "MR_small_bigendian.dcm",
        "JPEG2000.dcm",
        "SC_rgb_small_odd.dcm",
    ],
)
def test_a_damaged_dicom_file_is_never_a_traceback(tmp_path, name, block):
    content = Path(get_testdata_file(name, download=False)).read_bytes()

    for seed in range(12 * block, 12 * block + 12):
        (tmp_path / "a.dcm").write_bytes(flipped(content, seed))
        look(tmp_path / "a.dcm")


@pytest.mark.parametrize("kind", [np.uint8, np.float32])
@pytest.mark.parametrize("name", ["a.nii", "a.nii.gz"])
def test_a_damaged_nifti_file_is_never_a_traceback(tmp_path, name, kind):
    values = np.random.default_rng(0).integers(0, 200, (16, 16, 1)).astype(kind)
    content = nifti(tmp_path / name, values).read_bytes()

    for seed in range(120):
        (tmp_path / name).write_bytes(flipped(content, seed))
        look(tmp_path / name)


@pytest.mark.parametrize("suffix", ["png", "tif"])
def test_damaged_colours_of_sixteen_bits_are_never_a_traceback(tmp_path, suffix):
    file = tmp_path / f"a.{suffix}"
    cv2.imwrite(str(file), np.random.default_rng(0).integers(0, 65536, (12, 9, 3), dtype=np.uint16))
    content = file.read_bytes()

    for seed in range(120):
        file.write_bytes(flipped(content, seed))
        look(file)


@pytest.mark.parametrize("name", ["a.dcm", "a"])
def test_a_number_of_the_wrong_length_is_a_problem(dicom_file, tmp_path, name):
    content = dicom_file().read_bytes()
    rows = content.index(b"\x28\x00\x10\x00US")
    file = tmp_path / name
    file.write_bytes(content[: rows + 6] + b"\x01\x00" + content[rows + 8 :])

    with suppress_decoder_warnings():
        problems = read_header(file), pixel_problem(file)

    assert [each.code for each in problems] == ["AB201", "AB202"]


def test_what_a_damaged_header_holds_is_not_quoted(dicom_file):
    file = dicom_file(RescaleSlope="1", PixelSpacing=[1, 1])
    content = file.read_bytes()
    rows = content.index(b"\x28\x00\x10\x00US")
    file.write_bytes(content[: rows + 6] + b"\x07\x00MILLER\0" + content[rows + 10 :])

    with suppress_decoder_warnings():
        problem = read_header(file)

    assert problem.code == "AB201"
    assert "MILLER" not in problem.reason


def test_an_affine_of_signalling_nans_gives_no_warning(tmp_path):
    file = nifti(tmp_path / "a.nii", np.zeros((6, 4, 1), dtype=np.uint8))
    content = bytearray(file.read_bytes())
    content[296:312] = np.full(4, 0x7FA00000, "<u4").tobytes()  # srow_y
    file.write_bytes(content)

    assert read_header(file) == ImageHeader(6, 4, "NIfTI", 8, 1)
    assert pixel_problem(file) is None


def test_a_packed_volume_of_many_voxels_may_be_a_bomb(tmp_path):
    file = nifti(tmp_path / "a.nii", np.zeros((6, 4, 1), dtype=np.float32))
    content = bytearray(file.read_bytes())
    content[42:48] = np.array([30_000, 30_000, 30_000], "<i2").tobytes()
    (tmp_path / "a.nii.gz").write_bytes(gzip.compress(content))

    problem = read_header(tmp_path / "a.nii.gz")

    assert problem == ImageProblem("AB204", "27000000000000 voxels, more than 1073741824")
