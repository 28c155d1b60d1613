/** Where the sidecar is, and who asks: found in the environment and in the sidecar's own files on this machine. */

import { readFileSync } from "node:fs";
import { connect as dial, isIPv4, type Socket } from "node:net";
import { homedir } from "node:os";
import { join } from "node:path";
import { connect as dialEncrypted } from "node:tls";
import { parse } from "smol-toml";
import { FailedPrecondition, Unauthenticated, Unavailable } from "./errors.js";

const PREFIX = "VIWO_IMAGEGEN_";
const DEFAULT_PORT = 50061;
/** Milliseconds to reach whatever listens at an address. */
const CONNECT_TIMEOUT = 5000;
/** Every address of a machine, to listen on, and what a client on it dials. */
const EVERYWHERE: Record<string, string> = { "0.0.0.0": "127.0.0.1", "::": "::1" };

export type Environment = Record<string, string | undefined>;

export interface Connection {
  /** host:port, or unix:/path. */
  address: string;
  /** What goes into `authorization`; empty over a Unix socket. */
  key: string;
  /** PEM to trust; undefined without TLS. */
  certificate: Buffer | undefined;
  /** Where that is from. */
  certificateFile: string | undefined;
}

export interface ConnectionOptions {
  address?: string;
  key?: string;
  caFile?: string;
}

/**
 * What is given, else VIWO_IMAGEGEN_ADDRESS, _KEY, _KEY_FILE and _CA_FILE, else as the sidecar of this user is set.
 *
 * Throws Unauthenticated where no key is given or can be read, FailedPrecondition for a certificate that cannot be read.
 */
export function findConnection(given: ConnectionOptions = {}, environment: Environment = process.env): Connection {
  const variable = (name: string) => environment[`${PREFIX}${name}`] || undefined;
  const settings = settingsOf(environment);
  let address = given.address || variable("ADDRESS");
  let certificateFile = given.caFile || variable("CA_FILE");
  const isHere = address === undefined || isOfThisMachine(address);
  if (address === undefined) {
    address = ownAddress(settings);
    certificateFile ||= address.startsWith("unix:") ? undefined : settings["tls_cert"];
  }
  const key = given.key || variable("KEY") || keyIn(variable("KEY_FILE") ?? (isHere ? join(settings.data_dir, "token") : ""), address);
  const certificate = certificateFile === undefined ? undefined : certificateIn(certificateFile);
  return { address, key, certificate, certificateFile };
}

/** Whether the key is bound to an entity, so that a call need not say who asks and by what right. */
export function isOfAnEntity(connection: Connection): boolean {
  return connection.key.startsWith("vk_");
}

function dataFolder(environment: Environment): string {
  const shared = environment["XDG_DATA_HOME"] || environment["LOCALAPPDATA"] || join(homedir(), ".local", "share");
  return environment[`${PREFIX}DATA_DIR`] || join(shared, "viwo-imagegen");
}

/** Whether it is an address of this machine only; another machine is not sent the token of this one's sidecar. */
function isOfThisMachine(address: string): boolean {
  const host = address.replace(/:\d+$/, "");
  // No name that only begins like an address here.
  const isLoopback = host.startsWith("127.") && isIPv4(host);
  return address.startsWith("unix:") || isLoopback || host === "localhost" || host === "[::1]";
}

function keyIn(file: string, address: string): string {
  const key = `set ${PREFIX}KEY to a key of 'viwo-imagegen key create'`;
  const refusal = { code: "UNAUTHENTICATED", reason: "NO_KEY" };
  if (file === "") {
    throw new Unauthenticated(`no key: ${address} is another machine; ${key}`, refusal);
  }
  try {
    return readFileSync(file, "utf8").trim();
  } catch (error) {
    if (address.startsWith("unix:")) {
      return "";
    }
    const problem = `${file} cannot be read (${reasonOf(error)})`;
    throw new Unauthenticated(`no key: ${problem}; start the sidecar once, or ${key}`, refusal);
  }
}

function certificateIn(file: string): Buffer {
  try {
    return readFileSync(file);
  } catch (error) {
    const refusal = { code: "FAILED_PRECONDITION", reason: "BAD_CERTIFICATE", field: "tls_cert", asked: file };
    const cure = `set tls_cert or ${PREFIX}CA_FILE to the server's`;
    throw new FailedPrecondition(`the certificate ${file} cannot be read (${reasonOf(error)}); ${cure}`, refusal);
  }
}

