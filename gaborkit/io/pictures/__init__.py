"""From the bytes of a picture file to an array and back; `gaborkit.io.images` is the way in.

Pillow reads all formats but TIFF and netpbm, because it refuses truncated files; imagecodecs reads
what Pillow would reduce to 8 bits, and decodes the strips and tiles of TIFF that tifffile finds;
nibabel reads NIfTI, and pydicom DICOM.
All of them are imported on first use.
"""
