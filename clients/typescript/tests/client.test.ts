import { afterAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { mkdirSync, mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { findConnection } from "../src/connection.js";
import {
  Canceled,
  connect,
  ImagegenError,
  InvalidArgument,
  NotFound,
  PermissionDenied,
  Picture,
  type Progress,
  Unauthenticated,
  Unavailable,
} from "../src/index.js";
import { address, cli, folder } from "./sidecar.js";

// The embedded diffusion model is loaded before it draws.
setDefaultTimeout(60_000);
const client = connect();

afterAll(() => client.close());

/** What a promise is rejected with. */
async function refusal(asked: Promise<unknown>): Promise<ImagegenError> {
  const error = await asked.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(ImagegenError);
  return error as ImagegenError;
}

/** Width and height that a PNG's header tells. */
function size({ data }: Picture): [number, number] {
  const header = new DataView(data.buffer, data.byteOffset);
  return [header.getUint32(16), header.getUint32(20)];
}

test("three lines make a picture", async () => {
  const picture = await client.textToImage("a red apple", { seed: 7 });
  await picture.save(join(folder, "apple.png"));
  expect(await Bun.file(join(folder, "apple.png")).bytes()).toEqual(Uint8Array.from(picture.data));
  expect(size(picture)).toEqual([picture.width, picture.height]);
  expect(picture).toMatchObject({ seed: 7, mediaType: "image/png", entityId: 0 });
  expect(picture.all).toEqual([picture]);
});

test("every kind of picture is taken", async () => {
  const first = await client.textToImage("a cup", { seed: 1 });
  const path = join(folder, "cup.png");
  await first.save(path);
  const kinds = [first, first.data, Bun.file(path), pathToFileURL(path), first.ref, await client.upload(first.data)];
  const made = await Promise.all(kinds.map((kind) => client.resize(kind, 32, 24)));
  expect(new Set(made.map(({ ref }) => ref)).size).toBe(1);
  expect(size(made[0] as Picture)).toEqual([32, 24]);
  expect(await client.download(first.ref)).toEqual(first.data);
});

test("several pictures, saved as entities", async () => {
  const ghosts = await client.textToImage("a ghost", { count: 2, seed: 5, format: "webp", save: true, name: "ghost" });
  expect(ghosts.all.map(({ seed }) => seed)).toEqual([5, 6]);
  expect(ghosts.all.every(({ entityId, mediaType }) => entityId > 0 && mediaType === "image/webp")).toBe(true);
  const turned = await client.transform(ghosts.entityId, 90, undefined, { save: false });
  expect(turned.seed).toBeUndefined();
});

test("a batch answers what became of each", async () => {
  const states: string[] = [];
  const made = await client.batch(["a cup", "a hat"], {
    count: 2,
    seed: 3,
    onProgress: ({ id }) => states.push(id),
  });
  expect(made.map((each) => (each instanceof Picture ? each.seed : each.message))).toEqual([3, 4, 3, 4]);
  expect(new Set(states).size).toBe(1);
});

test("progress and previews are told", async () => {
  const told: Progress[] = [];
  const house = await client.textToImage("a house", {
    model: "icons",
    steps: 4,
    previewEvery: 1,
    onProgress: (each) => told.push(each),
  });
  const previews = told.flatMap((each) => (each.state === "preview" ? [each.preview] : []));
  expect(previews.length).toBeGreaterThan(0);
  expect([...(previews[0] ?? []).slice(0, 2)]).toEqual([0xff, 0xd8]);
  expect(told.filter((each) => each.state === "drawing").map((each) => each.total)).toContain(4);
  expect(new Set(told.map((each) => each.jobId))).toEqual(new Set([house.jobId]));
});

describe("what is refused has fields", () => {
  test.each([
    [() => client.textToImage("a", { steps: 0 }), InvalidArgument, "steps"],
    [() => client.textToImage("a", { width: 5000 }), PermissionDenied, "max_width"],
    [() => client.textToImage("a", { model: "nobody" }), NotFound, "model"],
    [() => client.textToImage("a", { stps: 3 } as object), InvalidArgument, "stps"],
    [() => client.wait("nobody"), NotFound, "id"],
    [() => client.download(`sha256:${"0".repeat(64)}`), NotFound, "ref"],
  ])("%p", async (asked, kind, field) => {
    const refused = await refusal(asked());
    expect(refused).toBeInstanceOf(kind);
    expect(refused.name).toBe(kind.name);
    expect(refused.field).toContain(field);
    expect(refused.reason).not.toBe("");
    expect(refused.message).not.toBe("");
  });
});

describe("a job is canceled", () => {
  /** Until the job that the first progress tells of has ended, and how. */
  async function endOf(jobId: string): Promise<ImagegenError> {
    return refusal(client.wait(jobId));
  }

  test("by a signal", async () => {
    const enough = new AbortController();
    let jobId = "";
    const asked = client.textToImage("a slow house", {
      model: "icons",
      steps: 150,
      signal: enough.signal,
      onProgress: (told) => {
        jobId = told.jobId;
        enough.abort(new Error("enough"));
      },
    });
    await expect(asked).rejects.toThrow("enough");
    expect(await endOf(jobId)).toBeInstanceOf(Canceled);
  });

  test("by an exception of the program", async () => {
    let jobId = "";
    const asked = client.textToImage("a slow castle", {
      model: "icons",
      steps: 150,
      onProgress: (told) => {
        jobId = told.jobId;
        throw new RangeError("mine");
      },
    });
    await expect(asked).rejects.toThrow("mine");
    expect(await endOf(jobId)).toBeInstanceOf(Canceled);
  });

  test("and one that is aborted beforehand is never asked", async () => {
    const signal = AbortSignal.abort(new Error("too late"));
    await expect(client.textToImage("a cup", { signal })).rejects.toThrow("too late");
  });
});

test("a key needs neither caller nor capability", async () => {
  const made = JSON.parse(await cli("key", "create", "--entity", "2", "--limits", '{"max_width": 64}', "--json")) as { text: string };
  using mine = connect({ address, key: made.text });
  expect((await mine.textToImage("a cup", { width: 64, height: 64 })).width).toBe(64);
  const refused = await refusal(mine.textToImage("a cup", { width: 128, height: 64 }));
  expect(refused).toMatchObject({ field: "max_width", limit: "64", asked: "128" });
});

describe("where the sidecar is", () => {
  const home = mkdtempSync(join(tmpdir(), "imagegen-home-"));
  const here = { VIWO_IMAGEGEN_DATA_DIR: home };

  test("is what its file says", () => {
    writeFileSync(join(home, "token"), "of the operator\n");
    writeFileSync(join(home, "cert.pem"), "PEM");
    writeFileSync(join(home, "config.toml"), `host = "0.0.0.0"\nport = 4000\ntls_cert = "${home}/cert.pem"\n`);
    expect(findConnection({}, here)).toEqual({
      address: "127.0.0.1:4000",
      key: "of the operator",
      certificate: Buffer.from("PEM"),
      certificateFile: join(home, "cert.pem"),
    });
    expect(findConnection({ address: "far:1", key: "vk_1" }, here)).toMatchObject({ address: "far:1", key: "vk_1" });
    expect(findConnection({}, { ...here, VIWO_IMAGEGEN_HOST: "::", VIWO_IMAGEGEN_PORT: "5" }).address).toBe("[::1]:5");
  });

  test("elsewhere is not sent the token of this machine's sidecar", () => {
    expect(() => findConnection({ address: "far:1" }, here)).toThrow("far:1 is another machine");
    const named = { ...here, VIWO_IMAGEGEN_KEY_FILE: join(home, "token") };
    expect(findConnection({ address: "far:1" }, named).key).toBe("of the operator");
    expect(findConnection({}, { ...here, VIWO_IMAGEGEN_HOST: "10.0.0.5" }).key).toBe("of the operator");
  });

  test.each(["127.0.0.1.evil.org:50061", "127.example.com:50061", "localhost.evil.org:50061"])(
    "at %s is not sent it either",
    (address) => {
      expect(() => findConnection({ address }, here)).toThrow(`${address} is another machine`);
    },
  );

  test.each(["127.0.0.1:50061", "127.8.0.1", "localhost:1", "[::1]:50061"])("at %s is this machine", (address) => {
    expect(findConnection({ address }, here).key).toBe("of the operator");
  });

  test("has its token where its file says", () => {
    const shared = mkdtempSync(join(tmpdir(), "imagegen-shared-"));
    const file = join(shared, "x.toml");
    writeFileSync(file, `data_dir = "${home}"\nport = 4000\n`);
    const named = { XDG_DATA_HOME: shared, VIWO_IMAGEGEN_CONFIG: file };
    expect(findConnection({}, named)).toMatchObject({ address: "127.0.0.1:4000", key: "of the operator" });
    mkdirSync(join(shared, "viwo-imagegen"));
    writeFileSync(join(shared, "viwo-imagegen", "config.toml"), `data_dir = "${home}"\n`);
    expect(findConnection({}, { XDG_DATA_HOME: shared }).key).toBe("of the operator");
    expect(() => findConnection({}, { ...named, VIWO_IMAGEGEN_DATA_DIR: shared })).toThrow(shared);
  });

  test("needs a key, unless it is a socket", () => {
    const empty = join(home, "empty");
    mkdirSync(empty);
    expect(() => findConnection({}, { VIWO_IMAGEGEN_DATA_DIR: empty })).toThrow(Unauthenticated);
    writeFileSync(join(empty, "config.toml"), 'unix_socket = "/run/imagegen.sock"\n');
    expect(findConnection({}, { VIWO_IMAGEGEN_DATA_DIR: empty })).toMatchObject({
      address: "unix:/run/imagegen.sock",
      key: "",
    });
  });

  test("is told where nobody or a stranger is", async () => {
    using nobody = connect({ address: "127.0.0.1:1", key: "x" });
    const unreached = await refusal(nobody.textToImage("a cup"));
    expect(unreached).toBeInstanceOf(Unavailable);
    expect(unreached.reason).toBe("NO_SERVER");
    expect(unreached.message).toContain("viwo-imagegen serve");
    const other = join(home, "other.pem");
    writeFileSync(other, await Bun.file(join(import.meta.dir, "stranger.pem")).text());
    using encrypted = connect({ address, key: "x", caFile: other });
    expect((await refusal(encrypted.textToImage("a cup"))).message).toContain("speaks no TLS");
    using wrong = connect({ address, key: "wrong" });
    expect(await refusal(wrong.textToImage("a cup"))).toBeInstanceOf(Unauthenticated);
  });
});