function reasonOf(error: unknown): string {
  return error instanceof Error && "code" in error ? String(error.code) : String(error);
}

/** The sidecar's settings that tell where it listens and where its token is: variables over its file. */
function settingsOf(environment: Environment): Record<string, string> & { data_dir: string } {
  const data = dataFolder(environment);
  const settings: Record<string, string> & { data_dir: string } = { data_dir: data };
  let written: Record<string, unknown> = {};
  try {
    written = parse(readFileSync(environment[`${PREFIX}CONFIG`] || join(data, "config.toml"), "utf8"));
  } catch {
    // No file, or one that the sidecar complains about at its start.
  }
  for (const name of ["data_dir", "host", "port", "unix_socket", "tls_cert"]) {
    const value = environment[`${PREFIX}${name.toUpperCase()}`] || written[name];
    if (value !== undefined) {
      settings[name] = String(value);
    }
  }
  return settings;
}

function ownAddress(settings: Record<string, string>): string {
  if (settings["unix_socket"]) {
    return `unix:${settings["unix_socket"]}`;
  }
  const said = settings["host"] ?? "127.0.0.1";
  const host = EVERYWHERE[said] ?? said;
  return `${host.includes(":") ? `[${host}]` : host}:${settings["port"] ?? DEFAULT_PORT}`;
}

/** Whether nobody is at the address, or somebody who cannot be spoken to in this way. */
export async function whyNot({ address, certificate, certificateFile }: Connection): Promise<Unavailable> {
  const plain = await outcome(() => dial(placeOf(address)), "connect");
  if (plain !== "") {
    const cure = `start one with 'viwo-imagegen serve', or set ${PREFIX}ADDRESS to where one is`;
    return unreachable(`no sidecar answers at ${address}; ${cure}`, "NO_SERVER", address);
  }
  const { host } = placeOf(address);
  const trust = { ca: certificate, servername: /[a-z]/i.test(host ?? "") ? host : undefined };
  const encrypted = await outcome(() => dialEncrypted({ ...placeOf(address), ...trust }), "secureConnect");
  const isPlain = /WRONG_VERSION|EPROTO|ECONNRESET|disconnected|ETIMEDOUT|PACKET_LENGTH/i.test(encrypted);
  let words: string;
  if (certificate === undefined) {
    words = isPlain
      ? "something listens there that is no sidecar, or a sidecar that is starting or ending; see port"
      : `the server there speaks TLS; set tls_cert to its certificate, as the server has it, or ${PREFIX}CA_FILE to a copy of it`;
  } else if (isPlain) {
    words = "what listens there speaks no TLS, and tls_cert is set";
  } else if (encrypted !== "") {
    words = `the certificate of the server there does not fit tls_cert (${certificateFile}): ${encrypted}`;
  } else {
    words = "the server there speaks TLS and does not accept this client; where it asks for certificates, use its unix_socket";
  }
  return unreachable(`no connection to ${address}: ${words}`, "NO_CONNECTION", address);
}

function unreachable(message: string, reason: string, asked: string): Unavailable {
  return new Unavailable(message, { code: "UNAVAILABLE", reason, asked });
}

function placeOf(address: string): { path?: string; host?: string; port: number } {
  if (address.startsWith("unix:")) {
    return { path: address.slice("unix:".length), port: 0 };
  }
  const colon = address.lastIndexOf(":");
  return { host: address.slice(0, colon).replace(/^\[|\]$/g, ""), port: Number(address.slice(colon + 1)) };
}

/** What comes of dialling: empty, or the error's code or words. */
function outcome(dialled: () => Socket, event: string): Promise<string> {
  return new Promise((resolve) => {
    const socket = dialled();
    const end = (words: string) => {
      socket.destroy();
      resolve(words);
    };
    socket.setTimeout(CONNECT_TIMEOUT, () => end("ETIMEDOUT"));
    socket.once(event, () => end(""));
    socket.once("error", (error) => end("code" in error ? String(error.code) : error.message));
    socket.once("close", () => end("disconnected"));
  });
}
