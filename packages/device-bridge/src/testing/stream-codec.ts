import { Random } from '@trocar/core/math';

/** A codec under test, made anew for every check. */
export interface StreamCodecUnderTest {
  /** Bytes in any chunks. */
  feed(bytes: Uint8Array): void;
  /** Bytes kept for later. */
  readonly buffered: number;
}

/** What {@link checkStreamCodec} needs to know. */
export interface StreamCodecSuite {
  /** @param onMessage gets each message as text that is the same only for the same message */
  create(onMessage: (message: string) => void, onFault: (code: string) => void): StreamCodecUnderTest;
  /** Complete, valid messages as bytes; at least two. */
  readonly samples: readonly Uint8Array[];
  /** The most it may keep. */
  readonly maxBytes: number;
  /** Whether a checksum guards every byte, so that any single flipped bit must be noticed. */
  readonly guarded: boolean;
  readonly seed?: number;
}

interface Heard {
  readonly messages: string[];
  readonly faults: string[];
}

/**
 * What a codec for a byte stream must do, whatever the protocol: the same messages however the bytes are split; never
 * a message that was not sent; recovery after garbage, after a cut and after more than fits; bounded memory.
 * @returns what it failed to do, in sentences; empty where it conforms
 */
export function checkStreamCodec(suite: StreamCodecSuite): string[] {
  const failures: string[] = [];
  const expected = suite.samples.map((sample) => hear(suite, [sample]));
  expected.forEach((heard, i) => {
    if (heard.messages.length !== 1 || heard.faults.length > 0) failures.push(`sample ${i} alone gave ${describe(heard)}`);
  });
  const messages = expected.map((heard) => heard.messages[0] ?? '');
  checkSplits(suite, messages, failures);
  checkGarbage(suite, messages, failures);
  checkCuts(suite, messages, failures);
  checkOversize(suite, messages, failures);
  if (suite.guarded) checkFlips(suite, messages, failures);
  return failures;
}

function hear(suite: StreamCodecSuite, chunks: Iterable<Uint8Array>): Heard {
  const heard: Heard = { messages: [], faults: [] };
  const codec = suite.create(
    (message) => heard.messages.push(message),
    (code) => heard.faults.push(code),
  );
  for (const chunk of chunks) codec.feed(chunk);
  return heard;
}

const describe = (heard: Heard): string => `[${heard.messages.join(', ')}] with faults [${heard.faults.join(', ')}]`;

function join(parts: readonly Uint8Array[]): Uint8Array {
  const out = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    out.set(part, at);
    at += part.length;
  }
  return out;
}

/** Every message twice in a row, cut in two at every byte, and byte by byte. */
function checkSplits(suite: StreamCodecSuite, messages: readonly string[], failures: string[]): void {
  const stream = join([...suite.samples, ...suite.samples]);
  const wanted = [...messages, ...messages].join('|');
  const check = (what: string, chunks: Uint8Array[]): void => {
    const heard = hear(suite, chunks);
    if (heard.messages.join('|') !== wanted || heard.faults.length > 0) failures.push(`${what} gave ${describe(heard)}`);
  };
  for (let at = 0; at <= stream.length; at += 1) check(`split at byte ${at}`, [stream.subarray(0, at), stream.subarray(at)]);
  check(
    'byte by byte',
    Array.from(stream, (byte) => Uint8Array.of(byte)),
  );
}

/** Random bytes between messages: nothing made up, and the second message behind them is heard at the latest. */
function checkGarbage(suite: StreamCodecSuite, messages: readonly string[], failures: string[]): void {
  const random = new Random(suite.seed ?? 1);
  for (let round = 0; round < 200; round += 1) {
    const i = random.below(suite.samples.length);
    const garbage = Uint8Array.from({ length: 1 + random.below(40) }, () => random.below(256));
    const sample = suite.samples[i] as Uint8Array;
    const heard = hear(suite, [garbage, sample, sample]);
    if (heard.messages.at(-1) !== messages[i])
      failures.push(`after garbage ${[...garbage]} sample ${i} was not heard: ${describe(heard)}`);
    if (heard.messages.some((m) => !messages.includes(m))) failures.push(`garbage ${[...garbage]} made up ${describe(heard)}`);
    if (heard.faults.length === 0 && heard.messages.length !== 2)
      failures.push(`garbage ${[...garbage]} was lost without a fault`);
  }
}

/** Each message cut short at every byte, with two whole ones behind. */
function checkCuts(suite: StreamCodecSuite, messages: readonly string[], failures: string[]): void {
  suite.samples.forEach((sample, i) => {
    const next = (i + 1) % suite.samples.length;
    const whole = suite.samples[next] as Uint8Array;
    const filler = Array.from({ length: 2 + Math.ceil(sample.length / whole.length) }, () => whole);
    for (let at = 1; at < sample.length; at += 1) {
      const heard = hear(suite, [sample.subarray(0, at), ...filler]);
      if (heard.messages.at(-1) !== messages[next])
        failures.push(`sample ${i} cut at ${at} hid what followed: ${describe(heard)}`);
      if (heard.messages.some((m) => m !== messages[next])) failures.push(`sample ${i} cut at ${at} made up ${describe(heard)}`);
    }
  });
}

function checkOversize(suite: StreamCodecSuite, messages: readonly string[], failures: string[]): void {
  for (const byte of [0x20, 0x41, 0x00, 0xff, ...new Set(suite.samples.map((s) => s[0] as number))]) {
    let most = 0;
    const heard: Heard = { messages: [], faults: [] };
    const codec = suite.create(
      (message) => heard.messages.push(message),
      (code) => heard.faults.push(code),
    );
    for (let fed = 0; fed < 3 * suite.maxBytes; fed += 1000) {
      codec.feed(new Uint8Array(1000).fill(byte));
      most = Math.max(most, codec.buffered);
    }
    if (most > suite.maxBytes) failures.push(`endless ${byte} was kept: ${most} bytes of at most ${suite.maxBytes}`);
    if (heard.faults.length === 0) failures.push(`endless ${byte} was no fault`);
    const sample = suite.samples[0] as Uint8Array;
    codec.feed(sample);
    codec.feed(sample);
    if (heard.messages.at(-1) !== messages[0]) failures.push(`after endless ${byte} nothing was heard`);
  }
}

/** Every bit of every message turned over: never another message. */
function checkFlips(suite: StreamCodecSuite, messages: readonly string[], failures: string[]): void {
  suite.samples.forEach((sample, i) => {
    for (let bit = 0; bit < 8 * sample.length; bit += 1) {
      const flipped = sample.slice();
      flipped[bit >> 3] = (flipped[bit >> 3] as number) ^ (1 << (bit & 7));
      const heard = hear(suite, [flipped, sample, sample]);
      if (heard.messages.some((m) => m !== messages[i]))
        failures.push(`sample ${i} with bit ${bit} flipped gave ${describe(heard)}`);
    }
  });
}
