"""Writes DICOM series and reads what was written, with pydicom alone: dicom.py make|series|segmentation '<json>'."""

import json
import os
import random
import sys
import tarfile

import numpy as np
import pydicom
from pydicom.dataset import FileDataset, FileMetaDataset
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian, RLELossless, generate_uid

CRANIUM = "/usr/share/doc/invesalius-examples/examples/Cranium.inv3"


def cranium():
    """Head CT in HU, int16 [108, 256, 256]."""
    with tarfile.open(CRANIUM) as archive:
        name = next(n for n in archive.getnames() if n.endswith("matrix.dat"))
        return np.frombuffer(archive.extractfile(name).read(), "<i2").reshape(108, 256, 256)


def pattern(count, rows, columns):
    """The voxels that the tests compute as well."""
    z, y, x = np.ogrid[:count, :rows, :columns]
    return ((z * 731 + y * 37 + x * 5) % 2000 - 1000).astype(np.int32)


def make(spec):
    if spec.get("cranium"):
        voxels, (row, column, between) = cranium(), (0.957031, 0.957031, 1.5)
    else:
        voxels, (row, column, between) = pattern(*spec["shape"]), spec["spacing"]
    count, rows, columns = voxels.shape
    orientation = spec.get("orientation", [1, 0, 0, 0, 1, 0])
    origin = np.array(spec.get("origin", [-100.5, -120.25, 30.0]))
    normal = np.cross(orientation[:3], orientation[3:])
    shift = np.array(spec.get("shift", [0, 0, 0]))
    os.makedirs(spec["out"], exist_ok=True)
    names = list(range(count))
    random.Random(5).shuffle(names)
    study, series, frame = generate_uid(), spec.get("series") or generate_uid(), generate_uid()
    slope, intercept = spec.get("slope", 1), spec.get("intercept", -1024)
    for k in range(count):
        if k in spec.get("skip", []):
            continue
        meta = FileMetaDataset()
        meta.MediaStorageSOPClassUID = CTImageStorage
        meta.MediaStorageSOPInstanceUID = generate_uid()
        meta.TransferSyntaxUID = ExplicitVRLittleEndian
        ds = FileDataset(None, {}, file_meta=meta, preamble=b"\0" * 128)
        ds.is_little_endian, ds.is_implicit_VR = True, False
        ds.SpecificCharacterSet = spec.get("charset", "ISO_IR 100")
        ds.SOPClassUID, ds.SOPInstanceUID = CTImageStorage, meta.MediaStorageSOPInstanceUID
        ds.Modality, ds.SeriesDescription = spec.get("modality", "CT"), spec.get("description", "head")
        ds.PatientName, ds.PatientID, ds.PatientSex = spec.get("patient", "Test^Head"), "P1", "O"
        ds.PatientBirthDate, ds.ReferringPhysicianName, ds.AccessionNumber = "", "", ""
        ds.StudyDate, ds.StudyTime, ds.StudyID = "20260101", "120000", "1"
        ds.StudyInstanceUID, ds.SeriesInstanceUID, ds.FrameOfReferenceUID = study, series, frame
        ds.SeriesNumber, ds.InstanceNumber = 3, names[k] + 1
        position = origin + normal * (between * k + spec.get("jitter", {}).get(str(k), 0)) + shift * k
        ds.ImagePositionPatient = [str(v)[:16] for v in np.round(position, 9)]
        ds.ImageOrientationPatient = [str(v)[:16] for v in orientation]
        ds.PixelSpacing = [row, column]
        ds.SliceThickness = between
        ds.Rows, ds.Columns, ds.SamplesPerPixel, ds.PhotometricInterpretation = rows, columns, 1, "MONOCHROME2"
        ds.BitsAllocated, ds.BitsStored, ds.HighBit = 16, 16, 15
        ds.PixelRepresentation = 0 if intercept is not None else 1
        if intercept is not None:
            ds.RescaleIntercept, ds.RescaleSlope = intercept, slope
        stored = (voxels[k] - (intercept or 0)) / (slope if intercept is not None else 1)
        ds.PixelData = stored.astype("<i2" if ds.PixelRepresentation else "<u2").tobytes()
        if spec.get("rle"):
            ds.compress(RLELossless)
        ds.save_as(os.path.join(spec["out"], f"IM{names[k]:04d}"), write_like_original=False)
    return {"study": study, "series": series, "frameOfReference": frame}


def ordered(folder):
    slices = [pydicom.dcmread(os.path.join(folder, name)) for name in os.listdir(folder)]
    cosines = np.array(slices[0].ImageOrientationPatient, float)
    normal = np.cross(cosines[:3], cosines[3:])
    slices.sort(key=lambda ds: float(normal @ np.array(ds.ImagePositionPatient, float)))
    return slices, cosines, normal


