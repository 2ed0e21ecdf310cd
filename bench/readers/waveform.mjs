// What BBC's own reader finds in the files that are named: one JSON array for all of them.
import { readFileSync } from "node:fs";
import WaveformData from "waveform-data";

const read = (path) => {
  const bytes = readFileSync(path);
  const data = path.endsWith(".json")
    ? JSON.parse(bytes.toString())
    : bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength);
  const found = WaveformData.create(data);
  const channel = found.channel(0);
  return {
    channels: found.channels,
    bits: found.bits,
    sample_rate: found.sample_rate,
    samples_per_pixel: found.scale,
    duration_s: found.duration,
    min: channel.min_array(),
    max: channel.max_array(),
  };
};

console.log(JSON.stringify(process.argv.slice(2).map(read)));
