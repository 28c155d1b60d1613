/** The sidecar, reached over gRPC: one typed function for each thing the plugin asks of it. */

import { readFileSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import * as grpc from "@grpc/grpc-js";
import { loadSync } from "@grpc/proto-loader";
import { type Answer, isServiceError, refusalOf } from "./answer";
import type { Saving } from "./home";
import type { ProtoGrpcType as BlobProtos } from "./pb/blob";
import type { ProtoGrpcType as CapabilityProtos } from "./pb/capability";
import type { ProtoGrpcType as EntityProtos } from "./pb/entity";
import type { ProtoGrpcType as ImageProtos } from "./pb/image";
import type { ProtoGrpcType as JobProtos } from "./pb/job";
import type { CallContext } from "./pb/viwo/imagegen/v1/CallContext";
import type { Blob__Output } from "./pb/viwo/imagegen/v1/Blob";
import type { DelegateRequest } from "./pb/viwo/imagegen/v1/DelegateRequest";
import type { DownloadResponse__Output } from "./pb/viwo/imagegen/v1/DownloadResponse";
import type { InstallResponse__Output } from "./pb/viwo/imagegen/v1/InstallResponse";
import type { Job__Output } from "./pb/viwo/imagegen/v1/Job";
import type { JobEvent__Output } from "./pb/viwo/imagegen/v1/JobEvent";
import type { MethodDescription__Output } from "./pb/viwo/imagegen/v1/MethodDescription";
import type { SubmitJobRequest } from "./pb/viwo/imagegen/v1/SubmitJobRequest";
import { toStruct } from "./struct";

const PROTOS = join(import.meta.dir, "..", "protos");
const FILES = ["blob", "capability", "entity", "image", "job"].map((name) => `viwo/imagegen/v1/${name}.proto`);
const MAX_MESSAGE = 64 * 1024 * 1024;
const CHUNK = 1024 * 1024;
/** Milliseconds for what takes no picture to be made. */
const SHORT = 10_000;

export interface Connection {
  /** host:port, or unix:/path/of/the/socket. */
  address: string;
  /** The key itself; else it is read from `keyFile` at each call, since a new sidecar writes a new one. */
  key?: string;
  keyFile: string;
  /** The certificate (PEM) to trust, where the sidecar uses TLS. */
  caFile?: string;
  /** A key shared with a sidecar on another machine, which cannot read the world's file. */
  statementKeyFile?: string;
  /** Seconds after which a call that waits for its picture is given up. */
  timeout: number;
}

/** Where the sidecar is: the same variables as its own, and its own defaults. */
export function connectionFromEnvironment(env: Record<string, string | undefined> = process.env): Connection {
  const shared = env["XDG_DATA_HOME"] ?? join(homedir(), ".local", "share");
  const data = env["VIWO_IMAGEGEN_DATA_DIR"] ?? join(shared, "viwo-imagegen");
  if (env["VIWO_IMAGEGEN_TOKEN"] || env["VIWO_IMAGEGEN_TOKEN_FILE"]) {
    console.warn(
      "[imagegen] VIWO_IMAGEGEN_TOKEN is the operator's, which may do anything; give the plugin a key of its own " +
        "with VIWO_IMAGEGEN_KEY_FILE. The next release does not read the token any more",
    );
  }
  const key = env["VIWO_IMAGEGEN_KEY"] ?? env["VIWO_IMAGEGEN_TOKEN"];
  const address = env["VIWO_IMAGEGEN_ADDRESS"] ?? `127.0.0.1:${env["VIWO_IMAGEGEN_PORT"] ?? "50061"}`;
  return {
    address,
    keyFile: env["VIWO_IMAGEGEN_KEY_FILE"] ?? env["VIWO_IMAGEGEN_TOKEN_FILE"] ?? join(data, "kernel-key"),
    timeout: Number(env["VIWO_IMAGEGEN_TIMEOUT"] ?? 600),
    ...(key ? { key } : {}),
    ...(env["VIWO_IMAGEGEN_STATEMENT_KEY_FILE"]
      ? { statementKeyFile: env["VIWO_IMAGEGEN_STATEMENT_KEY_FILE"] }
      : {}),
    ...(env["VIWO_IMAGEGEN_CA_FILE"] ? { caFile: env["VIWO_IMAGEGEN_CA_FILE"] } : {}),
  };
}

/** The last overload of a generated method, which is the one that types are inferred from. */
type Unary<Request, Reply> = (request: Request, callback: grpc.requestCallback<Reply>) => grpc.ClientUnaryCall;
type FullUnary<Request, Reply> = (
  request: Request,
  metadata: grpc.Metadata,
  options: grpc.CallOptions,
  callback: grpc.requestCallback<Reply>,
) => grpc.ClientUnaryCall;

export class Sidecar {
  readonly #connection: Connection;
  readonly #world: string;
  readonly #blobs: InstanceType<BlobProtos["viwo"]["imagegen"]["v1"]["BlobService"]>;
  readonly #capabilities: InstanceType<CapabilityProtos["viwo"]["imagegen"]["v1"]["CapabilityService"]>;
  readonly #entities: InstanceType<EntityProtos["viwo"]["imagegen"]["v1"]["EntityService"]>;
  readonly #images: InstanceType<ImageProtos["viwo"]["imagegen"]["v1"]["ImageService"]>;
  readonly #jobs: InstanceType<JobProtos["viwo"]["imagegen"]["v1"]["JobService"]>;

  /** `world` is the id of the world that it is asked for. */
  constructor(connection: Connection, world: string) {
    this.#connection = connection;
    this.#world = world;
    const definition = loadSync(FILES, {
      includeDirs: [PROTOS],
      longs: Number,
      enums: String,
      defaults: true,
      oneofs: true,
    });
    const loaded = grpc.loadPackageDefinition(definition) as unknown as BlobProtos &
      CapabilityProtos &
      EntityProtos &
      ImageProtos &
      JobProtos;
    const services = loaded.viwo.imagegen.v1;
    const credentials = connection.caFile
      ? grpc.credentials.createSsl(readFileSync(connection.caFile))
      : grpc.credentials.createInsecure();
    const options = {
      "grpc.max_send_message_length": MAX_MESSAGE,
      "grpc.max_receive_message_length": MAX_MESSAGE,
      // A sidecar that was restarted is found again within two seconds.
      "grpc.initial_reconnect_backoff_ms": 200,
      "grpc.max_reconnect_backoff_ms": 2000,
      // A machine that went away without a word is noticed while something is awaited from it.
      "grpc.keepalive_time_ms": 30_000,
      "grpc.keepalive_timeout_ms": 10_000,
    };
    // The services share one connection, by their address and options.
    this.#blobs = new services.BlobService(connection.address, credentials, options);
    this.#capabilities = new services.CapabilityService(connection.address, credentials, options);
    this.#entities = new services.EntityService(connection.address, credentials, options);
    this.#images = new services.ImageService(connection.address, credentials, options);
    this.#jobs = new services.JobService(connection.address, credentials, options);
  }

  close(): void {
    for (const service of [this.#blobs, this.#capabilities, this.#entities, this.#images, this.#jobs]) {
      service.close();
    }
  }

  async methods(): Promise<MethodDescription__Output[]> {
    const reply = await this.#ask(this.#capabilities.DescribeMethods.bind(this.#capabilities), {}, SHORT);
    return reply.methods;
  }

  /** Makes the prototype of pictures in the world that the sidecar reaches; its id, and the verbs for any other world. */
  install(): Promise<InstallResponse__Output> {
    return this.#ask(this.#entities.Install.bind(this.#entities), {}, SHORT);
  }

  /** By which name the sidecar knows whoever calls with this key; empty where the key does not tell. */
  get principal(): string {
    const key = this.#key();
    return key.startsWith("vk_") ? `key:${key.split("_")[1]}` : "";
  }

  /** A method as a script calls it; resolves to an answer, whatever happens. `actAs`: see `#metadata`. */
  async invoke(context: CallContext, method: string, args: unknown[], actAs: number[] = []): Promise<Answer> {
    try {
      const request = { context, method, argumentsJson: JSON.stringify(args) };
      const call = this.#images.Invoke.bind(this.#images);
      const reply = await this.#ask(call, request, this.#connection.timeout * 1000, actAs);
      return JSON.parse(reply.resultJson) as Answer;
    } catch (error) {
      return refusalOf(error);
    }
  }

  submit(request: SubmitJobRequest, actAs: number[] = []): Promise<Job__Output> {
    return this.#ask(this.#jobs.Submit.bind(this.#jobs), request, SHORT, actAs);
  }

  job(id: string, actAs: number[] = []): Promise<Job__Output> {
    return this.#ask(this.#jobs.Get.bind(this.#jobs), { id }, SHORT, actAs);
  }

  cancel(id: string, actAs: number[] = []): Promise<Job__Output> {
    return this.#ask(this.#jobs.Cancel.bind(this.#jobs), { id }, SHORT, actAs);
  }

  /** Tells that capabilities of this world hold no longer. */
  pushRevocations(capabilityIds: string[]): Promise<unknown> {
    return this.#ask(this.#capabilities.PushRevocations.bind(this.#capabilities), { capabilityIds }, SHORT);
  }

  async jobsOf(owner: number, pageSize: number): Promise<Job__Output[]> {
    const reply = await this.#ask(this.#jobs.List.bind(this.#jobs), { ownerId: owner, pageSize }, SHORT);
    return reply.jobs;
  }

  /** What happens to a job, up to its end; throws where the sidecar goes away meanwhile. */
  async *watch(id: string): AsyncGenerator<JobEvent__Output> {
    const call = this.#jobs.Watch({ id }, this.#metadata());
    try {
      for await (const event of call) {
        yield event as JobEvent__Output;
      }
    } finally {
      call.cancel();
    }
  }

  /** Narrows a capability; the child's id, where the sidecar keeps it, and parameters. */
  delegate(parent: DelegateRequest, restrictions: Record<string, unknown>) {
    const request = { ...parent, restrictions: toStruct(restrictions) };
    return this.#ask(this.#capabilities.Delegate.bind(this.#capabilities), request, SHORT);
  }

  /** Calls an image verb of an entity; its answer and the entity as it is afterwards. */
  async callVerb(context: CallContext, entityId: number, verb: string, args: unknown[], actAs: number[] = []) {
    const request = { context, entityId, verb, argumentsJson: JSON.stringify(args) };
    return this.#ask(this.#entities.CallVerb.bind(this.#entities), request, this.#connection.timeout * 1000, actAs);
  }

  /** What is stored under a reference, with a thumbnail. */
  describe(ref: string, actAs: number[] = []): Promise<Blob__Output> {
    return this.#ask(this.#blobs.Describe.bind(this.#blobs), { ref }, SHORT, actAs);
  }

  async download(ref: string): Promise<Buffer> {
    const chunks: Buffer[] = [];
    const deadline = Date.now() + this.#connection.timeout * 1000;
    for await (const part of this.#blobs.Download({ ref }, this.#metadata(), { deadline })) {
      chunks.push((part as DownloadResponse__Output).chunk);
    }
    return Buffer.concat(chunks);
  }

  /** Stores a picture; its reference. */
  upload(file: Uint8Array): Promise<string> {
    return new Promise((resolve, reject) => {
      const deadline = Date.now() + this.#connection.timeout * 1000;
      const call = this.#blobs.Upload(this.#metadata(), { deadline }, (error, reply) => {
        if (error || !reply) {
          reject(error ?? new Error("the sidecar answered nothing"));
        } else {
          resolve(reply.ref);
        }
      });
      for (let at = 0; at < file.length; at += CHUNK) {
        call.write({ chunk: file.subarray(at, at + CHUNK) });
      }
      call.end();
    });
  }

  saveImage(context: CallContext, image: Uint8Array, { name, description, room, metadata }: Saving) {
    const request = {
      context,
      image: { data: image },
      options: { name, description, roomId: room },
      metadata: toStruct(metadata),
    };
    return this.#ask(this.#entities.SaveImage.bind(this.#entities), request, this.#connection.timeout * 1000);
  }

  #key(): string {
    return this.#connection.key ?? readKey(this.#connection.keyFile);
  }

  /** Who asks. `actAs`: entities to whom no more is told and given than is theirs; none: all of the world. */
  #metadata(actAs: number[] = []): grpc.Metadata {
    const metadata = new grpc.Metadata();
    const key = this.#key();
    if (key) {
      metadata.set("authorization", `Bearer ${key}`);
    }
    if (actAs.length) {
      metadata.set("viwo-act-as", actAs.join(","));
    }
    // The key of a world on another machine is that world's; without one the sidecar takes us for its own.
    if (!this.#connection.statementKeyFile || key.startsWith("vk_")) {
      metadata.set("viwo-world", this.#world);
    }
    return metadata;
  }

  #ask<Request, Reply>(
    call: Unary<Request, Reply>,
    request: Request,
    milliseconds: number,
    actAs: number[] = [],
  ): Promise<Reply> {
    return new Promise((resolve, reject) => {
      const options = { deadline: Date.now() + milliseconds };
      (call as unknown as FullUnary<Request, Reply>)(request, this.#metadata(actAs), options, (error, reply) => {
        if (error || reply === undefined) {
          reject(error ?? new Error("the sidecar answered nothing"));
        } else {
          resolve(reply);
        }
      });
    });
  }
}

const RETRYABLE = new Set([grpc.status.UNAVAILABLE, grpc.status.UNAUTHENTICATED, grpc.status.DEADLINE_EXCEEDED]);

/** Whether asking again later can help. */
export function isRetryable(error: unknown): boolean {
  return isServiceError(error) && RETRYABLE.has(error.code);
}

function readKey(path: string): string {
  try {
    return readFileSync(path, "utf8").trim();
  } catch {
    return "";
  }
}
