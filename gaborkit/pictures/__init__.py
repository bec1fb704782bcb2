"""From the bytes of a picture file to an array and back; `gaborkit.images` is the way in.

Pillow reads PNG, JPEG and WebP, because it refuses truncated files; OpenCV reads and writes
16-bit colour PNG, which Pillow reduces to 8 bits; tifffile does TIFF. All of them are imported on
first use.
"""
