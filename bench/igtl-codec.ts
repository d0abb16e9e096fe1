import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import {
  crc64,
  decodeIgtl,
  encodeIgtl,
  IgtlFramer,
  IgtlStorage,
  type ImageContent,
  readTransform,
  TransformPacker,
} from '@trocar/device-bridge';
import { median, type Row, report, row } from './_report.js';

/**
 * OpenIGTLink messages written and read, CRC on both sides, into storage that is used again, beside the reference
 * library (libOpenIGTLink, compiled from `igtl-codec/peer.cpp` where its headers and a compiler are there). Both
 * deliver type, device name, time and content of every message. Rates are per second of processor time, which other
 * work on the machine does not change much. `--seconds N` is the length of one run.
 */

const at = process.argv.indexOf('--seconds');
const SECONDS = at < 0 ? 1 : Number(process.argv[at + 1]);
const RUNS = 5;
const COMPILER = process.env['CXX'] ?? 'g++';
const WIDTH = 640;
const HEIGHT = 480;

const sink = new Float64Array(1);
const matrix = Float64Array.of(0, 1, 0, 0, 0, 0, 1, 0, 1, 0, 0, 0, 10.5, -20.25, 30.125, 1);
const time = new Float64Array(1);
const back = new Float64Array(16);
const backTime = new Float64Array(1);
const packer = new TransformPacker('ProbeToTracker');

const poses = new IgtlFramer({
  message: (frame) => {
    if (!readTransform(frame, back) || frame.type !== 'TRANSFORM') throw new Error('No TRANSFORM came back.');
    frame.readTime(backTime);
    sink[0] = (sink[0] as number) + (back[12] as number) + (backTime[0] as number) + frame.device.length;
  },
  fault: ({ message }) => {
    throw new Error(message);
  },
});

function packTransform(round: number): Uint8Array {
  matrix[12] = 10.5 + (round & 255);
  time[0] = (1_700_000_000 + round) * 1000 + 500;
  return packer.pack(matrix, time);
}

/** As a socket does: bytes arrive in the reader's own memory. */
const received = new Uint8Array(packer.pack(matrix, time).length);

function transform(round: number): void {
  received.set(packTransform(round));
  poses.feed(received);
  if (back[12] !== matrix[12]) throw new Error('Another matrix came back.');
}

const pixels = new Uint8Array(WIDTH * HEIGHT).map((_, i) => i * 7);
const content: ImageContent = {
  kind: 'image',
  version: 1,
  components: 1,
  scalarType: 3,
  pixelsLittleEndian: true,
  coordinates: 'RAS',
  size: [WIDTH, HEIGHT, 1],
  axes: Float64Array.of(1, 0, 0, 0, 1, 0, 0, 0, 1),
  centre: new Float64Array(3),
  blockStart: [0, 0, 0],
  blockSize: [WIDTH, HEIGHT, 1],
  pixels,
};
const storage = new IgtlStorage();
const images = new IgtlFramer({
  message: (frame) => {
    const { content: got, device, timestamp } = decodeIgtl(frame, true);
    if (got.kind !== 'image' || got.pixels[0] !== pixels[0]) throw new Error('Another image came back.');
    sink[0] = (sink[0] as number) + (got.pixels[1] as number) + device.length + timestamp.seconds;
  },
  fault: ({ message }) => {
    throw new Error(message);
  },
});

const receivedImage = new Uint8Array(encodeIgtl({ type: 'IMAGE', device: 'Ultrasound', content }).length);

function image(round: number): void {
  pixels[0] = round;
  const timestamp = { seconds: 1_700_000_000 + round, fraction: 0 };
  receivedImage.set(encodeIgtl({ type: 'IMAGE', device: 'Ultrasound', timestamp, content }, storage));
  images.feed(receivedImage);
}

/** Seconds of processor time that this process has taken, the engine's own threads included. */
function processorSeconds(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e6;
}

/** Rounds per second of processor time. */
function measure(work: (round: number) => void, batch: number): number {
  const from = processorSeconds();
  let count = 0;
  let took = 0;
  while (took < SECONDS) {
    for (let i = 0; i < batch; i += 1, count += 1) work(count & 0xffff);
    took = processorSeconds() - from;
  }
  return count / took;
}

/** The peer as a program, or why there is none. */
function buildPeer(folder: string): string | undefined {
  const include = ['/usr/include/openigtlink', '/usr/local/include/openigtlink'].find((path) => existsSync(path));
  if (include === undefined) {
    console.log("libOpenIGTLink's headers are not here (Debian: libopenigtlink-dev): measured without the peer.");
    return undefined;
  }
  const source = fileURLToPath(new URL('./igtl-codec/peer.cpp', import.meta.url));
  const program = join(folder, 'peer');
  const { status, stderr } = spawnSync(COMPILER, ['-O2', `-I${include}`, source, '-o', program, '-lOpenIGTLink', '-pthread']);
  if (status === 0) return program;
  console.log(`The peer does not compile, measured without it: ${String(stderr ?? `no ${COMPILER}`)}`);
  return undefined;
}

const folder = mkdtempSync(join(tmpdir(), 'trocar-igtl-'));
try {
  const peer = buildPeer(folder);
  const runPeer = (what: string): string => execFileSync(peer as string, [what, String(SECONDS)], { encoding: 'utf8' }).trim();
  if (peer !== undefined && runPeer('bytes') !== Buffer.from(packTransform(3)).toString('hex')) {
    throw new Error('The two do not write the same bytes.');
  }
  const checksum = new Int32Array(2);
  const pixelView = new DataView(pixels.buffer);
  const crc = (): void => crc64(checksum, pixelView, 0, pixels.length);
  const ours: Record<'transform' | 'image' | 'crc', number[]> = { transform: [], image: [], crc: [] };
  const theirs: Record<'transform' | 'image', number[]> = { transform: [], image: [] };
  for (const warm of [() => measure(transform, 10_000), () => measure(image, 20), () => measure(crc, 20)]) warm();
  for (let run = 0; run < RUNS; run += 1) {
    ours.transform.push(measure(transform, 10_000));
    if (peer !== undefined) theirs.transform.push(Number(runPeer('transform')));
    ours.image.push(measure(image, 20));
    if (peer !== undefined) theirs.image.push(Number(runPeer('image')));
    ours.crc.push(measure(crc, 20));
  }
  const megabytes = (rates: number[]): number[] => rates.map((rate) => (rate * WIDTH * HEIGHT) / 1e6);
  const aim = (mine: number[], peers: number[], factor: number): { text: string; met: boolean } | undefined =>
    peers.length === 0 ? undefined : { text: `at least ${factor} × the library`, met: median(mine) >= factor * median(peers) };
  const rows: Row[] = [
    row('TRANSFORM packed and unpacked, CRC both ways', 'messages/s', ours.transform, aim(ours.transform, theirs.transform, 1.5)),
  ];
  if (peer !== undefined) rows.push(row('… by libOpenIGTLink', 'messages/s', theirs.transform));
  rows.push(
    row(
      `${WIDTH}×${HEIGHT} image packed and unpacked, CRC both ways`,
      'MB/s',
      megabytes(ours.image),
      aim(ours.image, theirs.image, 2),
    ),
  );
  if (peer !== undefined) rows.push(row('… by libOpenIGTLink', 'MB/s', megabytes(theirs.image)));
  rows.push(row('CRC64 alone', 'MB/s', megabytes(ours.crc)));
  report(rows);
} finally {
  rmSync(folder, { recursive: true });
}
