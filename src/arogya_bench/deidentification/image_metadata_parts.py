"""The parts of JPEG, PNG, WebP and TIFF files: which are pixels, and what the others are."""

JPEG_SEGMENTS = (
    (0xE0, b"JFIF\0", None),
    (0xE0, b"JFXX\0", "thumbnail"),
    (0xE1, b"Exif\0\0", "EXIF"),
    (0xE1, b"http://ns.adobe.com/", "XMP"),
    (0xE2, b"ICC_PROFILE\0", "ICC"),
    (0xE2, b"MPF\0", "preview"),
    (0xED, b"Photoshop 3.0\0", "IPTC"),
    (0xEE, b"Adobe", None),
    (0xFE, b"", "comment"),
)
PIXEL_CHUNKS = {
    *(b"IHDR", b"PLTE", b"IDAT", b"IEND", b"tRNS", b"gAMA", b"cHRM", b"sRGB", b"sBIT", b"bKGD"),
    *(b"pHYs", b"acTL", b"fcTL", b"fdAT"),
}
METADATA_CHUNKS = {
    b"tEXt": "text chunk",
    b"zTXt": "text chunk",
    b"iTXt": "text chunk",
    b"eXIf": "EXIF",
    b"tIME": "time",
    b"iCCP": "ICC",
    b"EXIF": "EXIF",  # this one and the next two: WebP
    b"XMP ": "XMP",
    b"ICCP": "ICC",
}
WEBP_PIXELS = {b"VP8 ", b"VP8L", b"VP8X", b"ALPH", b"ANIM", b"ANMF"}
TIFF_TAGS = {700: "XMP", 33723: "IPTC", 34377: "IPTC", 34665: "EXIF", 34853: "EXIF", 34675: "ICC"}
# Tags that say how the pixels lie: TIFF 6.0, sections 3 to 10, 15 and 19 to 22.
TIFF_PIXELS = {
    *(254, 255, 256, 257, 258, 259, 262, 263, 266, 273, 274, 277, 278, 279, 280, 281, 282, 283),
    *(284, 290, 291, 292, 293, 296, 297, 301, 317, 318, 319, 320, 322, 323, 324, 325, 332, 336),
    *(338, 339, 340, 341, 347, 512, 513, 514, 529, 530, 531, 532),
}
