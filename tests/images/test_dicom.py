"""A DICOM file is shown as a viewer would show it, or is refused with what to do."""

import importlib.util
import sys
from contextlib import suppress
from pathlib import Path

import numpy as np
import PIL.Image
import pydicom
import pytest
from pydicom.data import get_testdata_file
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.pixels import apply_modality_lut, apply_voi_lut
from pydicom.uid import ExplicitVRBigEndian, ExplicitVRLittleEndian, ImplicitVRLittleEndian, RLELossless

from arogya_bench.errors import DatasetError
from arogya_bench.images.decoding import decode
from arogya_bench.images.dicom import DECODE_ERRORS, decode_errors, read_size

RAMP = np.arange(64, dtype=np.uint16).reshape(8, 8) * 64  # 0 to 4032 of 4095
needs_samples = pytest.mark.skipif(
    importlib.util.find_spec("data_store") is None, reason="pydicom-data is not installed"
)


def sample(name):
    return Path(get_testdata_file(name, download=False))


def header_of(pixels, **changed):
    """A DICOM image of 12 bits, grey or RGB, with the pixels as given."""
    ds = Dataset()
    ds.file_meta = FileMetaDataset()
    ds.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    ds.SOPClassUID = ds.file_meta.MediaStorageSOPClassUID = pydicom.uid.CTImageStorage
    ds.SOPInstanceUID = ds.file_meta.MediaStorageSOPInstanceUID = "1.2.3"
    ds.Modality = "CT"
    ds.Rows, ds.Columns = pixels.shape[:2]
    ds.SamplesPerPixel = 1 if pixels.ndim == 2 else 3
    ds.PhotometricInterpretation = "MONOCHROME2" if pixels.ndim == 2 else "RGB"
    if pixels.ndim == 3:
        ds.PlanarConfiguration = 0
    ds.BitsAllocated = 8 * pixels.itemsize
    ds.BitsStored = 12 if pixels.itemsize == 2 else ds.BitsAllocated
    ds.HighBit = ds.BitsStored - 1
    ds.PixelRepresentation = int(pixels.dtype.kind == "i")
    ds.PixelData = pixels.tobytes()
    ds["PixelData"].VR = "OB" if pixels.itemsize == 1 else "OW"
    for key, value in changed.items():
        setattr(ds, key, value)
    return ds


@pytest.fixture
def write(tmp_path):
    def written(pixels=RAMP, name="a.dcm", **changed):
        header_of(pixels, **changed).save_as(tmp_path / name, enforce_file_format=True)
        return tmp_path / name

    return written


def table(entries, first, bits, vr="US"):
    item = Dataset()
    item.LUTDescriptor = [len(entries), first, bits]
    item.LUTData = entries
    item["LUTData"].VR = vr
    return item


def greys(file, **options):
    image = decode(file, **options)
    np.testing.assert_array_equal(image[..., 0], image[..., 1])
    np.testing.assert_array_equal(image[..., 0], image[..., 2])
    return image[..., 0].astype(int)


def test_without_a_window_the_range_of_the_stored_bits_is_shown(write):
    assert np.abs(greys(write()) - RAMP * (255 / 4095)).max() <= 0.5


def test_a_declared_window_is_in_rescaled_units(write):
    file = write(RescaleSlope=2, RescaleIntercept=-1024)

    shown = greys(file, window=(-1000, 1550))

    expected = np.clip((RAMP * 2.0 - 1024 + 1000) / 10, 0, 255)
    assert np.abs(shown - expected).max() <= 0.5


def test_a_declared_window_stands_above_that_of_the_file(write):
    plain, stated = write(name="a.dcm"), write(name="b.dcm", WindowCenter=100, WindowWidth=10)

    np.testing.assert_array_equal(greys(stated, window=(0, 4095)), greys(plain, window=(0, 4095)))


