/** What a sidecar can do, as typed methods. Written by clients/make_methods.py; do not edit. */

import type { ImageInput, Picture, Progress } from "./pictures.js";

/** Options of every method beside its own. */
export interface CallOptions {
  onProgress?: (told: Progress) => void;
  /** Previews are wanted, at most one in so many steps. */
  previewEvery?: number;
  /** Cancels the job. */
  signal?: AbortSignal;
}

/** Options of `textToImage`; each is explained in docs/methods.md. */
export interface TextToImageOptions {
  model?: string;
  width?: number;
  height?: number;
  steps?: number;
  guidanceScale?: number;
  negativePrompt?: string;
  seed?: number;
  count?: number;
  scheduler?: string;
  prompt2?: string;
  negativePrompt2?: string;
  loras?: string | readonly unknown[];
  clipSkip?: number;
  vae?: string;
  tiling?: boolean;
  background?: string;
  hiresFix?: unknown;
  format?: string;
  quality?: number;
  backgroundColor?: string;
  save?: boolean;
  name?: string;
  description?: string;
  room?: number;
  canvas?: number;
  priority?: number;
  timeout?: number;
  reuse?: boolean;
}

/** Options of `imageToImage`; each is explained in docs/methods.md. */
export interface ImageToImageOptions {
  model?: string;
  width?: number;
  height?: number;
  steps?: number;
  guidanceScale?: number;
  negativePrompt?: string;
  seed?: number;
  count?: number;
  scheduler?: string;
  prompt2?: string;
  negativePrompt2?: string;
  loras?: string | readonly unknown[];
  clipSkip?: number;
  vae?: string;
  tiling?: boolean;
  background?: string;
  format?: string;
  quality?: number;
  backgroundColor?: string;
  save?: boolean;
  name?: string;
  description?: string;
  room?: number;
  canvas?: number;
  priority?: number;
  timeout?: number;
  reuse?: boolean;
}

/** Options of `preprocess`; each is explained in docs/methods.md. */
export interface PreprocessOptions {
  low?: number;
  high?: number;
  resolution?: number;
  blur?: number;
  format?: string;
  quality?: number;
  backgroundColor?: string;
  save?: boolean;
  name?: string;
  description?: string;
  room?: number;
  canvas?: number;
  priority?: number;
  timeout?: number;
  reuse?: boolean;
}

/** Options of `apply`; each is explained in docs/methods.md. */
export interface ApplyOptions {
  model?: string;
  width?: number;
  height?: number;
  steps?: number;
  guidanceScale?: number;
  negativePrompt?: string;
  seed?: number;
  count?: number;
  scheduler?: string;
  prompt2?: string;
  negativePrompt2?: string;
  loras?: string | readonly unknown[];
  clipSkip?: number;
  vae?: string;
  tiling?: boolean;
  background?: string;
  feather?: number;
  cropPadding?: number;
  maskThreshold?: number;
  maskFit?: string;
  strength?: number;
  guidanceStart?: number;
  guidanceEnd?: number;
  controlModelId?: string;
  preprocess?: boolean;
  initImage?: ImageInput | readonly ImageInput[];
  mask?: ImageInput | readonly ImageInput[];
  denoiseStrength?: number;
  format?: string;
  quality?: number;
  backgroundColor?: string;
  save?: boolean;
  name?: string;
  description?: string;
  room?: number;
  canvas?: number;
  priority?: number;
  timeout?: number;
  reuse?: boolean;
}

/** Options of `inpaint`; each is explained in docs/methods.md. */
export interface InpaintOptions {
  model?: string;
  width?: number;
  height?: number;
  steps?: number;
  guidanceScale?: number;
  negativePrompt?: string;
  seed?: number;
  count?: number;
  scheduler?: string;
  prompt2?: string;
  negativePrompt2?: string;
  loras?: string | readonly unknown[];
  clipSkip?: number;
  vae?: string;
  tiling?: boolean;
  background?: string;
  strength?: number;
  feather?: number;
  cropPadding?: number;
  maskThreshold?: number;
  maskFit?: string;
  format?: string;
  quality?: number;
  backgroundColor?: string;
  save?: boolean;
  name?: string;
  description?: string;
  room?: number;
  canvas?: number;
  priority?: number;
  timeout?: number;
  reuse?: boolean;
}

/** Options of `outpaint`; each is explained in docs/methods.md. */
export interface OutpaintOptions {
  model?: string;
  width?: number;
  height?: number;
  steps?: number;
  guidanceScale?: number;
  negativePrompt?: string;
  seed?: number;
  count?: number;
  scheduler?: string;
  prompt2?: string;
  negativePrompt2?: string;
  loras?: string | readonly unknown[];
  clipSkip?: number;
  vae?: string;
  tiling?: boolean;
  background?: string;
  strength?: number;
  feather?: number;
  format?: string;
  quality?: number;
  backgroundColor?: string;
  save?: boolean;
  name?: string;
  description?: string;
  room?: number;
  canvas?: number;
  priority?: number;
  timeout?: number;
  reuse?: boolean;
}

