"""Pure picture work on libvips: a guarded decoder, edits, encoders and metadata."""

from capabilities.imaging.decode import (
    OUT_OF_MEMORY,
    Image,
    ImageInfo,
    Inspector,
    Limits,
    decode,
    decode_base64,
    inspect,
    is_out_of_memory,
    opened,
    out_of_memory,
    probe,
    require_decodable,
    require_size,
    unreadable,
)
from capabilities.imaging.edit import (
    BLUR_SIGMA,
    FILTERS,
    composite,
    convert,
    crop,
    filter_image,
    resize,
    rotated_size,
    scaled_size,
    streamed,
    transform,
)
from capabilities.imaging.encode import encode, from_pixels, thumbnail, to_pixels
from capabilities.imaging.matte import TOLERANCE, clear_ground, has_plain_ground
from capabilities.imaging.metadata import read_metadata

VERSION = 2
"""Raised whenever the same work on the same picture comes to other pixels."""

__all__ = [
    "BLUR_SIGMA", "FILTERS", "OUT_OF_MEMORY", "TOLERANCE", "VERSION",
    "Image", "ImageInfo", "Inspector", "Limits", "clear_ground", "composite", "convert", "crop", "decode", "decode_base64", "encode", "filter_image",
    "from_pixels", "has_plain_ground", "inspect", "is_out_of_memory", "opened", "out_of_memory", "probe", "read_metadata", "require_decodable", "require_size", "resize", "rotated_size", "scaled_size", "streamed", "thumbnail", "to_pixels", "transform", "unreadable",
]  # fmt: skip
