"""Which elements of a DICOM file are kept, pseudonymised or emptied, and which are added."""

# Only what displays the pixels and locates them in space is kept. The basic profile (PS3.15 table E.1-1) lists what to
# remove; an allowlist also removes what that table does not cover, such as private elements, retired elements and those
# of later editions.
ALLOWED_KEYWORDS = frozenset(
    {
        *("SOPClassUID", "Modality", "SamplesPerPixel", "PhotometricInterpretation", "PlanarConfiguration"),
        *("NumberOfFrames", "Rows", "Columns", "BitsAllocated", "BitsStored", "HighBit", "PixelRepresentation"),
        *("SmallestImagePixelValue", "LargestImagePixelValue", "PixelPaddingValue", "PixelPaddingRangeLimit"),
        *("PixelSpacing", "ImagerPixelSpacing", "NominalScannedPixelSpacing", "PixelAspectRatio", "SliceThickness"),
        *("SpacingBetweenSlices", "ImageOrientationPatient", "ImagePositionPatient", "RescaleIntercept"),
        *("RescaleSlope", "RescaleType", "WindowCenter", "WindowWidth", "VOILUTFunction", "VOILUTSequence"),
        *("ModalityLUTSequence", "ModalityLUTType", "LUTDescriptor", "LUTData", "PresentationLUTShape"),
        *("PixelIntensityRelationship", "PixelIntensityRelationshipSign", "RedPaletteColorLookupTableDescriptor"),
        *("RedPaletteColorLookupTableData", "GreenPaletteColorLookupTableDescriptor"),
        *("GreenPaletteColorLookupTableData", "BluePaletteColorLookupTableDescriptor"),
        *("BluePaletteColorLookupTableData", "LossyImageCompression", "LossyImageCompressionRatio"),
        *("LossyImageCompressionMethod", "BurnedInAnnotation", "ImageType", "InstanceNumber"),
        *("SharedFunctionalGroupsSequence", "PerFrameFunctionalGroupsSequence", "PixelMeasuresSequence"),
        *("PlanePositionSequence", "PlaneOrientationSequence", "PixelValueTransformationSequence"),
        *("FrameVOILUTSequence", "PixelData", "FloatPixelData", "DoubleFloatPixelData"),
    }
)
PSEUDONYMISED_UIDS = ("SOPInstanceUID", "StudyInstanceUID", "SeriesInstanceUID", "FrameOfReferenceUID")
# Type 2 elements of the patient and study modules: present without a value.
EMPTIED_KEYWORDS = (
    *("PatientName", "PatientBirthDate", "PatientSex", "StudyDate", "StudyTime", "AccessionNumber"),
    *("ReferringPhysicianName", "StudyID", "SeriesNumber"),
)
TEXT_VRS = {"LO", "SH", "ST", "LT", "UT", "UC", "UR", "PN", "AE", "AS", "DA", "TM", "DT", "UN"}
# The pixels cannot be read without these.
REQUIRED_KEYWORDS = ("SOPClassUID", "Rows", "Columns", "BitsAllocated", "SamplesPerPixel", "PhotometricInterpretation")
# Lookup tables and the element that states their length.
LUT_DESCRIPTORS = {
    "LUTData": "LUTDescriptor",
    "RedPaletteColorLookupTableData": "RedPaletteColorLookupTableDescriptor",
    "GreenPaletteColorLookupTableData": "GreenPaletteColorLookupTableDescriptor",
    "BluePaletteColorLookupTableData": "BluePaletteColorLookupTableDescriptor",
}
RESCALE_TYPES = frozenset({"HU", "US", "OD", "MGML", "Z_EFF", "ED", "EDW", "HU_MOD", "PCT"})
# PS3.3 C.7.3.1.1.1 and PS3.16 CID 29 and 33, including retired modalities.
MODALITIES = frozenset(
    {
        *("ANN", "AR", "ASMT", "AU", "BDUS", "BI", "BMD", "CFM", "CR", "CT", "CTPROTOCOL", "DG", "DMS", "DOC", "DX"),
        *("ECG", "EEG", "EMG", "EOG", "EPS", "ES", "FID", "GM", "HC", "HD", "IO", "IOL", "IVOCT", "IVUS", "KER", "KO"),
        *("LEN", "LS", "M3D", "MA", "MG", "MR", "MS", "NM", "OAM", "OCT", "OP", "OPM", "OPT", "OPTBSV", "OPTENF"),
        *("OPV", "OSS", "OT", "PA", "PLAN", "POS", "PR", "PT", "PX", "REG", "RESP", "RF", "RG", "RTDOSE", "RTIMAGE"),
        *("RTINTENT", "RTPLAN", "RTRAD", "RTRECORD", "RTSEGANN", "RTSTRUCT", "RWV", "SEG", "SM", "SMR", "SR", "SRF"),
        *("STAIN", "TEXTUREMAP", "TG", "US", "VA", "XA", "XAPROTOCOL", "XC", "AS", "CD", "CF", "CP", "CS", "DD", "DF"),
        *("DM", "DS", "EC", "FA", "FS", "LP", "OPR", "ST", "VF"),
    }
)
# The codes that PS3.3 defines; any other text in their place may identify a patient.
ALLOWED_CODES = {
    "Modality": MODALITIES,
    "PhotometricInterpretation": frozenset(
        {
            *("MONOCHROME1", "MONOCHROME2", "PALETTE COLOR", "RGB", "HSV", "ARGB", "CMYK", "XYB", "YBR_FULL"),
            *("YBR_FULL_422", "YBR_PARTIAL_422", "YBR_PARTIAL_420", "YBR_ICT", "YBR_RCT"),
        }
    ),
    "VOILUTFunction": frozenset({"LINEAR", "LINEAR_EXACT", "SIGMOID"}),
    "PresentationLUTShape": frozenset({"IDENTITY", "INVERSE"}),
    "PixelIntensityRelationship": frozenset({"LIN", "LOG", "DISP"}),
    "LossyImageCompression": frozenset({"00", "01"}),
    "LossyImageCompressionMethod": frozenset(
        {
            *("ISO_10918_1", "ISO_14495_1", "ISO_15444_1", "ISO_15444_15", "ISO_18181_1", "ISO_13818_2"),
            *("ISO_14496_10", "ISO_23008_2"),
        }
    ),
    "BurnedInAnnotation": frozenset({"YES", "NO"}),
    "RescaleType": RESCALE_TYPES,
    "ModalityLUTType": RESCALE_TYPES,
}
DEIDENTIFICATION_METHOD = "PS3.15 Basic Profile; dates removed; only what shows the pixels kept"
# PS3.16 CID 7050
DEIDENTIFICATION_PROFILE = ("113100", "DCM", "Basic Application Confidentiality Profile")
IMPLEMENTATION_UID = "2.25.190843712054862093147730658621940517305"
# The first two values of ImageType; later values are free text, such as the name of a device.
ALLOWED_IMAGE_TYPES = ({"ORIGINAL", "DERIVED"}, {"PRIMARY", "SECONDARY"})