def series(spec):
    """The series as pydicom reads it: HU to a file, the map of (i, j, k) to LPS."""
    slices, cosines, _ = ordered(spec["folder"])
    hu = [ds.pixel_array * float(ds.get("RescaleSlope", 1)) + float(ds.get("RescaleIntercept", 0)) for ds in slices]
    np.stack(hu).astype("<f4").tofile(spec["out"])
    row, column = (float(v) for v in slices[0].PixelSpacing)
    first, last = (np.array(slices[end].ImagePositionPatient, float) for end in (0, -1))
    step = (last - first) / max(1, len(slices) - 1)
    affine = np.eye(4)
    affine[:3] = np.stack([cosines[:3] * column, cosines[3:] * row, step, first], 1)
    return {"affine": affine.tolist(), "instances": [ds.SOPInstanceUID for ds in slices]}


def segmentation(spec):
    """A segmentation on the slices of its series, placed by the positions of its frames; class numbers to a file."""
    seg = pydicom.dcmread(spec["file"])
    slices, _, normal = ordered(spec["folder"])
    heights = [float(normal @ np.array(ds.ImagePositionPatient, float)) for ds in slices]
    labels = np.zeros((len(slices), seg.Rows, seg.Columns), np.uint8)
    pixels = seg.pixel_array.reshape(seg.NumberOfFrames, seg.Rows, seg.Columns)
    per_segment, references_right = {}, True
    for frame, pixel in zip(seg.PerFrameFunctionalGroupsSequence, pixels):
        number = frame.SegmentIdentificationSequence[0].ReferencedSegmentNumber
        position = np.array(frame.PlanePositionSequence[0].ImagePositionPatient, float)
        k = int(np.argmin(np.abs(np.array(heights) - normal @ position)))
        assert np.abs(position - np.array(slices[k].ImagePositionPatient, float)).max() < 1e-6
        assert frame.FrameContentSequence[0].DimensionIndexValues[0] == number
        source = frame.DerivationImageSequence[0].SourceImageSequence[0].ReferencedSOPInstanceUID
        references_right &= source == slices[k].SOPInstanceUID
        assert not np.any(labels[k][pixel == 1])
        labels[k][pixel == 1] = number
        per_segment[number] = per_segment.get(number, 0) + 1
    labels.tofile(spec["out"])
    shared = seg.SharedFunctionalGroupsSequence[0]
    measures = shared.PixelMeasuresSequence[0]
    return {
        "sopClass": seg.SOPClassUID,
        "modality": seg.Modality,
        "patient": str(seg.PatientName),
        "study": seg.StudyInstanceUID,
        "frameOfReference": seg.FrameOfReferenceUID,
        "referencedSeries": seg.ReferencedSeriesSequence[0].SeriesInstanceUID,
        "referencedInstances": len(seg.ReferencedSeriesSequence[0].ReferencedInstanceSequence),
        "framesReferToTheirSlices": bool(references_right),
        "orientation": [float(v) for v in shared.PlaneOrientationSequence[0].ImageOrientationPatient],
        "spacing": [float(v) for v in [measures.SpacingBetweenSlices, *measures.PixelSpacing]],
        "frames": int(seg.NumberOfFrames),
        "segments": [
            {
                "number": item.SegmentNumber,
                "label": item.SegmentLabel,
                "algorithm": [item.SegmentAlgorithmType, item.SegmentAlgorithmName],
                "type": item.SegmentedPropertyTypeCodeSequence[0].CodeMeaning,
                "frames": per_segment.get(item.SegmentNumber, 0),
            }
            for item in seg.SegmentSequence
        ],
    }


def copy(spec):
    """Copies a file with attributes set, for what `make` does not do."""
    ds = pydicom.dcmread(spec["file"])
    for name, value in spec.get("set", {}).items():
        setattr(ds, name, value)
    for name in spec.get("remove", []):
        delattr(ds, name)
    if "frames" in spec:
        ds.PerFrameFunctionalGroupsSequence = ds.PerFrameFunctionalGroupsSequence[: spec["frames"]]
    ds.save_as(spec["out"])
    return {}


def snomed(spec):
    """Which of these codes pydicom's table of SNOMED CT knows, with their names."""
    from pydicom.sr._concepts_dict import concepts

    known = {code: [] for code in spec["codes"]}
    for meanings in concepts["SCT"].values():
        for code, meaning in meanings.items():
            known.get(code, []).append(meaning[0])
    return known


if __name__ == "__main__":
    print(json.dumps(globals()[sys.argv[1]](json.loads(sys.argv[2]))))
