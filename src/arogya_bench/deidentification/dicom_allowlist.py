"""What of a DICOM file is kept, renamed, emptied, and said of it afterwards."""

# What shows the pixels, and where they lie in space: nothing else is kept. The basic profile
# (PS3.15 table E.1-1) lists what to remove; a list of what to keep also removes what the table
# does not know, such as private elements, retired ones, and those of later editions.
ALLOWED_KEYWORDS = frozenset(
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
PSEUDONYMISED_UIDS = (
    "SOPInstanceUID",
    "StudyInstanceUID",
    "SeriesInstanceUID",
    "FrameOfReferenceUID",
)
# Elements of type 2 in the modules of patient and study: present, and without a value.
EMPTIED_KEYWORDS = ("PatientName", "PatientBirthDate", "PatientSex", "StudyDate", "StudyTime")
OTHER_EMPTIED_KEYWORDS = ("AccessionNumber", "ReferringPhysicianName", "StudyID", "SeriesNumber")
TEXT_VRS = {"LO", "SH", "ST", "LT", "UT", "UC", "UR", "PN", "AE", "AS", "DA", "TM", "DT", "UN"}
# Without these nobody can read the pixels.
REQUIRED_KEYWORDS = (
    *("SOPClassUID", "Rows", "Columns", "BitsAllocated", "SamplesPerPixel"),
    "PhotometricInterpretation",
)
# Tables, and what says how long they are.
LUT_DESCRIPTORS = {
    "LUTData": "LUTDescriptor",
    "RedPaletteColorLookupTableData": "RedPaletteColorLookupTableDescriptor",
    "GreenPaletteColorLookupTableData": "GreenPaletteColorLookupTableDescriptor",
    "BluePaletteColorLookupTableData": "BluePaletteColorLookupTableDescriptor",
}
RESCALE_TYPES = frozenset({"HU", "US", "OD", "MGML", "Z_EFF", "ED", "EDW", "HU_MOD", "PCT"})
# PS3.3 C.7.3.1.1.1 and PS3.16 CID 29 and 33: kinds of devices, the retired ones too.
MODALITIES = frozenset(
    {
        *("ANN", "AR", "ASMT", "AU", "BDUS", "BI", "BMD", "CFM", "CR", "CT", "CTPROTOCOL", "DG"),
        *("DMS", "DOC", "DX", "ECG", "EEG", "EMG", "EOG", "EPS", "ES", "FID", "GM", "HC", "HD"),
        *("IO", "IOL", "IVOCT", "IVUS", "KER", "KO", "LEN", "LS", "M3D", "MA", "MG", "MR", "MS"),
        *("NM", "OAM", "OCT", "OP", "OPM", "OPT", "OPTBSV", "OPTENF", "OPV", "OSS", "OT", "PA"),
        *("PLAN", "POS", "PR", "PT", "PX", "REG", "RESP", "RF", "RG", "RTDOSE", "RTIMAGE"),
        *("RTINTENT", "RTPLAN", "RTRAD", "RTRECORD", "RTSEGANN", "RTSTRUCT", "RWV", "SEG", "SM"),
        *("SMR", "SR", "SRF", "STAIN", "TEXTUREMAP", "TG", "US", "VA", "XA", "XAPROTOCOL", "XC"),
        *("AS", "CD", "CF", "CP", "CS", "DD", "DF", "DM", "DS", "EC", "FA", "FS", "LP", "OPR"),
        *("ST", "VF"),
    }
)
# What a code may be (PS3.3); any other text that stands in its place may name somebody.
ALLOWED_CODES = {
    "Modality": MODALITIES,
    "PhotometricInterpretation": frozenset(
        {
            *("MONOCHROME1", "MONOCHROME2", "PALETTE COLOR", "RGB", "HSV", "ARGB", "CMYK", "XYB"),
            *("YBR_FULL", "YBR_FULL_422", "YBR_PARTIAL_422", "YBR_PARTIAL_420", "YBR_ICT"),
            "YBR_RCT",
        }
    ),
    "VOILUTFunction": frozenset({"LINEAR", "LINEAR_EXACT", "SIGMOID"}),
    "PresentationLUTShape": frozenset({"IDENTITY", "INVERSE"}),
    "PixelIntensityRelationship": frozenset({"LIN", "LOG", "DISP"}),
    "LossyImageCompression": frozenset({"00", "01"}),
    "LossyImageCompressionMethod": frozenset(
        {
            *("ISO_10918_1", "ISO_14495_1", "ISO_15444_1", "ISO_15444_15", "ISO_18181_1"),
            *("ISO_13818_2", "ISO_14496_10", "ISO_23008_2"),
        }
    ),
    "BurnedInAnnotation": frozenset({"YES", "NO"}),
    "RescaleType": RESCALE_TYPES,
    "ModalityLUTType": RESCALE_TYPES,
}
DEIDENTIFICATION_METHOD = "PS3.15 Basic Profile; dates removed; only what shows the pixels kept"
DEIDENTIFICATION_PROFILE = (
    "113100",
    "DCM",
    "Basic Application Confidentiality Profile",
)  # PS3.16 CID 7050
IMPLEMENTATION_UID = "2.25.190843712054862093147730658621940517305"
# The first two values of ImageType; what follows is free, and may name a device or an examination.
ALLOWED_IMAGE_TYPES = ({"ORIGINAL", "DERIVED"}, {"PRIMARY", "SECONDARY"})
