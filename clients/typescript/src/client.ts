/** The client: jobs that are submitted, followed and fetched, and the typed methods on top of them. */

import * as grpc from "@grpc/grpc-js";
import { fromJSON } from "@grpc/proto-loader";
import { type Connection, type ConnectionOptions, findConnection, isOfAnEntity, whyNot } from "./connection.js";
import { errorOfCall, errorOfFailure, ImagegenError, isServiceError, NotFound, Unavailable } from "./errors.js";
import { type CallOptions, Methods, type TextToImageOptions } from "./methods.js";
import type { ProtoGrpcType as BlobProtos } from "./pb/blob.js";
import type { ProtoGrpcType as CapabilityProtos } from "./pb/capability.js";
import { contract } from "./pb/contract.js";
import type { ProtoGrpcType as JobProtos } from "./pb/job.js";
import type { Batch__Output } from "./pb/viwo/imagegen/v1/Batch.js";
import type { CallContext } from "./pb/viwo/imagegen/v1/CallContext.js";
import type { DownloadResponse__Output } from "./pb/viwo/imagegen/v1/DownloadResponse.js";
import type { Job__Output } from "./pb/viwo/imagegen/v1/Job.js";
import type { JobEvent__Output } from "./pb/viwo/imagegen/v1/JobEvent.js";
import type { SubmitJobRequest } from "./pb/viwo/imagegen/v1/SubmitJobRequest.js";
import { encoded, Picture, type Progress, progressOf } from "./pictures.js";

/** viwo's System entity, for which the operator acts unless told otherwise. */
const SYSTEM_ID = 3;
const MAX_MESSAGE = 64 * 1024 * 1024;
/** Bytes of an upload that are sent at a time. */
const PIECE = 1024 * 1024;

const definition = fromJSON(contract, { longs: Number, enums: String, defaults: true, oneofs: true });
const services = (
  grpc.loadPackageDefinition(definition) as unknown as BlobProtos & CapabilityProtos & JobProtos
).viwo.imagegen.v1;

export interface ClientOptions extends ConnectionOptions {
  /** The entity that acts; left out, a key knows it, and the operator acts as viwo's System. */
  caller?: number;
  /** By what right; left out, a key knows it, and the operator has a capability that is made at its first use. */
  capability?: string;
  /** Seconds, for calls that do not wait for a picture. */
  timeout?: number;
}

export interface WaitOptions {
  onProgress?: ((told: Progress) => void) | undefined;
  /** Previews are wanted, at most one in so many steps. */
  previewEvery?: number | undefined;
  /** Ends the waiting, which is rejected with its reason. */
  signal?: AbortSignal | undefined;
  /** Whether the job is canceled where the waiting is ended by `signal` or an exception of `onProgress`. */
  cancel?: boolean;
}

export interface BatchOptions extends TextToImageOptions {
  /** Seeds of each prompt. */
  count?: number;
  /** One that fails ends the rest. */
  stop?: boolean;
  onProgress?: (batch: Batch__Output) => void;
  /** Ends the batch, which is rejected with its reason. */
  signal?: AbortSignal;
}

/**
 * A client of a sidecar. Finds address, key, certificate and capability by itself on the sidecar's own machine.
 *
 * Throws Unauthenticated where no key is found, FailedPrecondition for a certificate that cannot be read.
 */
export function connect(options: ClientOptions = {}): Client {
  return new Client(options);
}

type Unary<Request, Reply> = (request: Request, callback: grpc.requestCallback<Reply>) => grpc.ClientUnaryCall;
type FullUnary<Request, Reply> = (
  request: Request,
  metadata: grpc.Metadata,
  options: grpc.CallOptions,
  callback: grpc.requestCallback<Reply>,
) => grpc.ClientUnaryCall;

/** Every method rejects with an ImagegenError. */
export class Client extends Methods implements Disposable {
  readonly #connection: Connection;
  readonly #metadata = new grpc.Metadata();
  readonly #options: ClientOptions;
  readonly #capabilities = new Map<string, string>();
  readonly #blobs: InstanceType<typeof services.BlobService>;
  readonly #rights: InstanceType<typeof services.CapabilityService>;
  readonly #jobs: InstanceType<typeof services.JobService>;

  constructor(options: ClientOptions = {}) {
    super();
    this.#options = options;
    this.#connection = findConnection(options);
    const { address, certificate, key } = this.#connection;
    if (key) {
      this.#metadata.set("authorization", `Bearer ${key}`);
    }
    const isPlain = certificate === undefined || address.startsWith("unix:");
    const credentials = isPlain ? grpc.credentials.createInsecure() : grpc.credentials.createSsl(certificate);
    const channel = {
      "grpc.max_send_message_length": MAX_MESSAGE,
      "grpc.max_receive_message_length": MAX_MESSAGE,
      "grpc.keepalive_time_ms": 30_000,
      "grpc.keepalive_timeout_ms": 10_000,
    };
    // The services share one connection, by their address and options.
    this.#blobs = new services.BlobService(address, credentials, channel);
    this.#rights = new services.CapabilityService(address, credentials, channel);
    this.#jobs = new services.JobService(address, credentials, channel);
  }

