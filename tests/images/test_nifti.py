"""A NIfTI file is read in one orientation, whichever way its axes run."""

import sys
from contextlib import suppress

import nibabel
import numpy as np
import pytest

from arogya_bench.errors import DatasetError
from arogya_bench.images import nifti
from arogya_bench.images.decoding import decode

RAS = np.eye(4)
LPS = np.diag([-1.0, -1.0, 1.0, 1.0])
VOLUME = np.arange(24, dtype=np.uint8).reshape(4, 3, 2)  # to the right, the front and the top


@pytest.fixture
def write(tmp_path):
    def written(values=VOLUME, affine=RAS, name="a.nii.gz", kind=nibabel.Nifti1Image):
        nibabel.save(kind(values, affine), tmp_path / name)
        return tmp_path / name

    return written


@pytest.mark.parametrize("name", ["a.nii", "a.nii.gz"])
@pytest.mark.parametrize("kind", [nibabel.Nifti1Image, nibabel.Nifti2Image])
def test_a_flat_image_is_decoded(write, name, kind):
    file = write(VOLUME[:, :, :1], name=name, kind=kind)

    image = decode(file)

    assert (image.shape, image.dtype) == ((3, 4, 3), np.uint8)
    np.testing.assert_array_equal(image[..., 0], np.rot90(VOLUME[:, :, 0]))


def test_two_axes_are_an_image(write):
    np.testing.assert_array_equal(decode(write(VOLUME[:, :, 0], name="a.nii")), decode(write(VOLUME[:, :, :1])))


def test_the_front_is_up_and_the_right_is_right(write):
    values = np.zeros((4, 3, 1), dtype=np.uint8)
    values[3, 2] = 255  # right and front

    image = decode(write(values))

    assert image[0, 3, 0] == 255


@pytest.mark.parametrize(
    ("values", "affine"),
    [
        (VOLUME[::-1, ::-1], LPS),
        (VOLUME[::-1], np.diag([-3.0, 1, 2, 1])),
        (VOLUME.transpose(2, 0, 1), RAS[[1, 2, 0, 3]]),
    ],
)
def test_the_way_the_axes_run_does_not_change_the_slices(write, values, affine):
    plain, turned = write(), write(values, affine, "b.nii.gz")

    assert nifti.read_shape(turned)[:3] == nifti.read_shape(plain)[:3] == (4, 3, 2)
    np.testing.assert_array_equal(nifti.read_volume(turned), nifti.read_volume(plain))
    np.testing.assert_array_equal(nifti.decode_slice(turned, 1), nifti.decode_slice(plain, 1))


def test_the_only_slice_is_the_image_whichever_way_it_lies(write):
    sagittal = np.arange(12, dtype=np.uint8).reshape(1, 4, 3)

    file = write(sagittal)

    assert nifti.read_shape(file) == (4, 3, 1, "RAS")
    np.testing.assert_array_equal(decode(file)[..., 0], np.rot90(sagittal[0]))


def test_a_volume_is_no_image(write):
    with pytest.raises(DatasetError, match=r"a\.nii\.gz holds 2 slices") as refusal:
        decode(write())

    assert "dataset=image_mask_pairs" in refusal.value.fix


def test_more_than_8_bits_need_a_window(write):
    file = write(VOLUME[:, :, :1].astype(np.int16) * 100)

    with pytest.raises(DatasetError, match="values of type int16 from 0 to 2200") as refusal:
        decode(file)
    shown = decode(file, window=(0, 2550))

    assert "dataset.window=[low,high]" in refusal.value.fix
    np.testing.assert_array_equal(shown[..., 0], np.rot90(VOLUME[:, :, 0] * 10))


def test_the_scaling_of_the_file_comes_before_the_window(tmp_path):
    stored = nibabel.Nifti1Image(VOLUME[:, :, :1].astype(np.int16), RAS)
    stored.header.set_slope_inter(2, -10)
    nibabel.save(stored, tmp_path / "a.nii")
    scaled = np.asarray(nibabel.load(tmp_path / "a.nii").dataobj)

    np.testing.assert_allclose(nifti.read_volume(tmp_path / "a.nii"), scaled)


def test_no_finite_number_is_refused(write):
    values = np.ones((4, 3, 1), dtype=np.float32)
    values[0, 0] = np.nan

    with pytest.raises(DatasetError, match=r"Slice 0 of the NIfTI file a\.nii\.gz holds 1 of 12"):
        decode(write(values), window=(0, 1))


