/** A palette in segments (PS3.3, C.7.9.2): runs of entries, straight lines between entries, and repeats of earlier segments. */
const DISCRETE = 0;
const LINEAR = 1;
const INDIRECT = 2;

interface Expansion {
  /** The segments' numbers, each of `bits` bits. */
  readonly data: readonly number[];
  readonly bits: 8 | 16;
  /** Entries that the palette is to have: no more are made of segments that claim more. */
  readonly count: number;
  readonly entries: number[];
}

/**
 * The entries of a palette that is stored in segments.
 * @param data the element's numbers, of `bits` bits each
 * @param count entries that its descriptor states
 * @returns as many entries, of `bits` bits; or what is wrong with the segments, as the end of a sentence
 */
export function expandSegments(data: readonly number[], bits: 8 | 16, count: number): number[] | string {
  const to: Expansion = { data, bits, count, entries: [] };
  // A lone number behind the last segment is padding to an even length.
  for (let at = 0; at + 1 < data.length && to.entries.length < count; ) {
    const next = data[at] === INDIRECT ? repeat(to, at) : expandOne(to, at);
    if (typeof next === 'string') return next;
    at = next;
  }
  return to.entries.length === count ? to.entries : `make ${to.entries.length} entries of ${count}`;
}

/** Appends what the segment at `at` stands for; where the next one starts, or what is wrong. */
function expandOne({ data, count, entries }: Expansion, at: number): number | string {
  const [kind, length] = [data[at] as number, data[at + 1] as number];
  const end = at + 2 + (kind === LINEAR ? 1 : length);
  if (kind !== DISCRETE && kind !== LINEAR) return `have one of kind ${kind}, which is none`;
  if (end > data.length || entries.length + length > count) return 'are cut short, or longer than the palette';
  if (kind === DISCRETE) {
    for (let n = 0; n < length; n += 1) entries.push(data[at + 2 + n] as number);
    return end;
  }
  // A line starts from the entry before it, which is not repeated.
  const from = entries.at(-1);
  if (from === undefined) return 'start with a line, which has nothing to start from';
  const step = ((data[at + 2] as number) - from) / length;
  for (let n = 1; n <= length; n += 1) entries.push(Math.round(from + n * step));
  return end;
}

/** An indirect segment: so many segments from a byte of the same data on, which may be none that repeats others itself. */
function repeat(to: Expansion, at: number): number | string {
  const { data, bits } = to;
  const parts = bits === 8 ? 4 : 2;
  if (at + 2 + parts > data.length) return 'are cut short';
  let bytes = 0;
  for (let n = parts - 1; n >= 0; n -= 1) bytes = bytes * 2 ** bits + (data[at + 2 + n] as number);
  let from = bytes / (bits / 8);
  if (!Number.isInteger(from) || from >= at) return `repeat byte ${bytes}, where no earlier segment is`;
  for (let n = 0; n < (data[at + 1] as number); n += 1) {
    if (from >= at) return 'repeat more segments than there are before';
    const next = expandOne(to, from);
    if (typeof next === 'string') return next;
    from = next;
  }
  return at + 2 + parts;
}
