"""Pure picture work on libvips: a guarded decoder, edits, encoders and metadata."""

from capabilities.imaging.decode import Image, ImageInfo, Limits, decode, decode_base64, probe
from capabilities.imaging.edit import BLUR_SIGMA, composite, convert, crop, filter_image, resize, transform
from capabilities.imaging.encode import encode, from_pixels, thumbnail, to_pixels
from capabilities.imaging.matte import TOLERANCE, clear_ground
from capabilities.imaging.metadata import read_metadata

__all__ = [
    "BLUR_SIGMA", "TOLERANCE",
    "Image", "ImageInfo", "Limits", "clear_ground", "composite", "convert", "crop", "decode", "decode_base64", "encode", "filter_image",
    "from_pixels", "probe", "read_metadata", "resize", "thumbnail", "to_pixels", "transform",
]  # fmt: skip
