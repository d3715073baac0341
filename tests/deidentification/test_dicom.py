"""No identifying text of a DICOM file is left, and its pixels are as they were."""

import struct
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest

from arogya_bench.deidentification.cleaned_file import CleaningError
from arogya_bench.deidentification.dicom import clean, read_patient
from arogya_bench.deidentification.pseudonyms import Pseudonyms

pydicom = pytest.importorskip("pydicom")

NAMES = Pseudonyms(secret=b"correct horse battery staple")
GROUP = NAMES.group("patient")
# Real files with names, private elements, palettes, compression, several frames, both byte orders.
FILES = [
    *("CT_small.dcm", "MR_small.dcm", "MR_small_bigendian.dcm", "MR_small_implicit.dcm"),
    *("MR_small_RLE.dcm", "JPEG2000.dcm", "examples_palette.dcm", "examples_rgb_color.dcm"),
    *("examples_ybr_color.dcm", "examples_overlay.dcm", "image_dfl.dcm", "693_J2KR.dcm"),
    *("SC_rgb_jpeg_dcmtk.dcm", "emri_small.dcm", "liver_1frame.dcm"),
]
# What identifies: every text, date, UID and number of these kinds.
IDENTIFYING = {"PN", "LO", "SH", "ST", "LT", "UT", "UC", "DA", "TM", "DT", "AS", "AE", "UI", "UR"}
# Not of a patient: the kind of object, the compression, and texts of the standard itself.
STANDARD_ROOT = "1.2.840.10008."


def test_file(name):
    path = pydicom.data.get_testdata_file(name, download=False)
    if path is None:
        pytest.skip(f"{name} is not in the installed pydicom-data")
    return Path(path).read_bytes()


test_file.__test__ = False


def result(content):
    return clean(content, NAMES, group=GROUP)


def header_of(content, **options):
    return pydicom.dcmread(BytesIO(content), force=True, **options)


def texts_of(header):
    """Everything in a header that could identify, however deep it lies."""
    found = set()
    for element in [*header.iterall(), *header.file_meta]:
        values = element.value if element.VM > 1 else [element.value]
        if element.tag.is_private and element.VR in ("UN", "OB") and element.value:
            found.add(bytes(element.value))
        elif element.VR in IDENTIFYING and element.value:
            found.update(str(value).encode("latin-1", "ignore") for value in values)
        if element.VR == "PN" and element.value:
            found.update(part.encode("latin-1", "ignore") for part in str(element.value).split("^"))
    return {text for text in found if len(text) > 3 and not text.startswith(STANDARD_ROOT.encode())}


def audit(before, after):
    """What of a file is found again, byte for byte, outside of the pixels."""
    header = header_of(after)
    for keyword in ("PixelData", "FloatPixelData"):
        if keyword in header:
            delattr(header, keyword)
    buffer = BytesIO()
    header.save_as(buffer, enforce_file_format=True)
    return [text for text in texts_of(header_of(before)) if text in buffer.getvalue()]


