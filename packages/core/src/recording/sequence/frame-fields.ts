import { NavError } from '../../base/index.js';
import type { Status } from '../../frames/index.js';
import { fieldValue, type SequenceField, type SequenceFrame, type SequenceTransform } from './sequence.js';

/** PLUS's words for what it thinks of a transform, without case and underscores. */
const WORDS: Readonly<Record<string, Status>> = {
  OK: 'ok',
  INVALID: 'missing',
  MISSING: 'missing',
  OUTOFVIEW: 'missing',
  REQTIMEOUT: 'missing',
  REQUESTTIMEOUT: 'missing',
  PATHNOTFOUND: 'missing',
  OUTOFVOLUME: 'outOfVolume',
  PARTIALLYOUTOFVOLUME: 'outOfVolume',
};

const corrupt = (name: string, what: string): NavError => new NavError('sequence/corrupt', `${name}: ${what}.`);

/**
 * The frames of a sequence from the fields that its header has of them.
 * @param known fields by the frame's number, without `Seq_FrameNNNN_`
 * @param count how many frames the header says there are
 * @throws NavError `sequence/corrupt`
 */
export function framesOf(known: ReadonlyMap<number, readonly SequenceField[]>, count: number, name: string): SequenceFrame[] {
  for (const number of known.keys()) {
    if (number >= count) throw corrupt(name, `it has fields of frame ${number}, and DimSize says that there are ${count}`);
  }
  if (known.size > 0 && known.size !== count)
    throw corrupt(name, `it has fields of ${known.size} frames, and DimSize says ${count}`);
  const frames: SequenceFrame[] = [];
  for (let i = 0; i < count; i += 1) frames.push(frameOf(known.get(i) ?? [], i, name));
  return frames;
}

function frameOf(fields: readonly SequenceField[], number: number, name: string): SequenceFrame {
  const seconds = (key: string): number => {
    const text = fieldValue(fields, key);
    if (text === undefined) return Number.NaN;
    const value = toNumber(text);
    if (!Number.isFinite(value)) throw corrupt(name, `frame ${number} has the ${key} "${text.slice(0, 40)}"`);
    return value;
  };
  const frameNumber = Number(fieldValue(fields, 'FrameNumber') ?? 0);
  return {
    fields,
    timestamp: seconds('Timestamp'),
    unfilteredTimestamp: seconds('UnfilteredTimestamp'),
    frameNumber: Number.isInteger(frameNumber) && frameNumber >= 0 && frameNumber <= 0xffffffff ? frameNumber : 0,
    transforms: fields.filter((f) => f.key.endsWith('Transform')).map((f) => transformOf(f, fields, number, name)),
    imageStatus: fieldValue(fields, 'ImageStatus') ?? fieldValue(fields, 'Status') ?? '',
  };
}

const toNumber = (text: string): number => (/^[+-]?(\d|\.\d)/.test(text) && !/^[+-]?0x/i.test(text) ? Number(text) : Number.NaN);

/** Row by row in the file, column by column here. */
function transformOf(field: SequenceField, fields: readonly SequenceField[], number: number, name: string): SequenceTransform {
  const values = field.value.trim().split(/\s+/).map(toNumber);
  if (values.length !== 16 || values.some((v) => Number.isNaN(v))) {
    throw corrupt(name, `frame ${number} has a ${field.key} of other than 16 numbers`);
  }
  const matrix = new Float64Array(16);
  for (let r = 0; r < 4; r += 1) for (let c = 0; c < 4; c += 1) matrix[4 * c + r] = values[4 * r + c] as number;
  const said = fieldValue(fields, `${field.key}Status`);
  const status = said === undefined ? 'unknown' : statusOfWord(said);
  return { name: field.key.slice(0, -'Transform'.length), matrix, status };
}

/** `unknown` for words that say something else of the tool than whether it was seen: a pressed button. */
function statusOfWord(word: string): Status {
  const plain = word.toUpperCase().replaceAll('_', '').replace(/^TOOL/, '');
  return Object.hasOwn(WORDS, plain) ? (WORDS[plain] as Status) : 'unknown';
}