/** Options of `upscale`; each is explained in docs/methods.md. */
export interface UpscaleOptions {
  format?: string;
  quality?: number;
  backgroundColor?: string;
  save?: boolean;
  name?: string;
  description?: string;
  room?: number;
  canvas?: number;
  priority?: number;
  timeout?: number;
  reuse?: boolean;
}

/** Options of `upscaleImg2Img`; each is explained in docs/methods.md. */
export interface UpscaleImg2ImgOptions {
  model?: string;
  width?: number;
  height?: number;
  steps?: number;
  guidanceScale?: number;
  negativePrompt?: string;
  seed?: number;
  count?: number;
  scheduler?: string;
  prompt2?: string;
  negativePrompt2?: string;
  loras?: string | readonly unknown[];
  clipSkip?: number;
  vae?: string;
  tiling?: boolean;
  background?: string;
  strength?: number;
  upscaleMethod?: string;
  tileSize?: number;
  tileOverlap?: number;
  format?: string;
  quality?: number;
  backgroundColor?: string;
  save?: boolean;
  name?: string;
  description?: string;
  room?: number;
  canvas?: number;
  priority?: number;
  timeout?: number;
  reuse?: boolean;
}

/** Options of `upscaleTraditional`; each is explained in docs/methods.md. */
export interface UpscaleTraditionalOptions {
  format?: string;
  quality?: number;
  backgroundColor?: string;
  save?: boolean;
  name?: string;
  description?: string;
  room?: number;
  canvas?: number;
  priority?: number;
  timeout?: number;
  reuse?: boolean;
}

/** Options of `faceRestore`; each is explained in docs/methods.md. */
export interface FaceRestoreOptions {
  model?: string;
  format?: string;
  quality?: number;
  backgroundColor?: string;
  save?: boolean;
  name?: string;
  description?: string;
  room?: number;
  canvas?: number;
  priority?: number;
  timeout?: number;
  reuse?: boolean;
}

/** Options of `transform`; each is explained in docs/methods.md. */
export interface TransformOptions {
  format?: string;
  quality?: number;
  backgroundColor?: string;
  save?: boolean;
  name?: string;
  description?: string;
  room?: number;
  canvas?: number;
  priority?: number;
  timeout?: number;
  reuse?: boolean;
}

/** Options of `filter`; each is explained in docs/methods.md. */
export interface FilterOptions {
  sigma?: number;
  format?: string;
  quality?: number;
  backgroundColor?: string;
  save?: boolean;
  name?: string;
  description?: string;
  room?: number;
  canvas?: number;
  priority?: number;
  timeout?: number;
  reuse?: boolean;
}

/** Options of `composite`; each is explained in docs/methods.md. */
export interface CompositeOptions {
  blend?: string;
  format?: string;
  quality?: number;
  backgroundColor?: string;
  save?: boolean;
  name?: string;
  description?: string;
  room?: number;
  canvas?: number;
  priority?: number;
  timeout?: number;
  reuse?: boolean;
}

/** Options of `crop`; each is explained in docs/methods.md. */
export interface CropOptions {
  format?: string;
  quality?: number;
  backgroundColor?: string;
  save?: boolean;
  name?: string;
  description?: string;
  room?: number;
  canvas?: number;
  priority?: number;
  timeout?: number;
  reuse?: boolean;
}

/** Options of `resize`; each is explained in docs/methods.md. */
export interface ResizeOptions {
  method?: string;
  format?: string;
  quality?: number;
  backgroundColor?: string;
  save?: boolean;
  name?: string;
  description?: string;
  room?: number;
  canvas?: number;
  priority?: number;
  timeout?: number;
  reuse?: boolean;
}

/** Options of `convert`; each is explained in docs/methods.md. */
export interface ConvertOptions {
  preserveMetadata?: boolean;
  quality?: number;
  backgroundColor?: string;
  save?: boolean;
  name?: string;
  description?: string;
  room?: number;
  canvas?: number;
  priority?: number;
  timeout?: number;
  reuse?: boolean;
}

/** Options of `removeBackground`; each is explained in docs/methods.md. */
export interface RemoveBackgroundOptions {
  tolerance?: number;
  model?: string;
  format?: string;
  quality?: number;
  backgroundColor?: string;
  save?: boolean;
  name?: string;
  description?: string;
  room?: number;
  canvas?: number;
  priority?: number;
  timeout?: number;
  reuse?: boolean;
}

/** Every method of scripts that makes pictures. Each rejects with an ImagegenError. */
export abstract class Methods {
  protected abstract make(
    method: string,
    capabilityType: string,
    args: unknown[],
    options: CallOptions & Record<string, unknown>,
  ): Promise<Picture>;

  /** Makes pictures from words. */
  textToImage(
    prompt: string,
    options: TextToImageOptions & CallOptions = {},
  ): Promise<Picture> {
    return this.make("textToImage", "diffusers.generate", [prompt], { ...options });
  }

  /** Regenerates a picture from words. */
  imageToImage(
    image: ImageInput | readonly ImageInput[],
    prompt: string,
    strength?: number,
    options: ImageToImageOptions & CallOptions = {},
  ): Promise<Picture> {
    return this.make("imageToImage", "diffusers.generate", [image, prompt, strength], { ...options });
  }

