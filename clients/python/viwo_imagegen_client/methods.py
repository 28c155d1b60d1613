"""What a sidecar can do, as typed methods. Written by clients/make_methods.py; do not edit."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypedDict, Unpack

from viwo_imagegen_client.pictures import ImageInput, Picture, Progress

OnProgress = Callable[[Progress], object]


class TextToImageOptions(TypedDict, total=False):
    """Options of `textToImage`; each is explained in docs/methods.md."""

    model: str
    width: int
    height: int
    steps: int
    guidance_scale: float
    negative_prompt: str
    seed: int
    count: int
    scheduler: str
    prompt_2: str
    negative_prompt_2: str
    loras: str | Sequence[Any]
    clip_skip: int
    vae: str
    tiling: bool
    background: str
    hires_fix: Any
    format: str
    quality: int
    background_color: str
    save: bool
    name: str
    description: str
    room: int
    canvas: int
    priority: int
    timeout: float
    reuse: bool


class ImageToImageOptions(TypedDict, total=False):
    """Options of `imageToImage`; each is explained in docs/methods.md."""

    model: str
    width: int
    height: int
    steps: int
    guidance_scale: float
    negative_prompt: str
    seed: int
    count: int
    scheduler: str
    prompt_2: str
    negative_prompt_2: str
    loras: str | Sequence[Any]
    clip_skip: int
    vae: str
    tiling: bool
    background: str
    format: str
    quality: int
    background_color: str
    save: bool
    name: str
    description: str
    room: int
    canvas: int
    priority: int
    timeout: float
    reuse: bool


class PreprocessOptions(TypedDict, total=False):
    """Options of `preprocess`; each is explained in docs/methods.md."""

    low: int
    high: int
    resolution: int
    blur: int
    format: str
    quality: int
    background_color: str
    save: bool
    name: str
    description: str
    room: int
    canvas: int
    priority: int
    timeout: float
    reuse: bool


class ApplyOptions(TypedDict, total=False):
    """Options of `apply`; each is explained in docs/methods.md."""

    model: str
    width: int
    height: int
    steps: int
    guidance_scale: float
    negative_prompt: str
    seed: int
    count: int
    scheduler: str
    prompt_2: str
    negative_prompt_2: str
    loras: str | Sequence[Any]
    clip_skip: int
    vae: str
    tiling: bool
    background: str
    feather: int
    crop_padding: int
    mask_threshold: int
    mask_fit: str
    strength: float
    guidance_start: float
    guidance_end: float
    control_model_id: str
    preprocess: bool
    init_image: ImageInput | Sequence[ImageInput]
    mask: ImageInput | Sequence[ImageInput]
    denoise_strength: float
    format: str
    quality: int
    background_color: str
    save: bool
    name: str
    description: str
    room: int
    canvas: int
    priority: int
    timeout: float
    reuse: bool


class InpaintOptions(TypedDict, total=False):
    """Options of `inpaint`; each is explained in docs/methods.md."""

    model: str
    width: int
    height: int
    steps: int
    guidance_scale: float
    negative_prompt: str
    seed: int
    count: int
    scheduler: str
    prompt_2: str
    negative_prompt_2: str
    loras: str | Sequence[Any]
    clip_skip: int
    vae: str
    tiling: bool
    background: str
    strength: float
    feather: int
    crop_padding: int
    mask_threshold: int
    mask_fit: str
    format: str
    quality: int
    background_color: str
    save: bool
    name: str
    description: str
    room: int
    canvas: int
    priority: int
    timeout: float
    reuse: bool


class OutpaintOptions(TypedDict, total=False):
    """Options of `outpaint`; each is explained in docs/methods.md."""

    model: str
    width: int
    height: int
    steps: int
    guidance_scale: float
    negative_prompt: str
    seed: int
    count: int
    scheduler: str
    prompt_2: str
    negative_prompt_2: str
    loras: str | Sequence[Any]
    clip_skip: int
    vae: str
    tiling: bool
    background: str
    strength: float
    feather: int
    format: str
    quality: int
    background_color: str
    save: bool
    name: str
    description: str
    room: int
    canvas: int
    priority: int
    timeout: float
    reuse: bool


class UpscaleOptions(TypedDict, total=False):
    """Options of `upscale`; each is explained in docs/methods.md."""

    format: str
    quality: int
    background_color: str
    save: bool
    name: str
    description: str
    room: int
    canvas: int
    priority: int
    timeout: float
    reuse: bool


class UpscaleImg2ImgOptions(TypedDict, total=False):
    """Options of `upscaleImg2Img`; each is explained in docs/methods.md."""

    model: str
    width: int
    height: int
    steps: int
    guidance_scale: float
    negative_prompt: str
    seed: int
    count: int
    scheduler: str
    prompt_2: str
    negative_prompt_2: str
    loras: str | Sequence[Any]
    clip_skip: int
    vae: str
    tiling: bool
    background: str
    strength: float
    upscale_method: str
    tile_size: int
    tile_overlap: int
    format: str
    quality: int
    background_color: str
    save: bool
    name: str
    description: str
    room: int
    canvas: int
    priority: int
    timeout: float
    reuse: bool


class UpscaleTraditionalOptions(TypedDict, total=False):
    """Options of `upscaleTraditional`; each is explained in docs/methods.md."""

    format: str
    quality: int
    background_color: str
    save: bool
    name: str
    description: str
    room: int
    canvas: int
    priority: int
    timeout: float
    reuse: bool


class FaceRestoreOptions(TypedDict, total=False):
    """Options of `faceRestore`; each is explained in docs/methods.md."""

    model: str
    format: str
    quality: int
    background_color: str
    save: bool
    name: str
    description: str
    room: int
    canvas: int
    priority: int
    timeout: float
    reuse: bool


class TransformOptions(TypedDict, total=False):
    """Options of `transform`; each is explained in docs/methods.md."""

    format: str
    quality: int
    background_color: str
    save: bool
    name: str
    description: str
    room: int
    canvas: int
    priority: int
    timeout: float
    reuse: bool


class FilterOptions(TypedDict, total=False):
    """Options of `filter`; each is explained in docs/methods.md."""

    sigma: float
    format: str
    quality: int
    background_color: str
    save: bool
    name: str
    description: str
    room: int
    canvas: int
    priority: int
    timeout: float
    reuse: bool


class CompositeOptions(TypedDict, total=False):
    """Options of `composite`; each is explained in docs/methods.md."""

    blend: str
    format: str
    quality: int
    background_color: str
    save: bool
    name: str
    description: str
    room: int
    canvas: int
    priority: int
    timeout: float
    reuse: bool


class CropOptions(TypedDict, total=False):
    """Options of `crop`; each is explained in docs/methods.md."""

    format: str
    quality: int
    background_color: str
    save: bool
    name: str
    description: str
    room: int
    canvas: int
    priority: int
    timeout: float
    reuse: bool


class ResizeOptions(TypedDict, total=False):
    """Options of `resize`; each is explained in docs/methods.md."""

    method: str
    format: str
    quality: int
    background_color: str
    save: bool
    name: str
    description: str
    room: int
    canvas: int
    priority: int
    timeout: float
    reuse: bool


class ConvertOptions(TypedDict, total=False):
    """Options of `convert`; each is explained in docs/methods.md."""

    preserve_metadata: bool
    quality: int
    background_color: str
    save: bool
    name: str
    description: str
    room: int
    canvas: int
    priority: int
    timeout: float
    reuse: bool


class RemoveBackgroundOptions(TypedDict, total=False):
    """Options of `removeBackground`; each is explained in docs/methods.md."""

    tolerance: int
    model: str
    format: str
    quality: int
    background_color: str
    save: bool
    name: str
    description: str
    room: int
    canvas: int
    priority: int
    timeout: float
    reuse: bool


class Methods:
    """Every method of scripts that makes pictures. Each raises ImagegenError."""

    def _make(
        self,
        method: str,
        capability_type: str,
        arguments: Sequence[object],
        options: Mapping[str, object],
        on_progress: OnProgress | None,
        preview_every: int,
    ) -> Picture:
        raise NotImplementedError

    def text_to_image(
        self,
        prompt: str,
        *,
        on_progress: OnProgress | None = None,
        preview_every: int = 0,
        **options: Unpack[TextToImageOptions],
    ) -> Picture:
        """Makes pictures from words."""
        return self._make(
            "textToImage",
            "diffusers.generate",
            [
                prompt,
            ],
            options,
            on_progress,
            preview_every,
        )

    def image_to_image(
        self,
        image: ImageInput | Sequence[ImageInput],
        prompt: str,
        strength: float | None = None,
        *,
        on_progress: OnProgress | None = None,
        preview_every: int = 0,
        **options: Unpack[ImageToImageOptions],
    ) -> Picture:
        """Regenerates a picture from words."""
        return self._make(
            "imageToImage",
            "diffusers.generate",
            [
                image,
                prompt,
                strength,
            ],
            options,
            on_progress,
            preview_every,
        )

    def preprocess(
        self,
        image: ImageInput | Sequence[ImageInput],
        type: str,
        *,
        on_progress: OnProgress | None = None,
        preview_every: int = 0,
        **options: Unpack[PreprocessOptions],
    ) -> Picture:
        """Makes a control picture from an ordinary one."""
        return self._make(
            "preprocess",
            "controlnet.generate",
            [
                image,
                type,
            ],
            options,
            on_progress,
            preview_every,
        )

    def apply(
        self,
        image: ImageInput | Sequence[ImageInput],
        prompt: str,
        type: str,
        *,
        on_progress: OnProgress | None = None,
        preview_every: int = 0,
        **options: Unpack[ApplyOptions],
    ) -> Picture:
        """Makes pictures from words that follow one or more control pictures."""
        return self._make(
            "apply",
            "controlnet.generate",
            [
                image,
                prompt,
                type,
            ],
            options,
            on_progress,
            preview_every,
        )

    def inpaint(
        self,
        image: ImageInput | Sequence[ImageInput],
        mask: ImageInput | Sequence[ImageInput],
        prompt: str,
        *,
        on_progress: OnProgress | None = None,
        preview_every: int = 0,
        **options: Unpack[InpaintOptions],
    ) -> Picture:
        """Regenerates the white part of a mask and keeps the rest."""
        return self._make(
            "inpaint",
            "diffusers.inpaint",
            [
                image,
                mask,
                prompt,
            ],
            options,
            on_progress,
            preview_every,
        )

    def outpaint(
        self,
        image: ImageInput | Sequence[ImageInput],
        direction: Any,
        pixels: int | None,
        prompt: str,
        *,
        on_progress: OnProgress | None = None,
        preview_every: int = 0,
        **options: Unpack[OutpaintOptions],
    ) -> Picture:
        """Continues a picture beyond its edges."""
        return self._make(
            "outpaint",
            "diffusers.inpaint",
            [
                image,
                direction,
                pixels,
                prompt,
            ],
            options,
            on_progress,
            preview_every,
        )

    def upscale(
        self,
        image: ImageInput | Sequence[ImageInput],
        model: str | None = None,
        factor: int | None = None,
        *,
        on_progress: OnProgress | None = None,
        preview_every: int = 0,
        **options: Unpack[UpscaleOptions],
    ) -> Picture:
        """Enlarges a picture with a trained upscaler."""
        return self._make(
            "upscale",
            "diffusers.upscale",
            [
                image,
                model,
                factor,
            ],
            options,
            on_progress,
            preview_every,
        )

    def upscale_img2img(
        self,
        image: ImageInput | Sequence[ImageInput],
        prompt: str,
        factor: float | None = None,
        *,
        on_progress: OnProgress | None = None,
        preview_every: int = 0,
        **options: Unpack[UpscaleImg2ImgOptions],
    ) -> Picture:
        """Enlarges a picture and regenerates its detail, tile by tile."""
        return self._make(
            "upscaleImg2Img",
            "diffusers.upscale",
            [
                image,
                prompt,
                factor,
            ],
            options,
            on_progress,
            preview_every,
        )

    def upscale_traditional(
        self,
        image: ImageInput | Sequence[ImageInput],
        method: str | None = None,
        factor: int | None = None,
        *,
        on_progress: OnProgress | None = None,
        preview_every: int = 0,
        **options: Unpack[UpscaleTraditionalOptions],
    ) -> Picture:
        """Enlarges a picture by interpolation, with no model."""
        return self._make(
            "upscaleTraditional",
            "diffusers.upscale",
            [
                image,
                method,
                factor,
            ],
            options,
            on_progress,
            preview_every,
        )

    def face_restore(
        self,
        image: ImageInput | Sequence[ImageInput],
        strength: float | None = None,
        *,
        on_progress: OnProgress | None = None,
        preview_every: int = 0,
        **options: Unpack[FaceRestoreOptions],
    ) -> Picture:
        """Makes the faces of a picture clear."""
        return self._make(
            "faceRestore",
            "diffusers.upscale",
            [
                image,
                strength,
            ],
            options,
            on_progress,
            preview_every,
        )

    def transform(
        self,
        image: ImageInput | Sequence[ImageInput],
        rotation: float | None = None,
        scale: float | None = None,
        *,
        on_progress: OnProgress | None = None,
        preview_every: int = 0,
        **options: Unpack[TransformOptions],
    ) -> Picture:
        """Rotates a picture clockwise, then scales it."""
        return self._make(
            "transform",
            "image.edit",
            [
                image,
                rotation,
                scale,
            ],
            options,
            on_progress,
            preview_every,
        )

    def filter(
        self,
        image: ImageInput | Sequence[ImageInput],
        filter: str,
        *,
        on_progress: OnProgress | None = None,
        preview_every: int = 0,
        **options: Unpack[FilterOptions],
    ) -> Picture:
        """Blurs, sharpens or turns grey."""
        return self._make(
            "filter",
            "image.edit",
            [
                image,
                filter,
            ],
            options,
            on_progress,
            preview_every,
        )

    def composite(
        self,
        image: ImageInput | Sequence[ImageInput],
        overlay: ImageInput | Sequence[ImageInput],
        x: int | None = None,
        y: int | None = None,
        *,
        on_progress: OnProgress | None = None,
        preview_every: int = 0,
        **options: Unpack[CompositeOptions],
    ) -> Picture:
        """Lays a picture on top of another."""
        return self._make(
            "composite",
            "image.edit",
            [
                image,
                overlay,
                x,
                y,
            ],
            options,
            on_progress,
            preview_every,
        )

    def crop(
        self,
        image: ImageInput | Sequence[ImageInput],
        x: int,
        y: int,
        width: int,
        height: int,
        *,
        on_progress: OnProgress | None = None,
        preview_every: int = 0,
        **options: Unpack[CropOptions],
    ) -> Picture:
        """Cuts out a part."""
        return self._make(
            "crop",
            "image.edit",
            [
                image,
                x,
                y,
                width,
                height,
            ],
            options,
            on_progress,
            preview_every,
        )

    def resize(
        self,
        image: ImageInput | Sequence[ImageInput],
        width: int | None = None,
        height: int | None = None,
        *,
        on_progress: OnProgress | None = None,
        preview_every: int = 0,
        **options: Unpack[ResizeOptions],
    ) -> Picture:
        """Brings a picture to another size."""
        return self._make(
            "resize",
            "image.edit",
            [
                image,
                width,
                height,
            ],
            options,
            on_progress,
            preview_every,
        )

    def convert(
        self,
        image: ImageInput | Sequence[ImageInput],
        format: str | None = None,
        *,
        on_progress: OnProgress | None = None,
        preview_every: int = 0,
        **options: Unpack[ConvertOptions],
    ) -> Picture:
        """Encodes a picture in another format."""
        return self._make(
            "convert",
            "image.edit",
            [
                image,
                format,
            ],
            options,
            on_progress,
            preview_every,
        )

    def remove_background(
        self,
        image: ImageInput | Sequence[ImageInput],
        *,
        on_progress: OnProgress | None = None,
        preview_every: int = 0,
        **options: Unpack[RemoveBackgroundOptions],
    ) -> Picture:
        """Makes the ground around a subject transparent."""
        return self._make(
            "removeBackground",
            "image.edit",
            [
                image,
            ],
            options,
            on_progress,
            preview_every,
        )


class AsyncMethods:
    """Every method of scripts that makes pictures. Each raises ImagegenError."""

    async def _make(
        self,
        method: str,
        capability_type: str,
        arguments: Sequence[object],
        options: Mapping[str, object],
        on_progress: OnProgress | None,
        preview_every: int,
    ) -> Picture:
        raise NotImplementedError

    async def text_to_image(
        self,
        prompt: str,
        *,
        on_progress: OnProgress | None = None,
        preview_every: int = 0,
        **options: Unpack[TextToImageOptions],
    ) -> Picture:
        """Makes pictures from words."""
        return await self._make(
            "textToImage",
            "diffusers.generate",
            [
                prompt,
            ],
            options,
            on_progress,
            preview_every,
        )

    async def image_to_image(
        self,
        image: ImageInput | Sequence[ImageInput],
        prompt: str,
        strength: float | None = None,
        *,
        on_progress: OnProgress | None = None,
        preview_every: int = 0,
        **options: Unpack[ImageToImageOptions],
    ) -> Picture:
        """Regenerates a picture from words."""
        return await self._make(
            "imageToImage",
            "diffusers.generate",
            [
                image,
                prompt,
                strength,
            ],
            options,
            on_progress,
            preview_every,
        )

    async def preprocess(
        self,
        image: ImageInput | Sequence[ImageInput],
        type: str,
        *,
        on_progress: OnProgress | None = None,
        preview_every: int = 0,
        **options: Unpack[PreprocessOptions],
    ) -> Picture:
        """Makes a control picture from an ordinary one."""
        return await self._make(
            "preprocess",
            "controlnet.generate",
            [
                image,
                type,
            ],
            options,
            on_progress,
            preview_every,
        )

    async def apply(
        self,
        image: ImageInput | Sequence[ImageInput],
        prompt: str,
        type: str,
        *,
        on_progress: OnProgress | None = None,
        preview_every: int = 0,
        **options: Unpack[ApplyOptions],
    ) -> Picture:
        """Makes pictures from words that follow one or more control pictures."""
        return await self._make(
            "apply",
            "controlnet.generate",
            [
                image,
                prompt,
                type,
            ],
            options,
            on_progress,
            preview_every,
        )

    async def inpaint(
        self,
        image: ImageInput | Sequence[ImageInput],
        mask: ImageInput | Sequence[ImageInput],
        prompt: str,
        *,
        on_progress: OnProgress | None = None,
        preview_every: int = 0,
        **options: Unpack[InpaintOptions],
    ) -> Picture:
        """Regenerates the white part of a mask and keeps the rest."""
        return await self._make(
            "inpaint",
            "diffusers.inpaint",
            [
                image,
                mask,
                prompt,
            ],
            options,
            on_progress,
            preview_every,
        )

    async def outpaint(
        self,
        image: ImageInput | Sequence[ImageInput],
        direction: Any,
        pixels: int | None,
        prompt: str,
        *,
        on_progress: OnProgress | None = None,
        preview_every: int = 0,
        **options: Unpack[OutpaintOptions],
    ) -> Picture:
        """Continues a picture beyond its edges."""
        return await self._make(
            "outpaint",
            "diffusers.inpaint",
            [
                image,
                direction,
                pixels,
                prompt,
            ],
            options,
            on_progress,
            preview_every,
        )

    async def upscale(
        self,
        image: ImageInput | Sequence[ImageInput],
        model: str | None = None,
        factor: int | None = None,
        *,
        on_progress: OnProgress | None = None,
        preview_every: int = 0,
        **options: Unpack[UpscaleOptions],
    ) -> Picture:
        """Enlarges a picture with a trained upscaler."""
        return await self._make(
            "upscale",
            "diffusers.upscale",
            [
                image,
                model,
                factor,
            ],
            options,
            on_progress,
            preview_every,
        )

    async def upscale_img2img(
        self,
        image: ImageInput | Sequence[ImageInput],
        prompt: str,
        factor: float | None = None,
        *,
        on_progress: OnProgress | None = None,
        preview_every: int = 0,
        **options: Unpack[UpscaleImg2ImgOptions],
    ) -> Picture:
        """Enlarges a picture and regenerates its detail, tile by tile."""
        return await self._make(
            "upscaleImg2Img",
            "diffusers.upscale",
            [
                image,
                prompt,
                factor,
            ],
            options,
            on_progress,
            preview_every,
        )

    async def upscale_traditional(
        self,
        image: ImageInput | Sequence[ImageInput],
        method: str | None = None,
        factor: int | None = None,
        *,
        on_progress: OnProgress | None = None,
        preview_every: int = 0,
        **options: Unpack[UpscaleTraditionalOptions],
    ) -> Picture:
        """Enlarges a picture by interpolation, with no model."""
        return await self._make(
            "upscaleTraditional",
            "diffusers.upscale",
            [
                image,
                method,
                factor,
            ],
            options,
            on_progress,
            preview_every,
        )

    async def face_restore(
        self,
        image: ImageInput | Sequence[ImageInput],
        strength: float | None = None,
        *,
        on_progress: OnProgress | None = None,
        preview_every: int = 0,
        **options: Unpack[FaceRestoreOptions],
    ) -> Picture:
        """Makes the faces of a picture clear."""
        return await self._make(
            "faceRestore",
            "diffusers.upscale",
            [
                image,
                strength,
            ],
            options,
            on_progress,
            preview_every,
        )

    async def transform(
        self,
        image: ImageInput | Sequence[ImageInput],
        rotation: float | None = None,
        scale: float | None = None,
        *,
        on_progress: OnProgress | None = None,
        preview_every: int = 0,
        **options: Unpack[TransformOptions],
    ) -> Picture:
        """Rotates a picture clockwise, then scales it."""
        return await self._make(
            "transform",
            "image.edit",
            [
                image,
                rotation,
                scale,
            ],
            options,
            on_progress,
            preview_every,
        )

    async def filter(
        self,
        image: ImageInput | Sequence[ImageInput],
        filter: str,
        *,
        on_progress: OnProgress | None = None,
        preview_every: int = 0,
        **options: Unpack[FilterOptions],
    ) -> Picture:
        """Blurs, sharpens or turns grey."""
        return await self._make(
            "filter",
            "image.edit",
            [
                image,
                filter,
            ],
            options,
            on_progress,
            preview_every,
        )

    async def composite(
        self,
        image: ImageInput | Sequence[ImageInput],
        overlay: ImageInput | Sequence[ImageInput],
        x: int | None = None,
        y: int | None = None,
        *,
        on_progress: OnProgress | None = None,
        preview_every: int = 0,
        **options: Unpack[CompositeOptions],
    ) -> Picture:
        """Lays a picture on top of another."""
        return await self._make(
            "composite",
            "image.edit",
            [
                image,
                overlay,
                x,
                y,
            ],
            options,
            on_progress,
            preview_every,
        )

    async def crop(
        self,
        image: ImageInput | Sequence[ImageInput],
        x: int,
        y: int,
        width: int,
        height: int,
        *,
        on_progress: OnProgress | None = None,
        preview_every: int = 0,
        **options: Unpack[CropOptions],
    ) -> Picture:
        """Cuts out a part."""
        return await self._make(
            "crop",
            "image.edit",
            [
                image,
                x,
                y,
                width,
                height,
            ],
            options,
            on_progress,
            preview_every,
        )

    async def resize(
        self,
        image: ImageInput | Sequence[ImageInput],
        width: int | None = None,
        height: int | None = None,
        *,
        on_progress: OnProgress | None = None,
        preview_every: int = 0,
        **options: Unpack[ResizeOptions],
    ) -> Picture:
        """Brings a picture to another size."""
        return await self._make(
            "resize",
            "image.edit",
            [
                image,
                width,
                height,
            ],
            options,
            on_progress,
            preview_every,
        )

    async def convert(
        self,
        image: ImageInput | Sequence[ImageInput],
        format: str | None = None,
        *,
        on_progress: OnProgress | None = None,
        preview_every: int = 0,
        **options: Unpack[ConvertOptions],
    ) -> Picture:
        """Encodes a picture in another format."""
        return await self._make(
            "convert",
            "image.edit",
            [
                image,
                format,
            ],
            options,
            on_progress,
            preview_every,
        )

    async def remove_background(
        self,
        image: ImageInput | Sequence[ImageInput],
        *,
        on_progress: OnProgress | None = None,
        preview_every: int = 0,
        **options: Unpack[RemoveBackgroundOptions],
    ) -> Picture:
        """Makes the ground around a subject transparent."""
        return await self._make(
            "removeBackground",
            "image.edit",
            [
                image,
            ],
            options,
            on_progress,
            preview_every,
        )