  /** Ends the connection. Jobs that were begun go on. */
  close(): void {
    for (const service of [this.#blobs, this.#rights, this.#jobs]) {
      service.close();
    }
  }

  [Symbol.dispose](): void {
    this.close();
  }

  /** Queues a call, as a script would make it, without waiting; the id of its job. */
  async submit(method: string, capabilityType: string, ...args: unknown[]): Promise<string> {
    const request = await this.#submission(capabilityType, method, args);
    return (await this.#ask(this.#jobs.Submit.bind(this.#jobs), request)).id;
  }

  /** Follows a job to its end: its first picture, which knows the others. ConnectionLost where the job goes on unseen. */
  async wait(jobId: string, { onProgress, previewEvery = 0, signal, cancel = false }: WaitOptions = {}): Promise<Picture> {
    const call = this.#jobs.Watch({ id: jobId, previewEvery }, this.#metadata);
    await this.#follow<JobEvent__Output>(call, signal, jobId, cancel ? () => this.cancel(jobId) : undefined, (event) => {
      const told = progressOf(event);
      if (told !== undefined) {
        onProgress?.(told);
      }
    });
    return this.#pictureOf(await this.#ask(this.#jobs.Get.bind(this.#jobs), { id: jobId }));
  }

  /** Ends a job: a queued one at once, a running one within a step. */
  async cancel(jobId: string): Promise<void> {
    await this.#ask(this.#jobs.Cancel.bind(this.#jobs), { id: jobId });
  }