def test_the_first_window_of_the_file_is_taken(write):
    one = write(name="a.dcm", WindowCenter=1000, WindowWidth=500)
    two = write(name="b.dcm", WindowCenter=[1000, 2000], WindowWidth=[500, 9])

    np.testing.assert_array_equal(greys(two), greys(one))


@pytest.mark.parametrize("form", ["LINEAR", "LINEAR_EXACT", "SIGMOID", None])
@pytest.mark.parametrize(("centre", "width"), [(2000, 1000), (40.5, 80), (0, 80), (3000, 90)])
def test_windows_agree_with_pydicom(write, form, centre, width):
    file = write(WindowCenter=centre, WindowWidth=width, **({"VOILUTFunction": form} if form else {}))
    ds = pydicom.dcmread(file)

    shown = greys(file)

    expected = apply_voi_lut(ds.pixel_array, ds) * (255 / 4095)
    assert np.abs(shown - expected).max() <= 0.5 + 1e-6


def test_a_linear_window_of_width_1_is_a_threshold(write):
    shown = greys(write(WindowCenter=2000, WindowWidth=1))

    np.testing.assert_array_equal(shown, np.where(RAMP > 1999.5, 255, 0))


@pytest.mark.parametrize(("width", "form"), [(0, "LINEAR"), (0.5, "LINEAR"), (-3, "LINEAR_EXACT"), (9, "CUBIC")])
def test_a_window_that_shows_nothing_is_refused(write, width, form):
    file = write(WindowCenter=100, WindowWidth=width, VOILUTFunction=form)

    with pytest.raises(DatasetError, match=f"window of width {width:g} and function {form}") as refusal:
        decode(file)

    assert "dataset.window=[low,high]" in refusal.value.fix
    assert decode(file, window=(0, 4095)).max() > 250


def test_monochrome1_is_inverted(write):
    plain = write(name="a.dcm")
    inverse = write(name="b.dcm", PhotometricInterpretation="MONOCHROME1")

    np.testing.assert_array_equal(greys(inverse), 255 - greys(plain))


def test_signed_pixels_have_a_range_from_below_zero(write):
    pixels = np.array([[-2048, -1], [0, 2047]], dtype=np.int16)

    np.testing.assert_array_equal(greys(write(pixels)), [[0, 127], [128, 255]])


def test_the_window_of_an_enhanced_object_is_found(write):
    groups, window, scale = Dataset(), Dataset(), Dataset()
    window.WindowCenter, window.WindowWidth = 1000, 500
    scale.RescaleSlope, scale.RescaleIntercept = 1, -24
    groups.FrameVOILUTSequence, groups.PixelValueTransformationSequence = [window], [scale]
    nested = write(name="a.dcm", SharedFunctionalGroupsSequence=[groups])
    flat = write(name="b.dcm", WindowCenter=1000, WindowWidth=500, RescaleSlope=1, RescaleIntercept=-24)

    np.testing.assert_array_equal(greys(nested), greys(flat))