def made(**changes):
    """A small image with everything that identifies in every corner."""
    from pydicom.dataset import Dataset, FileMetaDataset
    from pydicom.uid import ExplicitVRLittleEndian

    header = Dataset()
    header.SOPClassUID = "1.2.840.10008.5.1.4.1.1.7"
    header.SOPInstanceUID, header.StudyInstanceUID = "1.2.3.4.55551", "1.2.3.4.55552"
    header.SeriesInstanceUID, header.FrameOfReferenceUID = "1.2.3.4.55553", "1.2.3.4.55554"
    header.PatientName, header.PatientID = "Doe^Jane^Maria", "MRN-4711"
    header.PatientBirthDate, header.StudyDate = "19610304", "20210506"
    header.InstitutionName, header.OperatorsName = "Saint Mary Hospital", "Nurse^Ned"
    header.ImageComments, header.Modality = "Jane was here", "OT"
    header.BodyPartExamined = "JANES ARM"
    item, inner = Dataset(), Dataset()
    inner.PatientID = "DEEP-0815"
    item.ReferencedStudySequence, item.PatientComments = [inner], "nested comment"
    item.add_new(0x00091001, "LO", "nested private")
    header.RequestAttributesSequence = [item]
    table = Dataset()
    table.LUTDescriptor, table.LUTData = [2, 0, 8], b"\0\1"
    table.LUTExplanation = "window of Jane"
    header.VOILUTSequence = [table]
    header.add_new(0x00090010, "LO", "ACME of Jane")
    header.add_new(0x00091002, "UN", b"secret of Jane")
    header.Rows, header.Columns, header.SamplesPerPixel = 4, 6, 1
    header.BitsAllocated = header.BitsStored = 8
    header.HighBit, header.PixelRepresentation = 7, 0
    header.PhotometricInterpretation = "MONOCHROME2"
    header.PixelData = bytes(range(24))
    for keyword, value in changes.items():
        setattr(header, keyword, value)
    header.file_meta = FileMetaDataset()
    header.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    header.file_meta.SourceApplicationEntityTitle = "JANES_SCANNER"
    header.preamble = b"Jane".ljust(128, b"\0")
    return saved(header)


def saved(header):
    buffer = BytesIO()
    header.save_as(buffer, enforce_file_format=True)
    return buffer.getvalue()


@pytest.mark.filterwarnings("ignore::UserWarning:pydicom")
@pytest.mark.parametrize("name", FILES)
def test_nothing_identifying_of_a_real_file_is_left(name):
    content = test_file(name)

    cleaned = result(content)

    assert texts_of(header_of(content))
    assert audit(content, cleaned.content) == []


def frames_of(header):
    syntax = header.file_meta.get("TransferSyntaxUID")
    if syntax is None or not syntax.is_encapsulated:
        return [header.PixelData]
    count = int(header.get("NumberOfFrames") or 1)
    return list(pydicom.encaps.generate_frames(header.PixelData, number_of_frames=count))


@pytest.mark.filterwarnings("ignore::UserWarning:pydicom")
@pytest.mark.parametrize("name", FILES)
def test_the_pixels_are_equal_and_uncompressed(name):
    content = test_file(name)

    before, after = header_of(content), header_of(result(content).content)

    syntax, stated = after.file_meta.TransferSyntaxUID, before.file_meta.get("TransferSyntaxUID")
    if stated is None or not stated.is_encapsulated:
        assert after.PixelData == before.PixelData
        assert stated in (None, syntax)
    else:
        np.testing.assert_array_equal(after.pixel_array, before.pixel_array)
        assert syntax == pydicom.uid.ExplicitVRLittleEndian


@pytest.mark.filterwarnings("ignore::UserWarning:pydicom")
@pytest.mark.parametrize(
    ("name", "package"),
    [
        ("JPGLosslessP14SV1_1s_1f_8b.dcm", "python-gdcm"),
        ("JPEGLSNearLossless_08.dcm", "pyjpegls"),
        ("JPEG-lossy.dcm", "python-gdcm"),
    ],
)
def test_pixels_that_no_installed_package_decodes_are_refused_with_the_package(name, package):
    with pytest.raises(CleaningError, match=f"pip install {package}"):
        result(test_file(name))


@pytest.mark.filterwarnings("ignore::UserWarning:pydicom")
@pytest.mark.parametrize("name", ["CT_small.dcm", "examples_palette.dcm", "MR_small_bigendian.dcm"])
def test_a_viewer_shows_the_same_image(name, tmp_path):
    from arogya_bench.images.dicom import decode

    for kind, content in (("a", test_file(name)), ("b", result(test_file(name)).content)):
        (tmp_path / f"{kind}.dcm").write_bytes(content)

    np.testing.assert_array_equal(decode(tmp_path / "a.dcm"), decode(tmp_path / "b.dcm"))