  /** Makes a control picture from an ordinary one. */
  preprocess(
    image: ImageInput | readonly ImageInput[],
    type: string,
    options: PreprocessOptions & CallOptions = {},
  ): Promise<Picture> {
    return this.make("preprocess", "controlnet.generate", [image, type], { ...options });
  }

  /** Makes pictures from words that follow one or more control pictures. */
  apply(
    image: ImageInput | readonly ImageInput[],
    prompt: string,
    type: string,
    options: ApplyOptions & CallOptions = {},
  ): Promise<Picture> {
    return this.make("apply", "controlnet.generate", [image, prompt, type], { ...options });
  }

  /** Regenerates the white part of a mask and keeps the rest. */
  inpaint(
    image: ImageInput | readonly ImageInput[],
    mask: ImageInput | readonly ImageInput[],
    prompt: string,
    options: InpaintOptions & CallOptions = {},
  ): Promise<Picture> {
    return this.make("inpaint", "diffusers.inpaint", [image, mask, prompt], { ...options });
  }

  /** Continues a picture beyond its edges. */
  outpaint(
    image: ImageInput | readonly ImageInput[],
    direction: unknown,
    pixels: number | undefined,
    prompt: string,
    options: OutpaintOptions & CallOptions = {},
  ): Promise<Picture> {
    return this.make("outpaint", "diffusers.inpaint", [image, direction, pixels, prompt], { ...options });
  }

  /** Enlarges a picture with a trained upscaler. */
  upscale(
    image: ImageInput | readonly ImageInput[],
    modelId?: string,
    factor?: number,
    options: UpscaleOptions & CallOptions = {},
  ): Promise<Picture> {
    return this.make("upscale", "diffusers.upscale", [image, modelId, factor], { ...options });
  }

  /** Enlarges a picture and regenerates its detail, tile by tile. */
  upscaleImg2Img(
    image: ImageInput | readonly ImageInput[],
    prompt: string,
    factor?: number,
    options: UpscaleImg2ImgOptions & CallOptions = {},
  ): Promise<Picture> {
    return this.make("upscaleImg2Img", "diffusers.upscale", [image, prompt, factor], { ...options });
  }

  /** Enlarges a picture by interpolation, with no model. */
  upscaleTraditional(
    image: ImageInput | readonly ImageInput[],
    method?: string,
    factor?: number,
    options: UpscaleTraditionalOptions & CallOptions = {},
  ): Promise<Picture> {
    return this.make("upscaleTraditional", "diffusers.upscale", [image, method, factor], { ...options });
  }

  /** Makes the faces of a picture clear. */
  faceRestore(
    image: ImageInput | readonly ImageInput[],
    strength?: number,
    options: FaceRestoreOptions & CallOptions = {},
  ): Promise<Picture> {
    return this.make("faceRestore", "diffusers.upscale", [image, strength], { ...options });
  }

  /** Rotates a picture clockwise, then scales it. */
  transform(
    image: ImageInput | readonly ImageInput[],
    rotation?: number,
    scale?: number,
    options: TransformOptions & CallOptions = {},
  ): Promise<Picture> {
    return this.make("transform", "image.edit", [image, rotation, scale], { ...options });
  }

  /** Blurs, sharpens or turns grey. */
  filter(
    image: ImageInput | readonly ImageInput[],
    filter: string,
    options: FilterOptions & CallOptions = {},
  ): Promise<Picture> {
    return this.make("filter", "image.edit", [image, filter], { ...options });
  }

  /** Lays a picture on top of another. */
  composite(
    image: ImageInput | readonly ImageInput[],
    overlay: ImageInput | readonly ImageInput[],
    x?: number,
    y?: number,
    options: CompositeOptions & CallOptions = {},
  ): Promise<Picture> {
    return this.make("composite", "image.edit", [image, overlay, x, y], { ...options });
  }

  /** Cuts out a part. */
  crop(
    image: ImageInput | readonly ImageInput[],
    x: number,
    y: number,
    width: number,
    height: number,
    options: CropOptions & CallOptions = {},
  ): Promise<Picture> {
    return this.make("crop", "image.edit", [image, x, y, width, height], { ...options });
  }

  /** Brings a picture to another size. */
  resize(
    image: ImageInput | readonly ImageInput[],
    width?: number,
    height?: number,
    options: ResizeOptions & CallOptions = {},
  ): Promise<Picture> {
    return this.make("resize", "image.edit", [image, width, height], { ...options });
  }

  /** Encodes a picture in another format. */
  convert(
    image: ImageInput | readonly ImageInput[],
    format?: string,
    options: ConvertOptions & CallOptions = {},
  ): Promise<Picture> {
    return this.make("convert", "image.edit", [image, format], { ...options });
  }

  /** Makes the ground around a subject transparent. */
  removeBackground(
    image: ImageInput | readonly ImageInput[],
    options: RemoveBackgroundOptions & CallOptions = {},
  ): Promise<Picture> {
    return this.make("removeBackground", "image.edit", [image], { ...options });
  }
}