@pytest.mark.parametrize("shape", [(4, 3, 2, 5), (4,), (2, 2, 2, 1, 3)])
def test_another_number_of_axes_is_refused(write, shape):
    file = write(np.zeros(shape, dtype=np.uint8))

    with pytest.raises(DatasetError, match="is neither an image nor a volume") as refusal:
        decode(file)

    assert "each time point" in refusal.value.fix


def test_axes_of_length_one_behind_the_third_are_no_axes(write):
    file = write(VOLUME[:, :, :, None, None])

    assert nifti.read_shape(file) == (4, 3, 2, "RAS")


def test_colours_and_complex_numbers_are_refused(write):
    with pytest.raises(DatasetError, match="not one number per voxel"):
        decode(write(np.zeros((4, 3, 1), dtype=[("R", "u1"), ("G", "u1"), ("B", "u1")])))
    with pytest.raises(DatasetError, match="not one number per voxel"):
        decode(write(np.zeros((4, 3, 1), dtype=np.complex64)))


def test_an_affine_without_an_inverse_is_refused(tmp_path):
    stored = nibabel.Nifti1Image(VOLUME, RAS)
    stored.header["sform_code"], stored.header["qform_code"] = 1, 0
    stored.header["srow_x"] = 0
    content = stored.to_bytes()
    (tmp_path / "a.nii").write_bytes(content)
    header = nibabel.Nifti1Header(content[:348])
    header["srow_x"], header["sform_code"], header["qform_code"] = 0, 1, 0
    (tmp_path / "a.nii").write_bytes(header.binaryblock + content[348:])

    with pytest.raises(DatasetError, match="not state the directions of its axes"):
        nifti.read_shape(tmp_path / "a.nii")


def test_a_volume_beyond_memory_is_refused_before_it_is_read(write, monkeypatch):
    file = write()
    monkeypatch.setattr(nifti, "MAX_VOXELS", 20)

    with pytest.raises(DatasetError, match="states 4 x 3 x 2 voxels"):
        nifti.read_volume(file)


def test_a_file_that_changed_is_read_again(write):
    before = nifti.read_volume(write()).copy()

    after = nifti.read_volume(write(np.full((7, 5, 3), 9, dtype=np.uint8)))

    assert (before.shape, after.shape, after.max()) == ((4, 3, 2), (7, 5, 3), 9)


@pytest.mark.parametrize("name", ["a.nii", "a.nii.gz"])
@pytest.mark.parametrize("kept", [0, 10, 0.5, 0.95])
def test_a_truncated_file_is_refused(write, name, kept):
    noise = np.random.default_rng(0).integers(0, 256, (30, 20, 1), dtype=np.uint8)
    file = write(noise, name=name)
    content = file.read_bytes()
    file.write_bytes(content[: int(kept * len(content)) if kept < 1 else kept])

    with pytest.raises(DatasetError, match=r"The NIfTI file a\.nii.* cannot be read"):
        decode(file)


def test_a_missing_file_is_refused(tmp_path):
    with pytest.raises(DatasetError, match=r"a\.nii cannot be read"):
        nifti.read_volume(tmp_path / "a.nii")


@pytest.mark.fuzz
def test_random_bytes_are_never_a_traceback(write, fuzz_seed):
    file, rng = write(VOLUME[:, :, :1], name="a.nii"), np.random.default_rng(fuzz_seed)
    content = bytearray(file.read_bytes())
    for place in rng.integers(4, 340, 5):
        content[place] = rng.integers(256)
    file.write_bytes(content)

    with suppress(DatasetError):
        decode(file, window=(0, 1))


def test_the_place_of_a_damaged_file_is_not_named(tmp_path):
    (tmp_path / "a.nii").write_bytes(b"no NIfTI at all")

    with pytest.raises(DatasetError, match=r"a\.nii cannot be read") as refusal:
        decode(tmp_path / "a.nii")

    assert str(tmp_path) not in str(refusal.value)


def test_errors_of_nibabel_count_as_damage():
    from nibabel.filebasedimages import ImageFileError
    from nibabel.spatialimages import HeaderDataError

    assert {ImageFileError, HeaderDataError, *nifti.PARSER_ERRORS} == {*nifti.decode_errors()}


def test_without_nibabel_other_errors_are_still_known(monkeypatch):
    monkeypatch.setitem(sys.modules, "nibabel.filebasedimages", None)

    assert nifti.decode_errors() == nifti.PARSER_ERRORS


def test_an_affine_of_signalling_nans_is_refused_without_a_warning(write):
    file = write(name="a.nii")
    content = bytearray(file.read_bytes())
    content[296:312] = np.full(4, 0x7FA00000, "<u4").tobytes()  # srow_y
    file.write_bytes(content)

    with pytest.raises(DatasetError, match="not state the directions of its axes"):
        nifti.read_shape(file)