def test_a_table_of_8_bits_may_have_more_than_256_entries(write):
    file = write(VOILUTSequence=[table([value // 16 for value in range(4096)], 0, 8)])

    np.testing.assert_array_equal(greys(file), RAMP // 16)


def test_a_table_may_begin_below_zero(write):
    negative = 65536 - 1024  # as unsigned, which the tag is often written as
    file = write(
        RescaleSlope=1,
        RescaleIntercept=-1024,
        VOILUTSequence=[table([value // 16 for value in range(4096)], negative, 8)],
    )

    np.testing.assert_array_equal(greys(file), RAMP // 16)


def test_a_modality_table_comes_before_the_window(write):
    inverse = table(list(range(4095, -1, -1)), 0, 12)
    file = write(ModalityLUTSequence=[inverse])

    shown = greys(file, window=(0, 4095))

    assert np.abs(shown - (4095 - RAMP) * (255 / 4095)).max() <= 0.5


def test_floats_need_a_window(write):
    ds = header_of(RAMP)
    del ds.PixelData, ds.BitsStored, ds.HighBit, ds.PixelRepresentation
    ds.FloatPixelData = (RAMP / 4095).astype(np.float32).tobytes()
    ds.BitsAllocated = 32
    file = write()
    ds.save_as(file, enforce_file_format=True)

    with pytest.raises(DatasetError, match=r"holds values of type float64 from 0 to 0\.98"):
        decode(file)
    assert np.abs(greys(file, window=(0, 1)) - RAMP * (255 / 4095)).max() <= 0.5


def test_colours_are_those_of_the_file(write):
    pixels = np.random.default_rng(0).integers(0, 256, (5, 7, 3), dtype=np.uint8)

    np.testing.assert_array_equal(decode(write(pixels), window=(0, 9)), pixels)


def test_luminance_with_chrominance_becomes_rgb(write):
    colours = np.random.default_rng(0).integers(60, 200, (5, 7, 3), dtype=np.uint8)
    ybr = np.array(PIL.Image.fromarray(colours).convert("YCbCr"))

    image = decode(write(ybr, PhotometricInterpretation="YBR_FULL"))

    assert np.abs(image.astype(int) - colours).max() <= 3


@pytest.mark.parametrize(("bits", "scale"), [(8, 1), (16, 256)])
def test_a_palette_gives_its_colours(write, bits, scale):
    pixels = np.arange(4, dtype=np.uint8).reshape(2, 2)
    changed = {}
    for colour, entries in {"Red": (0, 9, 0, 255), "Green": (0, 0, 8, 255), "Blue": (5, 0, 0, 255)}.items():
        changed[f"{colour}PaletteColorLookupTableDescriptor"] = [4, 0, bits]
        words = np.array(entries, dtype="<u2") * scale
        changed[f"{colour}PaletteColorLookupTableData"] = words.tobytes()
    file = write(pixels, PhotometricInterpretation="PALETTE COLOR", **changed)

    image = decode(file)

    np.testing.assert_array_equal(image.reshape(4, 3), [[0, 0, 5], [9, 0, 0], [0, 8, 0], [255] * 3])


def test_another_kind_of_colour_is_refused(write):
    file = write(np.zeros((2, 2, 3), np.uint8), PhotometricInterpretation="HSV")

    with pytest.raises(DatasetError, match=r"a\.dcm has the photometric interpretation HSV"):
        decode(file)


@pytest.mark.parametrize("syntax", [ImplicitVRLittleEndian, ExplicitVRBigEndian, RLELossless])
def test_the_transfer_syntax_does_not_change_the_image(tmp_path, write, syntax):
    ds = header_of(RAMP.byteswap() if syntax == ExplicitVRBigEndian else RAMP)
    if syntax == RLELossless:
        ds.compress(RLELossless)
    else:
        ds.file_meta.TransferSyntaxUID = syntax
    ds.save_as(tmp_path / "b.dcm", enforce_file_format=True)

    np.testing.assert_array_equal(greys(tmp_path / "b.dcm"), greys(write()))


@pytest.mark.parametrize("implicit", [True, False])
def test_a_file_without_preamble_is_known_by_its_suffix(tmp_path, write, implicit):
    ds = header_of(RAMP)
    del ds.file_meta
    ds.save_as(tmp_path / "b.dcm", implicit_vr=implicit, little_endian=True)

    np.testing.assert_array_equal(greys(tmp_path / "b.dcm"), greys(write()))


def test_a_file_with_preamble_needs_no_suffix(write):
    np.testing.assert_array_equal(greys(write(name="IM000001")), greys(write()))


def test_several_frames_are_refused(write):
    pixels = np.zeros((8, 8), np.uint16)
    file = write(pixels, NumberOfFrames=2, PixelData=bytes(256))

    with pytest.raises(DatasetError, match=r"a\.dcm holds 2 frames"):
        decode(file)


def test_one_frame_may_say_so(write):
    np.testing.assert_array_equal(greys(write(name="b.dcm", NumberOfFrames=1)), greys(write()))


def test_an_object_without_pixels_is_refused(write):
    ds = header_of(RAMP, Modality="SR")
    del ds.PixelData, ds.Rows
    file = write()
    ds.save_as(file, enforce_file_format=True)

    with pytest.raises(DatasetError, match=r"holds no image: it lacks Rows \(modality SR\)"):
        decode(file)


def test_an_image_cut_off_before_its_pixels_is_refused(write):
    file = write()
    file.write_bytes(file.read_bytes()[: -(RAMP.nbytes + 12)])

    with pytest.raises(DatasetError, match=r"it lacks pixels .*was truncated"):
        decode(file)


@pytest.mark.parametrize("kept", [0.3, 0.9, 0.99])
def test_a_truncated_file_is_refused(write, kept):
    file = write(np.tile(RAMP, (8, 8)))
    content = file.read_bytes()
    file.write_bytes(content[: int(kept * len(content))])

    with pytest.raises(DatasetError, match=r"The DICOM file a\.dcm cannot be decoded"):
        decode(file)


def test_more_pixels_than_memory_are_refused(write, monkeypatch):
    file = write()
    monkeypatch.setattr(PIL.Image, "MAX_IMAGE_PIXELS", 20)

    with pytest.raises(DatasetError, match="states 8 x 8 pixels, more than 40"):
        decode(file)


def test_a_number_of_the_wrong_length_is_refused(write):
    file = write()
    content = file.read_bytes()
    rows = content.index(b"\x28\x00\x10\x00US")
    file.write_bytes(content[: rows + 6] + b"\x01\x00" + content[rows + 8 :])

    with pytest.raises(DatasetError, match=r"The DICOM file a\.dcm"):
        decode(file)


@pytest.mark.fuzz
def test_random_bytes_are_never_a_traceback(write, fuzz_seed):
    file, rng = write(WindowCenter=9, WindowWidth=9), np.random.default_rng(fuzz_seed)
    content = bytearray(file.read_bytes())
    for place in rng.integers(132, len(content) - RAMP.nbytes, 4):
        content[place] = rng.integers(256)
    file.write_bytes(content)

    with suppress(DatasetError):
        decode(file)


def test_the_size_is_that_of_the_image(write):
    file = write(np.zeros((5, 7), np.uint16))

    assert read_size(file) == (7, 5)


@pytest.mark.parametrize("content", [b"", b"text", bytes(500)])
def test_what_is_no_dicom_is_refused(tmp_path, content):
    (tmp_path / "a.dcm").write_bytes(content)

    with pytest.raises(DatasetError, match=r"The DICOM file a\.dcm"):
        decode(tmp_path / "a.dcm")
    with pytest.raises(DatasetError, match=r"The DICOM file a\.dcm"):
        read_size(tmp_path / "a.dcm")


@needs_samples
@pytest.mark.parametrize(
    ("name", "shape"),
    [
        ("CT_small.dcm", (128, 128, 3)),
        ("MR_small_padded.dcm", (64, 64, 3)),
        ("RG3_UNCR.dcm", (1760, 1760, 3)),
        ("gdcm-US-ALOKA-16.dcm", (480, 640, 3)),
        ("OT-PAL-8-face.dcm", (480, 640, 3)),
        ("SC_rgb_jpeg.dcm", (256, 256, 3)),
        ("mlut_18.dcm", (512, 512, 3)),
        ("vlut_04.dcm", (512, 512, 3)),
    ],
)
def test_real_files_are_decoded(name, shape):
    image = decode(sample(name))

    assert (image.shape, image.dtype) == (shape, np.uint8)
    assert image.std() > 0.5


@needs_samples
@pytest.mark.parametrize(
    ("name", "other", "difference"),
    [
        ("MR_small.dcm", "MR_small_RLE.dcm", 0),
        ("MR_small.dcm", "MR_small_bigendian.dcm", 0),
        ("MR_small.dcm", "MR_small_jp2klossless.dcm", 0),
        ("SC_rgb.dcm", "SC_rgb_expb.dcm", 0),
        ("SC_rgb.dcm", "SC_rgb_rle.dcm", 0),
        ("SC_rgb.dcm", "SC_rgb_16bit.dcm", 0),
        ("SC_rgb.dcm", "SC_ybr_full_uncompressed.dcm", 6),
        ("SC_rgb.dcm", "SC_rgb_dcmtk_+eb+cr.dcm", 9),
        ("OBXXXX1A.dcm", "OBXXXX1A_rle.dcm", 0),
        ("OBXXXX1A.dcm", "OBXXXX1A_expb.dcm", 0),
        ("gdcm-US-ALOKA-16.dcm", "gdcm-US-ALOKA-16_big.dcm", 0),
        ("US1_UNCR.dcm", "US1_J2KR.dcm", 0),
    ],
)
def test_one_image_in_two_encodings_is_one_image(name, other, difference):
    first, second = decode(sample(name)), decode(sample(other))

    assert np.abs(first.astype(int) - second).max() <= difference


@needs_samples
@pytest.mark.parametrize("name", ["MR_small.dcm", "RG3_UNCR.dcm", "vlut_04.dcm"])
def test_real_greys_agree_with_pydicom(name):
    ds = pydicom.dcmread(sample(name))
    values = apply_voi_lut(apply_modality_lut(ds.pixel_array, ds), ds).astype(float)
    low, high = {"MR_small.dcm": (-32768, 32767), "RG3_UNCR.dcm": (0, 1023), "vlut_04.dcm": (0, 65535)}[name]

    shown = greys(sample(name))

    expected = (values - low) * (255 / (high - low))
    expected = 255 - expected if ds.PhotometricInterpretation == "MONOCHROME1" else expected
    assert np.abs(shown - expected).max() <= 0.51


@needs_samples
@pytest.mark.parametrize(
    ("name", "problem", "advice"),
    [
        ("liver_1frame.dcm", r"holds a segmentation \(SEG\)", "leave it out"),
        ("rtdose_1frame.dcm", "holds a radiation dose", "leave it out"),
        ("rtplan.dcm", "modality RTPLAN", "leave it out"),
        ("emri_small.dcm", "holds 10 frames", "each frame"),
        ("MR_truncated.dcm", "8130 vs 8192 bytes", "get the file again"),
        ("JPEG-LL.dcm", "compressed as JPEG Lossless", "pip install python-gdcm"),
        ("MR_small_jpeg_ls_lossless.dcm", "compressed as JPEG-LS", "pip install pyjpegls"),
        ("JPGExtended.dcm", "compressed as JPEG Extended", "pip install python-gdcm"),
        ("GDCMJ2K_TextGBR.dcm", "compressed pixels are damaged", "get the file again"),
    ],
)
def test_real_files_that_hold_no_readable_image_are_refused(name, problem, advice):
    with pytest.raises(DatasetError, match=problem) as refusal:
        decode(sample(name))

    assert advice in refusal.value.fix


def test_what_a_damaged_header_holds_is_not_quoted(write):
    file = write()
    content = file.read_bytes()
    rows = content.index(b"\x28\x00\x10\x00US")
    file.write_bytes(content[: rows + 6] + b"\x07\x00MILLER\0" + content[rows + 10 :])

    with pytest.raises(DatasetError, match="cannot be decoded") as refusal:
        decode(file)

    assert "MILLER" not in str(refusal.value)


def test_errors_of_pydicom_count_as_damage():
    from pydicom.errors import BytesLengthException, InvalidDicomError

    assert {BytesLengthException, InvalidDicomError, *DECODE_ERRORS} == {*decode_errors()}


def test_without_pydicom_other_errors_are_still_known(monkeypatch):
    monkeypatch.setitem(sys.modules, "pydicom.errors", None)

    assert decode_errors() == DECODE_ERRORS