def test_no_word_of_a_made_file_is_left():
    cleaned = result(made())

    for word in (b"Jane", b"JANE", b"Doe", b"4711", b"0815", b"Mary", b"Nurse", b"19610304", b"2021"):
        assert word not in cleaned.content
    assert b"5555" not in cleaned.content
    assert audit(made(), cleaned.content) == []


def test_what_was_removed_is_counted():
    removed = result(made()).removed

    assert removed["private element"] == 3
    assert removed["person name"] == 2
    assert removed["date"] == 2
    assert removed["preamble"] == 1


def test_the_file_says_that_and_how_it_was_cleaned():
    header = header_of(result(made()).content)

    assert header.PatientIdentityRemoved == "YES"
    assert header.DeidentificationMethodCodeSequence[0].CodeValue == "113100"
    assert "Basic" in header.DeidentificationMethod
    assert header.LongitudinalTemporalInformationModified == "REMOVED"
    assert (header.PatientID, str(header.PatientName)) == (GROUP, "")


def test_uids_are_replaced_by_the_same_ones_everywhere():
    first = header_of(result(made(SOPInstanceUID="1.2.3.1")).content)
    second = header_of(result(made(SOPInstanceUID="1.2.3.2")).content)

    assert first.StudyInstanceUID == second.StudyInstanceUID == NAMES.uid("1.2.3.4.55552")
    assert first.SOPInstanceUID != second.SOPInstanceUID
    assert first.file_meta.MediaStorageSOPInstanceUID == first.SOPInstanceUID
    assert first.SOPClassUID == "1.2.840.10008.5.1.4.1.1.7"


def test_no_element_is_left_that_is_not_kept_on_purpose():
    from arogya_bench.deidentification.dicom_allowlist import ALLOWED_KEYWORDS, EMPTIED_KEYWORDS, PSEUDONYMISED_UIDS

    header = header_of(result(made()).content)

    said = {
        *("PatientID", "PatientIdentityRemoved", "DeidentificationMethod", "CodeValue"),
        *("DeidentificationMethodCodeSequence", "CodingSchemeDesignator", "CodeMeaning"),
        "LongitudinalTemporalInformationModified",
    }
    allowed = {*ALLOWED_KEYWORDS, *PSEUDONYMISED_UIDS, *EMPTIED_KEYWORDS, *said}
    assert {element.keyword for element in header.iterall()} <= allowed
    assert not [element for element in header.iterall() if element.tag.is_private]


@pytest.mark.filterwarnings("ignore:Invalid value for VR CS:UserWarning")
def test_a_name_in_a_code_string_is_no_code():
    header = header_of(result(made(ImageType=["ORIGINAL", "Jane"], PresentationLUTShape="of Jane")).content)

    assert "ImageType" not in header
    assert "PresentationLUTShape" not in header


def test_only_the_enumerated_part_of_the_image_type_is_kept():
    header = header_of(result(made(ImageType=["DERIVED", "PRIMARY", "JANES SCANNER"])).content)

    assert list(header.ImageType) == ["DERIVED", "PRIMARY"]


def test_overlays_are_removed_and_flagged():
    from pydicom.dataset import Dataset

    content = header_of(made())
    content.add_new(0x60000010, "US", 4)
    content.add_new(0x60000102, "US", 0)
    content.add_new(0x60003000, "OW", b"\xff\0\xff\0")
    content.add_new(0x60001500, "LO", "Jane's label")

    cleaned = result(saved(content))

    assert isinstance(content, Dataset)
    assert "overlay" in cleaned.flags
    assert cleaned.removed["overlay element"] == 4
    assert b"Jane" not in cleaned.content


def test_burned_in_annotations_are_flagged():
    assert "burned-in" in result(made(BurnedInAnnotation="YES")).flags


