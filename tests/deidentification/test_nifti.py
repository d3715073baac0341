"""A cleaned NIfTI file has the same voxels and affine, and no text of anybody."""

import gzip
from io import BytesIO

import numpy as np
import pytest

from arogya_bench.deidentification.cleaned_file import CleaningError
from arogya_bench.deidentification.nifti import clean

nibabel = pytest.importorskip("nibabel")


def volume(name, *, version=1, extension=True, dtype=np.int16, big=False):
    kind = nibabel.Nifti1Image if version == 1 else nibabel.Nifti2Image
    values = np.random.default_rng(0).integers(-99, 999, (5, 6, 7)).astype(dtype)
    affine = np.array([[2, 0.1, 0, -9], [0, 3, 0, 8], [0, 0, 4, 7], [0, 0, 0, 1.0]])
    image = kind(values, affine)
    for field in ("descrip", "aux_file", "intent_name", "db_name", "data_type"):
        if field in image.header.keys():  # noqa: SIM118
            image.header[field] = name[:9].encode()
    if extension:
        text = f"{name} comment".encode()
        image.header.extensions.append(nibabel.nifti1.Nifti1Extension(6, text))
    if big:
        image = kind(values.astype(values.dtype.newbyteorder(">")), affine, image.header.as_byteswapped(">"))
    return image.to_bytes()


def packed(content, name):
    buffer = BytesIO()
    with gzip.GzipFile(filename=f"{name}.nii", fileobj=buffer, mode="wb", mtime=1_600_000_000) as file:
        file.write(content)
    return buffer.getvalue()


def loaded(content, version):
    kind = nibabel.Nifti1Image if version == 1 else nibabel.Nifti2Image
    return kind.from_bytes(gzip.decompress(content) if content[:2] == b"\x1f\x8b" else content)


@pytest.mark.parametrize("version", [1, 2])
@pytest.mark.parametrize("dtype", [np.uint8, np.int16, np.float32])
def test_voxels_and_affine_are_bit_for_bit_the_same(name, version, dtype):
    content = volume(name, version=version, dtype=dtype)

    result = clean(content)

    before, after = loaded(content, version), loaded(result.content, version)
    assert after.header.get_data_dtype() == before.header.get_data_dtype()
    assert after.dataobj.get_unscaled().tobytes() == before.dataobj.get_unscaled().tobytes()
    np.testing.assert_array_equal(after.affine, before.affine)
    assert after.header["sform_code"] == before.header["sform_code"]


@pytest.mark.parametrize("version", [1, 2])
def test_no_text_is_left(name, version):
    content = volume(name, version=version)
    assert name[:9].encode() in content

    result = clean(content)

    assert name[:9].encode() not in result.content
    assert not loaded(result.content, version).header.extensions
    assert {"extension", "header field descrip", "header field intent_name"} <= result.removed.keys()


def test_the_packing_names_no_file_and_no_time(name):
    content = packed(volume(name), name)

    result = clean(content)

    assert name.encode() not in result.content
    assert result.content[3:8] == bytes(5)
    assert {"packed file name", "packed time"} <= result.removed.keys()
    assert result.suffix == ".nii.gz"


def test_a_big_endian_file_stays_one(name):
    content = volume(name, big=True)

    result = clean(content)

    before, after = loaded(content, 1), loaded(result.content, 1)
    assert after.header.endianness == ">"
    np.testing.assert_array_equal(np.asarray(after.dataobj), np.asarray(before.dataobj))


def test_bytes_behind_the_voxels_are_gone(name):
    result = clean(volume(name, extension=False) + name.encode())

    assert name.encode() not in result.content
    assert "trailing bytes" in result.removed


def test_cleaning_twice_changes_nothing_more(name):
    once = clean(packed(volume(name), name))

    again = clean(once.content)

    assert (again.content, again.removed) == (once.content, {})


@pytest.mark.parametrize("kind", ["plain", "packed"])
def test_a_truncated_file_is_refused(name, kind):
    content = volume(name) if kind == "plain" else packed(volume(name), name)

    with pytest.raises(CleaningError, match="truncated"):
        clean(content[:-60])


def test_what_is_no_nifti_is_refused():
    with pytest.raises(CleaningError, match="not a single-file NIfTI"):
        clean(bytes(400))


def test_bytes_behind_the_voxels_are_left_out_whatever_bitpix_says(name):
    content = bytearray(volume(name, extension=False))
    content[72:74] = (64).to_bytes(2, "little")
    content += name.encode() * 200

    assert name.encode() not in clean(bytes(content)).content


def test_volumes_are_flagged_as_not_searched(name):
    assert clean(volume(name)).flags == ("volume",)


@pytest.mark.parametrize("wrap", [bytes, gzip.compress])
def test_flipped_bytes_give_a_clean_file_or_a_reason(name, wrap):
    rng = np.random.default_rng(5)
    reasons = []
    whole = wrap(volume(name, dtype=np.float32))
    for _ in range(150):
        damaged = bytearray(whole)
        for place in rng.integers(0, min(len(whole), 400), 5):
            damaged[place] = rng.integers(256)
        try:
            clean(bytes(damaged[: rng.integers(1, len(damaged))] if rng.random() < 0.2 else damaged))
        except CleaningError as reason:
            reasons.append(str(reason))

    assert len(set(reasons)) > 1
    assert not any(name in reason or "b'" in reason for reason in reasons)
