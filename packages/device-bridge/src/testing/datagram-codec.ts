import { isNavError } from '@trocar/core';

/** What {@link checkDatagramCodec} needs to know. */
export interface DatagramCodecSuite {
  /**
   * Decodes one datagram into text that is the same only for the same content.
   * @throws NavError to refuse it
   */
  decode(bytes: Uint8Array): string;
  /** Complete, valid datagrams; at least two. */
  readonly samples: readonly Uint8Array[];
  /** Whether a datagram that is cut short may be a shorter valid one, as lines of text are. Default false. */
  readonly cutsMayStand?: boolean;
}

/** Values that a damaged byte becomes, beside its own with each bit turned over. */
const EDGES = [0x00, 0x20, 0x2d, 0x30, 0x7f, 0x80, 0xff];
/** No datagram takes this long unless it hangs, ms. */
const HANG_MS = 1000;

/**
 * What a codec for datagrams must do, whatever the protocol: read every sample; refuse it cut at every byte; refuse or
 * read it with any byte changed, by a code and never by another throw, soon, and without harm to what it reads next.
 * @returns what it failed to do, in sentences; empty where it conforms
 */
export function checkDatagramCodec(suite: DatagramCodecSuite): string[] {
  const failures: string[] = [];
  const whole = suite.samples.map((sample, i) => {
    const outcome = attempt(suite, sample);
    if (outcome.refused !== undefined) failures.push(`sample ${i} was refused: ${outcome.refused}`);
    return outcome.text;
  });
  suite.samples.forEach((sample, i) => {
    checkCuts(suite, sample, i, failures);
    checkMutations(suite, sample, i, failures);
    if (attempt(suite, sample).text !== whole[i]) failures.push(`sample ${i} reads otherwise after damaged ones`);
  });
  return failures;
}

interface Outcome {
  readonly text?: string;
  readonly refused?: string;
  readonly failure?: string;
}

function attempt(suite: DatagramCodecSuite, bytes: Uint8Array): Outcome {
  const from = performance.now();
  let outcome: Outcome;
  try {
    outcome = { text: suite.decode(bytes) };
  } catch (error) {
    outcome = isNavError(error) ? { refused: error.code } : { refused: String(error), failure: `threw ${String(error)}` };
  }
  return performance.now() - from > HANG_MS ? { ...outcome, failure: 'hung' } : outcome;
}

function checkCuts(suite: DatagramCodecSuite, sample: Uint8Array, i: number, failures: string[]): void {
  for (let at = 0; at < sample.length; at += 1) {
    const outcome = attempt(suite, sample.slice(0, at));
    if (outcome.failure !== undefined) failures.push(`sample ${i} cut at ${at} ${outcome.failure}`);
    if (outcome.text !== undefined && suite.cutsMayStand !== true)
      failures.push(`sample ${i} cut at ${at} was read: ${outcome.text}`);
  }
}

function checkMutations(suite: DatagramCodecSuite, sample: Uint8Array, i: number, failures: string[]): void {
  for (let at = 0; at < sample.length; at += 1) {
    const own = sample[at] as number;
    const values = new Set([...EDGES, ...Array.from({ length: 8 }, (_, bit) => own ^ (1 << bit))]);
    for (const value of values) {
      const damaged = sample.slice();
      damaged[at] = value;
      const { failure } = attempt(suite, damaged);
      if (failure !== undefined) failures.push(`sample ${i} with byte ${at} = ${value} ${failure}`);
    }
  }
}