def test_devices_that_show_text_are_flagged():
    screenshot = made(Modality="CT", ImageType=["DERIVED", "SECONDARY", "SCREEN SAVE"])
    image = made(Modality="CT", ImageType=["ORIGINAL", "PRIMARY", "AXIAL"])

    assert "rules" in result(screenshot).flags
    assert "rules" not in result(image).flags


def test_text_in_the_pixels_can_be_searched():
    assert result(made()).grey.tolist() == np.linspace(0, 255, 24).astype(int).reshape(4, 6).tolist()


@pytest.mark.filterwarnings("ignore::UserWarning:pydicom")
def test_several_frames_are_flagged():
    assert "frames" in result(test_file("emri_small.dcm")).flags
    assert "frames" not in result(made()).flags


@pytest.mark.filterwarnings("ignore::UserWarning:pydicom")
def test_pixels_that_cannot_be_interpreted_are_flagged():
    content = header_of(made())
    del content.PixelRepresentation

    assert "unsearched" in result(saved(content)).flags


def test_an_overlay_within_the_pixels_is_refused():
    content = header_of(made())
    content.add_new(0x60000102, "US", 12)

    with pytest.raises(CleaningError, match="unused bits"):
        result(saved(content))


@pytest.mark.parametrize("name", ["SC_rgb_jpeg_dcmtk.dcm", "JPEG2000.dcm"])
def test_a_comment_within_compressed_pixels_is_left_out(name):
    content = header_of(test_file(name))
    (frame,) = frames_of(content)
    after_size = 4 + int.from_bytes(frame[4:6], "big")  # of JPEG 2000: its first segment
    marker, head = (b"\xff\xfe", 2) if name.startswith("SC") else (b"\xff\x64", after_size)
    comment = marker + struct.pack(">H", 8) + b"\0\1Jane"
    content.PixelData = pydicom.encaps.encapsulate([frame[:head] + comment + frame[head:]])
    content["PixelData"].is_undefined_length = True
    assert b"Jane" in saved(content)

    cleaned = result(saved(content))

    assert b"Jane" not in cleaned.content
    after, before = header_of(cleaned.content), header_of(test_file(name))
    np.testing.assert_array_equal(after.pixel_array, before.pixel_array)


def test_reading_a_bad_value_is_not_logged(caplog):
    content = made(BodyPartExamined="JANES_ARM").replace(b"19610304", b"JaneDoe!")

    result(content)

    assert not caplog.records


HIDDEN = b"MUSTERMANN"


def test_bytes_behind_the_pixels_are_left_out():
    cleaned = result(made(PixelData=bytes(range(24)) + HIDDEN))

    assert HIDDEN not in cleaned.content
    assert header_of(cleaned.content).PixelData == bytes(range(24))
    assert cleaned.removed["bytes behind the pixels"] == 1


def test_the_padding_of_an_odd_number_of_pixels_is_nothing():
    content = made(Rows=5, Columns=5, PixelData=bytes(range(25)) + b"\0")

    cleaned = result(content)

    assert header_of(cleaned.content).PixelData == bytes(range(25)) + b"\0"
    assert "bytes behind the pixels" not in cleaned.removed


def test_fewer_pixels_than_stated_are_refused():
    with pytest.raises(CleaningError, match="its pixels are truncated"):
        result(made(PixelData=bytes(range(22))))


def with_table(descriptor, data, keyword="VOILUTSequence"):
    from pydicom.dataset import Dataset

    table = Dataset()
    table.LUTDescriptor, table.LUTData = descriptor, data
    return made(**{keyword: [table]})


@pytest.mark.parametrize(
    ("descriptor", "table"), [([2, 0, 16], b"\0\1\2\3"), ([4, 0, 8], b"\0\1\2\3"), ([5, 0, 8], b"\0\1\2\3\4\0")]
)
def test_bytes_behind_a_table_are_left_out(descriptor, table):
    cleaned = result(with_table(descriptor, table + HIDDEN[:2]))

    assert HIDDEN[:2] not in cleaned.content
    assert header_of(cleaned.content).VOILUTSequence[0].LUTData == table
    assert cleaned.removed["bytes behind a table"] == 1