  /** `textToImage` of each prompt with `count` seeds, as one batch: what became of each, in order. */
  async batch(prompts: readonly string[], options: BatchOptions = {}): Promise<(Picture | ImagegenError)[]> {
    const { count = 1, stop = false, onProgress, signal, ...rest } = options;
    const task = await this.#submission("diffusers.generate", "textToImage", ["-", rest]);
    const variations = { task, prompts: [...prompts], count };
    const onError = stop ? "ON_ERROR_STOP" : "ON_ERROR_CONTINUE";
    let batch = await this.#ask(this.#jobs.SubmitBatch.bind(this.#jobs), { variations, onError });
    const { id } = batch;
    const cancel = () => this.#ask(this.#jobs.CancelBatch.bind(this.#jobs), { id });
    await this.#follow<Batch__Output>(this.#jobs.WatchBatch({ id }, this.#metadata), signal, "", cancel, (told) => {
      batch = told;
      onProgress?.(told);
    });
    const outcomes: (Picture | ImagegenError)[] = [];
    for (const job of batch.jobs) {
      outcomes.push(await this.#pictureOf(job).catch(imagegenErrorOf));
    }
    return outcomes;
  }

  /** Brings a picture into the store; its reference. */
  upload(data: Uint8Array): Promise<string> {
    return this.#told(
      new Promise((resolve, reject) => {
        const call = this.#blobs.Upload(this.#metadata, (error, reply) => {
          if (error || !reply) {
            reject(error ?? new ImagegenError("the sidecar answered nothing"));
          } else {
            resolve(reply.ref);
          }
        });
        for (let at = 0; at < data.length; at += PIECE) {
          call.write({ chunk: data.subarray(at, at + PIECE) });
        }
        call.end();
      }),
    );
  }

  /** The file of a reference. */
  async download(ref: string): Promise<Uint8Array> {
    const pieces: Uint8Array[] = [];
    await this.#follow<DownloadResponse__Output>(
      this.#blobs.Download({ ref }, this.#metadata), undefined, "", undefined, ({ chunk }) => pieces.push(chunk),
    );
    return Buffer.concat(pieces);
  }

  protected async make(
    method: string,
    capabilityType: string,
    args: unknown[],
    { onProgress, previewEvery, signal, ...options }: CallOptions & Record<string, unknown>,
  ): Promise<Picture> {
    signal?.throwIfAborted();
    const jobId = await this.submit(method, capabilityType, ...args, options);
    return this.wait(jobId, { onProgress, previewEvery, signal, cancel: true });
  }

  async #submission(capabilityType: string, method: string, args: unknown[]): Promise<SubmitJobRequest> {
    const values: unknown[] = [];
    for (const value of args) {
      values.push(isOptions(value) ? await encodedOptions(value) : await encoded(value));
    }
    const context = await this.#context(capabilityType);
    return { invoke: { context, method, argumentsJson: JSON.stringify(values.map((value) => value ?? null)) } };
  }

  /** The job's first picture, with the files of all. By reference: they may be more than a message holds. */
  async #pictureOf(job: Job__Output): Promise<Picture> {
    if (job.state !== "JOB_STATE_SUCCEEDED") {
      throw errorOfFailure(job.failure, job.id);
    }
    const all: Picture[] = [];
    for (const [place, { ref }] of job.images.entries()) {
      all.push(new Picture(job, place, await this.download(ref), all));
    }
    const [first] = all;
    if (first === undefined) {
      throw new ImagegenError(`job ${job.id} made no picture`, { jobId: job.id });
    }
    return first;
  }

  async #context(capabilityType: string): Promise<CallContext> {
    const { caller = 0, capability = "" } = this.#options;
    if (isOfAnEntity(this.#connection) && !capability) {
      return { callerId: caller, thisId: caller };
    }
    const actor = caller || SYSTEM_ID;
    let right = capability || this.#capabilities.get(capabilityType);
    if (!right) {
      right = await this.#own(actor, capabilityType);
      this.#capabilities.set(capabilityType, right);
    }
    return { capabilityId: right, callerId: actor, thisId: actor };
  }

  async #own(ownerId: number, type: string): Promise<string> {
    const list = this.#rights.List.bind(this.#rights);
    const [held] = (await this.#ask(list, { ownerId, type, pageSize: 1 })).capabilities;
    if (held !== undefined) {
      return held.id;
    }
    const [authority] = (await this.#ask(list, { ownerId, type: "sys.mint", pageSize: 1 })).capabilities;
    if (authority === undefined) {
      throw new NotFound(
        `entity ${ownerId} holds no capability of type ${type} and no sys.mint to make one by; name a capability, or act ` +
          "as another entity",
        { code: "NOT_FOUND", reason: "NO_CAPABILITY", field: "capability" },
      );
    }
    const params = { fields: { "*": { boolValue: true } } };
    const mint = this.#rights.Mint.bind(this.#rights);
    return (await this.#ask(mint, { authorityId: authority.id, callerId: ownerId, type, params })).id;
  }

  #ask<Request, Reply>(call: Unary<Request, Reply>, request: Request): Promise<Reply> {
    return this.#told(
      new Promise((resolve, reject) => {
        const options = { deadline: Date.now() + (this.#options.timeout ?? 30) * 1000 };
        (call as unknown as FullUnary<Request, Reply>)(request, this.#metadata, options, (error, reply) => {
          if (error || reply === undefined) {
            reject(error ?? new ImagegenError("the sidecar answered nothing"));
          } else {
            resolve(reply);
          }
        });
      }),
    );
  }

  /** Hands on what a stream brings; `onStop` where that is ended from here, before its end. */
  async #follow<Event>(
    call: grpc.ClientReadableStream<unknown>,
    signal: AbortSignal | undefined,
    jobId: string,
    onStop: (() => Promise<unknown>) | undefined,
    take: (event: Event) => void,
  ): Promise<void> {
    const stop = () => call.cancel();
    signal?.addEventListener("abort", stop);
    try {
      signal?.throwIfAborted();
      for await (const event of call) {
        take(event as Event);
      }
    } catch (error) {
      if (isServiceError(error) && !signal?.aborted) {
        throw await this.#errorOf(error, jobId);
      }
      // What ended it is told, also where there is nothing to cancel any more.
      await onStop?.().catch(() => undefined);
      throw signal?.aborted ? signal.reason : error;
    } finally {
      signal?.removeEventListener("abort", stop);
      call.cancel();
    }
  }

  async #told<Reply>(asked: Promise<Reply>): Promise<Reply> {
    try {
      return await asked;
    } catch (error) {
      throw isServiceError(error) ? await this.#errorOf(error) : error;
    }
  }

  async #errorOf(error: grpc.ServiceError, jobId = ""): Promise<ImagegenError> {
    const told = errorOfCall(error, jobId);
    return told instanceof Unavailable && !told.reason && !jobId ? whyNot(this.#connection) : told;
  }
}

function isOptions(value: unknown): value is Record<string, unknown> {
  return value !== null && typeof value === "object" && Object.getPrototypeOf(value) === Object.prototype;
}

async function encodedOptions(options: Record<string, unknown>): Promise<Record<string, unknown>> {
  const values = Object.entries(options).filter(([, value]) => value !== undefined);
  return Object.fromEntries(await Promise.all(values.map(async ([name, value]) => [name, await encoded(value)])));
}

function imagegenErrorOf(error: unknown): ImagegenError {
  if (error instanceof ImagegenError) {
    return error;
  }
  throw error;
}
