import { data } from 'dcmjs';
import { groupOf, tagText } from './elements.js';

/** What PS3.6 says of an attribute. */
export interface Attribute {
  /** `US` where the standard leaves US or SS open, `OW` where OB or OW. */
  readonly vr: string;
  /** `PatientName`; `RETIRED_…` for retired attributes. */
  readonly keyword: string;
  /** Most values that it may have (VM); Infinity where there is no limit. */
  readonly most: number;
}

/** Open VRs of the dictionary as the one that has the same bytes. */
const OPEN_VRS: Readonly<Record<string, string>> = { xs: 'US', ox: 'OW', lt: 'OW', up: 'UL', na: 'UN' };

/** Groups that repeat: one row of PS3.6 for 128 groups (5000–50FF, 6000–60FF). */
const REPEATING: Readonly<Record<number, string>> = { 80: '5000-50FF', 96: '6000-60FF' };

/** An attribute of the standard; undefined for private tags and for what PS3.6 does not list. */
export function attributeOf(tag: number): Attribute | undefined {
  const text = tagText(tag);
  const repeating = REPEATING[groupOf(tag) >>> 8];
  const { dictionary } = data.DicomMetaDictionary;
  const entry = dictionary[repeating === undefined ? text : `(${repeating},${text.slice(6)}`];
  if (entry === undefined || !String(entry.version).startsWith('DICOM') || typeof entry.vr !== 'string') return undefined;
  return { vr: OPEN_VRS[entry.vr] ?? entry.vr, keyword: entry.name, most: mostOf(entry.vm) };
}

/** `1`, `1-3`, `2-2n`: the last number, unless an n follows it. */
function mostOf(vm: string): number {
  const last = /^(?:\d+-)?(\d+)$/.exec(vm);
  return last === null ? Number.POSITIVE_INFINITY : Number(last[1]);
}
