"""What of a DICOM file is kept, renamed, emptied, and said of it afterwards."""

import re

# What shows the pixels, and where they lie in space: nothing else is kept. The basic profile
# (PS3.15 table E.1-1) lists what to remove; a list of what to keep also removes what the table
# does not know, such as private elements, retired ones, and those of later editions.
KEPT = frozenset(
    {
        *("SOPClassUID", "Modality", "SamplesPerPixel", "PhotometricInterpretation"),
        *("PlanarConfiguration", "NumberOfFrames", "Rows", "Columns", "BitsAllocated"),
        *("BitsStored", "HighBit", "PixelRepresentation", "SmallestImagePixelValue"),
        *("LargestImagePixelValue", "PixelPaddingValue", "PixelPaddingRangeLimit"),
        *("PixelSpacing", "ImagerPixelSpacing", "NominalScannedPixelSpacing", "PixelAspectRatio"),
        *("SliceThickness", "SpacingBetweenSlices", "ImageOrientationPatient"),
        *("ImagePositionPatient", "RescaleIntercept", "RescaleSlope", "RescaleType"),
        *("WindowCenter", "WindowWidth", "VOILUTFunction", "VOILUTSequence"),
        *("ModalityLUTSequence", "ModalityLUTType", "LUTDescriptor", "LUTData"),
        *("PresentationLUTShape", "PixelIntensityRelationship", "PixelIntensityRelationshipSign"),
        *("RedPaletteColorLookupTableDescriptor", "RedPaletteColorLookupTableData"),
        *("GreenPaletteColorLookupTableDescriptor", "GreenPaletteColorLookupTableData"),
        *("BluePaletteColorLookupTableDescriptor", "BluePaletteColorLookupTableData"),
        *("LossyImageCompression", "LossyImageCompressionRatio", "LossyImageCompressionMethod"),
        *("BurnedInAnnotation", "ImageType", "InstanceNumber"),
        *("SharedFunctionalGroupsSequence", "PerFrameFunctionalGroupsSequence"),
        *("PixelMeasuresSequence", "PlanePositionSequence", "PlaneOrientationSequence"),
        *("PixelValueTransformationSequence", "FrameVOILUTSequence"),
        *("PixelData", "FloatPixelData", "DoubleFloatPixelData"),
    }
)
RENAMED = ("SOPInstanceUID", "StudyInstanceUID", "SeriesInstanceUID", "FrameOfReferenceUID")
# Elements of type 2 in the modules of patient and study: present, and without a value.
EMPTIED = ("PatientName", "PatientBirthDate", "PatientSex", "StudyDate", "StudyTime")
EMPTIED_TOO = ("AccessionNumber", "ReferringPhysicianName", "StudyID", "SeriesNumber")
# A code string of the standard; other texts that stand in its place may name somebody.
CODE = re.compile(r"[A-Z0-9_ ]{0,16}")
TEXT_KINDS = {"LO", "SH", "ST", "LT", "UT", "UC", "UR", "PN", "AE", "AS", "DA", "TM", "DT", "UN"}
RESCALE_TYPES = ("HU", "US", "OD", "MGML", "Z_EFF", "ED", "EDW", "HU_MOD", "PCT")
METHOD = "PS3.15 Basic Profile; dates removed; only what shows the pixels kept"
PROFILE = ("113100", "DCM", "Basic Application Confidentiality Profile")  # PS3.16 CID 7050
IMPLEMENTATION = "2.25.190843712054862093147730658621940517305"
# The first two values of ImageType; what follows is free, and may name a device or an examination.
IMAGE_TYPES = ({"ORIGINAL", "DERIVED"}, {"PRIMARY", "SECONDARY"})
