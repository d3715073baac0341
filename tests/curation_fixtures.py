"""Image files with names, places and dates in all kinds of metadata."""

import shutil
import struct
import zlib
from io import BytesIO

import numpy as np
import PIL.Image
import PIL.ImageCms
import pytest

SECRET = "correct horse battery staple, 32 b"
NAME = "Jane-Doe-1961"  # in all metadata, and in no curated file


@pytest.fixture(autouse=True)
def secret(monkeypatch, tmp_path_factory):
    monkeypatch.setenv("AROGYA_SECRET", SECRET)
    return SECRET


@pytest.fixture(scope="session")
def name():
    return NAME


@pytest.fixture(scope="session")
def exiftool():
    """The path of exiftool, an independent reader of metadata."""
    path = shutil.which("exiftool")
    if path is None:
        pytest.skip("exiftool is not installed (Debian: libimage-exiftool-perl)")
    return path


def smooth(size=(60, 40), seed=0):
    """An image without sharp edges, which JPEG preserves well."""
    rng = np.random.default_rng(seed)
    small = rng.integers(0, 256, (4, 6, 3), dtype=np.uint8)
    return np.asarray(PIL.Image.fromarray(small).resize(size, PIL.Image.Resampling.BICUBIC))


def exif(orientation=None, thumbnail=False):
    tags = PIL.Image.Exif()
    tags[0x010E] = NAME
    tags[0x013B] = NAME
    tags[0x0110] = NAME
    tags.get_ifd(0x8769)[0x927C] = NAME.encode()  # maker note
    tags.get_ifd(0x8769)[0x9003] = "2021:03:04 05:06:07"
    tags.get_ifd(0x8825).update({1: "N", 2: (48.0, 8.0, 1.0), 29: "2021:03:04"})
    if orientation:
        tags[0x0112] = orientation
    if thumbnail:
        tags.get_ifd(1).update({0x0201: 1, 0x0202: 4})
    return tags


def segment(marker, body):
    return bytes([0xFF, marker]) + struct.pack(">H", len(body) + 2) + body


def jpeg(pixels, *, orientation=None, profile=None, trailing=True, bare=False, quality=95):
    """A JPEG with every kind of metadata that cameras and archives write."""
    buffer = BytesIO()
    options = {} if bare else {"exif": exif(orientation)}
    if profile:
        options["icc_profile"] = profile
    PIL.Image.fromarray(pixels).save(buffer, "JPEG", quality=quality, subsampling=0, **options)
    content = buffer.getvalue()
    if bare:
        return content
    xmp = f'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF>{NAME}</rdf:RDF></x:xmpmeta>'.encode()
    iptc = b"\x1c\x02\x50" + struct.pack(">H", len(NAME)) + NAME.encode()
    resource = b"8BIM\x04\x04\0\0" + struct.pack(">I", len(iptc)) + iptc + b"\0" * (len(iptc) % 2)
    extra = segment(0xE1, b"http://ns.adobe.com/xap/1.0/\0" + xmp)
    extra += segment(0xED, b"Photoshop 3.0\0" + resource)
    extra += segment(0xFE, NAME.encode()) + segment(0xEB, b"HDR_RI " + NAME.encode())
    tail = b"\xff\xd8" + NAME.encode() + b"\xff\xd9" if trailing else b""
    return content[:2] + extra + content[2:] + tail


def chunk(kind, body):
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def png(image, *, orientation=None, profile=None, trailing=True):
    """A PNG with text in every kind of text chunk."""
    buffer = BytesIO()
    options = {"icc_profile": profile} if profile else {}
    image.save(buffer, "PNG", **options)
    content = buffer.getvalue()
    text = NAME.encode()
    extra = chunk(b"tEXt", b"Author\0" + text) + chunk(b"zTXt", b"Note\0\0" + zlib.compress(text))
    extra += chunk(b"iTXt", b"Title\0\0\0\0\0" + text)
    extra += chunk(b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0<x>" + text + b"</x>")
    extra += chunk(b"tIME", struct.pack(">HBBBBB", 2021, 3, 4, 5, 6, 7))
    extra += chunk(b"eXIf", exif(orientation).tobytes()[6:]) + chunk(b"prVt", text)
    return content[:33] + extra + content[33:] + (text if trailing else b"")


@pytest.fixture(scope="session")
def made():
    """Functions that create files, by name."""
    from types import SimpleNamespace

    return SimpleNamespace(smooth=smooth, exif=exif, jpeg=jpeg, png=png, segment=segment)


@pytest.fixture(scope="session")
def srgb():
    return PIL.ImageCms.ImageCmsProfile(PIL.ImageCms.createProfile("sRGB")).tobytes()


@pytest.fixture(scope="session")
def other_rgb(srgb):
    """The sRGB profile with its colorants exchanged."""
    content = bytearray(srgb)
    count = struct.unpack(">I", content[128:132])[0]
    places = {}
    for i in range(count):
        kind, offset, size = struct.unpack(">4sII", content[132 + 12 * i : 144 + 12 * i])
        places[kind] = (132 + 12 * i, offset, size)
    red, green = places[b"rXYZ"], places[b"gXYZ"]
    struct.pack_into(">II", content, red[0] + 4, *green[1:])
    struct.pack_into(">II", content, green[0] + 4, *red[1:])
    return bytes(content)


@pytest.fixture
def classes_of_jpegs(tmp_path):
    """Write class folders of JPEGs with metadata; returns the folder."""

    def write(count=12, name="source", groups=None):
        folder = tmp_path / name
        for number in range(count):
            place = folder / ("benign", "malignant")[number % 2]
            place.mkdir(parents=True, exist_ok=True)
            file = place / f"{NAME}-{number:02}.jpg"
            file.write_bytes(jpeg(smooth(seed=number)))
        return folder

    return write
