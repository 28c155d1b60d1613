/** Picture work by sharp, as viwo's own image library calls it: reads a job a line, tells the milliseconds it took. */

import { createInterface } from "node:readline";
import sharp from "sharp";

sharp.concurrency(1);
sharp.cache(false);

const folder = process.argv[2]!;
const photo = Buffer.from(await Bun.file(`${folder}/photo.png`).arrayBuffer());
const overlay = Buffer.from(await Bun.file(`${folder}/overlay.png`).arrayBuffer());
const png = { compressionLevel: 6 };

const OPERATIONS: Record<string, () => Promise<Buffer>> = {
  transform: async () => {
    const turned = await sharp(photo).rotate(90).raw().toBuffer({ resolveWithObject: true });
    const { width, height, channels } = turned.info;
    return sharp(turned.data, { raw: { width, height, channels } })
      .resize(width * 2, height * 2)
      .png(png)
      .toBuffer();
  },
  blur: () => sharp(photo).blur(5).png(png).toBuffer(),
  sharpen: () => sharp(photo).sharpen().png(png).toBuffer(),
  grayscale: () => sharp(photo).toColorspace("b-w").png(png).toBuffer(),
  composite: () => sharp(photo).composite([{ input: overlay, left: 64, top: 64 }]).png(png).toBuffer(),
  jpeg: () => sharp(photo).jpeg({ quality: 90, chromaSubsampling: "4:4:4" }).toBuffer(),
  webp: () => sharp(photo).webp({ quality: 90 }).toBuffer(),
  png: () => sharp(photo).png(png).toBuffer(),
};

for await (const line of createInterface({ input: process.stdin })) {
  const begun = performance.now();
  const made = await OPERATIONS[line.trim()]!();
  console.log(`${performance.now() - begun} ${made.length}`);
}
