/** What a call answers, what it takes for a picture, and what it tells on the way. */

import { readFile, writeFile } from "node:fs/promises";
import type { Job__Output } from "./pb/viwo/imagegen/v1/Job.js";
import type { JobEvent__Output } from "./pb/viwo/imagegen/v1/JobEvent.js";

const MEDIA_TYPES: Record<string, string> = {
  IMAGE_FORMAT_PNG: "image/png",
  IMAGE_FORMAT_JPEG: "image/jpeg",
  IMAGE_FORMAT_WEBP: "image/webp",
};

/** A picture that was made. */
export class Picture {
  /** The file. */
  readonly data: Uint8Array;
  readonly mediaType: string;
  /** Pixels. */
  readonly width: number;
  readonly height: number;
  /** Its name in the store. */
  readonly ref: string;
  /** What makes it again; undefined where nothing is random. */
  readonly seed: number | undefined;
  /** What it was saved as; 0: nothing. */
  readonly entityId: number;
  readonly jobId: string;
  readonly modelId: string;
  /** Megapixel-steps of its whole job. */
  readonly compute: number;
  /** Seconds of work of its whole job. */
  readonly seconds: number;
  readonly warnings: readonly string[];
  /** All of the job's pictures, this one too. */
  readonly all: readonly Picture[];

  constructor(job: Job__Output, place: number, data: Uint8Array, all: readonly Picture[]) {
    const image = job.images[place];
    if (image === undefined) {
      throw new RangeError(`job ${job.id} has ${job.images.length} pictures; asked for number ${place + 1}`);
    }
    this.data = data;
    this.mediaType = MEDIA_TYPES[image.format] ?? "application/octet-stream";
    this.width = image.width;
    this.height = image.height;
    this.ref = image.ref;
    this.seed = image._seed === undefined ? undefined : image.seed;
    this.entityId = image.entityId;
    this.jobId = job.id;
    this.modelId = job.modelId;
    this.compute = job.cost?.compute ?? 0;
    this.seconds = job.workSeconds;
    this.warnings = job.warnings;
    this.all = all;
  }

  /** Writes the file as it is; its format is not changed by the name. */
  async save(path: string | URL): Promise<void> {
    await writeFile(path, this.data);
  }
}

/**
 * A picture that was made, a file's bytes, a Blob (`Bun.file(path)`, or Node's `await openAsBlob(path)`), a file: URL,
 * a reference ("sha256:..."), or the id of an image entity.
 */
export type ImageInput = Picture | Uint8Array | Blob | URL | string | number;

/** What happens to a job. */
export type Progress = { jobId: string } & (
  | { state: "queued"; /** Jobs before it. */ position: number }
  | { state: "loading"; /** The model. */ modelId: string }
  | { state: "drawing"; step: number; total: number }
  /** A small JPEG of the picture as it is so far, where previews are asked for. */
  | { state: "preview"; preview: Uint8Array }
);

/** A value as `Invoke` takes it, pictures in it as references or base64. Rejects for a file that cannot be read. */
export async function encoded(value: unknown): Promise<unknown> {
  if (value instanceof Picture) {
    return value.ref;
  }
  if (value instanceof Uint8Array) {
    return Buffer.from(value).toString("base64");
  }
  if (value instanceof Blob) {
    return Buffer.from(await value.arrayBuffer()).toString("base64");
  }
  if (value instanceof URL) {
    return (await readFile(value)).toString("base64");
  }
  return Array.isArray(value) ? Promise.all(value.map(encoded)) : value;
}

/** What an event tells; undefined for the end of a job. */
export function progressOf({ jobId, queued, loading, step, preview, event }: JobEvent__Output): Progress | undefined {
  switch (event) {
    case "queued":
      return { jobId, state: "queued", position: queued?.position ?? 0 };
    case "loading":
      return { jobId, state: "loading", modelId: loading?.modelId ?? "" };
    case "step":
      return { jobId, state: "drawing", step: step?.step ?? 0, total: step?.total ?? 0 };
    case "preview":
      return { jobId, state: "preview", preview: preview?.data ?? new Uint8Array() };
    default:
      return undefined;
  }
}