@pytest.mark.parametrize("table", [b"\0\0\1\0\2\0\3\0", b"\0\0\1\1\2\2\3\3"])
def test_a_table_of_bytes_may_take_words(table):
    cleaned = result(with_table([4, 0, 8], table))

    assert header_of(cleaned.content).VOILUTSequence[0].LUTData == table


@pytest.mark.parametrize(
    ("descriptor", "table", "reason"),
    [
        ([4, 0, 8], b"\0\1\2\3" + HIDDEN, "twice as long as stated"),
        ([4, 0, 16], b"\0\1\2\3", "truncated"),
        ([4, 0], b"\0\1\2\3", "does not state its length"),
    ],
)
def test_a_table_that_contradicts_its_size_is_refused(descriptor, table, reason):
    with pytest.raises(CleaningError, match=reason):
        result(with_table(descriptor, table))


@pytest.mark.filterwarnings("ignore::UserWarning:pydicom")
def test_bytes_behind_a_palette_are_left_out():
    header = header_of(test_file("examples_palette.dcm"))
    header.RedPaletteColorLookupTableData += HIDDEN

    assert HIDDEN not in result(saved(header)).content


@pytest.mark.parametrize(
    "keyword",
    [
        *("Modality", "VOILUTFunction", "PresentationLUTShape", "PixelIntensityRelationship"),
        *("LossyImageCompression", "LossyImageCompressionMethod", "BurnedInAnnotation"),
        *("RescaleType", "ModalityLUTType"),
    ],
)
def test_a_name_in_capitals_is_no_code_either(keyword):
    cleaned = result(made(**{keyword: HIDDEN.decode()}))

    assert HIDDEN not in cleaned.content
    assert cleaned.removed["value not defined for its element"] >= 1


@pytest.mark.filterwarnings("ignore::UserWarning:pydicom")
@pytest.mark.parametrize("keyword", ["PhotometricInterpretation", "SOPClassUID"])
def test_a_name_instead_of_what_is_needed_is_refused(keyword):
    content = header_of(made())
    content[keyword].value = "1.2.3.19610304" if keyword == "SOPClassUID" else HIDDEN.decode()

    with pytest.raises(CleaningError, match=f"{keyword} is missing or not defined"):
        result(saved(content))


def test_more_numbers_than_an_element_has_are_left_out():
    spoken = made(SmallestImagePixelValue=[int(letter) for letter in HIDDEN])

    assert "SmallestImagePixelValue" not in header_of(result(spoken).content)


def hidden_behind(name, frame):
    content = header_of(test_file(name))
    content.PixelData = pydicom.encaps.encapsulate([frame(*frames_of(content))])
    content["PixelData"].is_undefined_length = True
    return saved(content)


@pytest.mark.parametrize("name", ["SC_rgb_jpeg_dcmtk.dcm", "JPEG2000.dcm", "MR_small_RLE.dcm"])
def test_bytes_behind_compressed_pixels_are_left_out(name):
    content = hidden_behind(name, lambda frame: frame + HIDDEN)

    cleaned = result(content)

    assert HIDDEN in content
    assert HIDDEN not in cleaned.content
    after, before = header_of(cleaned.content), header_of(test_file(name))
    np.testing.assert_array_equal(after.pixel_array, before.pixel_array)


def test_a_comment_in_the_header_of_a_tile_never_reaches_the_result():
    def spoken(frame):
        place = frame.index(b"\xff\x90")
        comment = b"\xff\x64" + struct.pack(">H", 4 + len(HIDDEN)) + b"\0\1" + HIDDEN
        return frame[: place + 12] + comment + frame[place + 12 :]

    content = hidden_behind("JPEG2000.dcm", spoken)
    assert HIDDEN in content

    try:
        after = result(content).content
    except CleaningError as reason:
        after = str(reason).encode()

    assert HIDDEN not in after


