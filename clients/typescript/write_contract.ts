/** Writes the contract as one module, so that the package needs no .proto files: `bun write_contract.ts FILE`. */

import { join } from "node:path";
import protobuf from "protobufjs";

const [file] = process.argv.slice(2);
if (file === undefined) {
  throw new Error("name the file to write");
}
const protos = join(import.meta.dirname, "..", "..", "protos");
const root = new protobuf.Root();
const find = root.resolvePath.bind(root);
// protobufjs has google's own types in itself.
root.resolvePath = (origin, target) => (target.startsWith("viwo/") ? join(protos, target) : find(origin, target));
root.loadSync(["blob", "capability", "job"].map((name) => `viwo/imagegen/v1/${name}.proto`));
const head = "/** The contract as protobufjs has it. Written by write_contract.ts; do not edit. */\n\n";
await Bun.write(file, `${head}export const contract: object = ${JSON.stringify(root.toJSON())};\n`);