@pytest.mark.parametrize(
    ("name", "share"), [("JPEG2000.dcm", 0.5), ("MR_small_RLE.dcm", 0.9), ("MR_small_RLE.dcm", 0.3)]
)
def test_compressed_pixels_that_are_cut_off_are_refused(name, share):
    with pytest.raises(CleaningError, match=r"truncated|damaged"):
        result(hidden_behind(name, lambda frame: frame[: int(share * len(frame))]))


def test_what_is_written_between_offsets_and_frames_is_left_out():
    content = header_of(test_file("SC_rgb_jpeg_dcmtk.dcm"))
    (frame,) = frames_of(content)
    content.PixelData = (
        b"\xfe\xff\x00\xe0" + struct.pack("<L", 12) + b"\0\0\0\0" + b"MUSTERMA"
        b"\xfe\xff\x00\xe0" + struct.pack("<L", len(frame)) + frame
    )  # fmt: skip
    content["PixelData"].is_undefined_length = True

    try:
        after = result(saved(content)).content
    except CleaningError as reason:
        after = str(reason).encode()

    assert b"MUSTERMA" not in after


def test_a_stream_of_another_format_is_refused():
    with pytest.raises(CleaningError, match="compressed pixels are truncated, damaged"):
        result(hidden_behind("JPEG2000.dcm", lambda frame: b"ftyp" + frame))


def test_an_undefined_transfer_syntax_is_refused():
    content = made().replace(b"1.2.840.10008.1.2.1\0", b"1.2.840.19610304.1\0\0")

    with pytest.raises(CleaningError, match="transfer syntax is not defined by the standard"):
        result(content)


@pytest.mark.parametrize("content", [b"", b"x" * 100, b"\0" * 128 + b"DICM"])
def test_what_is_no_image_is_refused(content):
    with pytest.raises(CleaningError):
        result(content)


@pytest.mark.filterwarnings("ignore::UserWarning:pydicom")
@pytest.mark.parametrize("name", ["examples_palette.dcm", "MR_small_RLE.dcm", "JPEG2000.dcm"])
def test_flipped_bytes_of_a_real_file_give_a_clean_file_or_a_reason(name):
    rng = np.random.default_rng(3)
    whole, reasons = test_file(name), []
    for _ in range(25):
        damaged = bytearray(whole)
        for place in rng.integers(0, 1500, 8):
            damaged[place] = rng.integers(256)
        read_patient(bytes(damaged))
        try:
            result(bytes(damaged))
        except CleaningError as reason:
            reasons.append(str(reason))

    assert reasons
    assert not any(digits in reason for reason in reasons for digits in ("\\x", "b'"))


def test_a_number_of_odd_length_is_damage_and_not_a_traceback():
    content = made().replace(b"\x28\x00\x10\x00US\x02\x00\x04\x00", b"\x28\x00\x10\x00US\x01\x00\x04")

    with pytest.raises(CleaningError, match=r"its header cannot be read \(BytesLengthException\)"):
        result(content)


@pytest.mark.filterwarnings("ignore::UserWarning:pydicom")
@pytest.mark.fuzz
def test_damage_gives_a_clean_file_or_a_reason(fuzz_seed):
    rng = np.random.default_rng(fuzz_seed)
    damaged = bytearray(made())
    for place in rng.integers(132, len(damaged), 6):
        damaged[place] = rng.integers(256)
    try:
        content = result(bytes(damaged)).content
    except CleaningError as reason:
        content = str(reason).encode()

    assert b"Hospital" not in content
    assert b"MRN-4711" not in content


def test_patients_are_identified_by_id_and_issuer():
    own = read_patient(made())
    other = read_patient(made(IssuerOfPatientID="another hospital"))

    assert own == "MRN-4711\n"
    assert own != other
    assert read_patient(made(PatientID="")) == ""
    assert read_patient(b"text") == ""
