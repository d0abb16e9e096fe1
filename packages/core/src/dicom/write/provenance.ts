import { type DataSet, textOf } from '../../io/dicom/dataset.js';
import type { Dataset } from './part10.js';

/** How a result came to be, and who answers for it. */
export interface ResultProvenance {
  /** What the method is called: `paired-points`, `elastix-bspline`. */
  readonly method: string;
  readonly version: string;
  /** A hash of what went in, such as `sha256:…`. */
  readonly inputs?: string | undefined;
  /** ISO 8601 with an offset: when the result was made. */
  readonly createdAt: string;
  /** The person who accepted it; absent is written as not accepted. */
  readonly acceptedBy?: { readonly name: string; readonly at: string } | undefined;
}

/**
 * Trocar's private block (PS3.5, 7.8): group 0077, creator `TROCAR 1`. It repeats, for programs, what Contributing Equipment
 * and comments say for people, and carries what the standard has no attribute for. A reader that does not know it loses no
 * geometry.
 */
export const PRIVATE_CREATOR: string = 'TROCAR 1';
const GROUP = '0077';

/** Elements of the private block, by their last byte. */
export const PRIVATE: Readonly<Record<'provenance' | 'covariance' | 'degreesOfFreedom' | 'treBound', string>> = {
  /** LT: the provenance as JSON. */
  provenance: '01',
  /** FD, 36: covariance of a registration, row-major, (ρ mm, φ rad) about the origin of the frame mapped into. */
  covariance: '10',
  /** FD, 1: degrees of freedom behind it; absent is infinitely many. */
  degreesOfFreedom: '11',
  /** FD, 5: x, y, z of a target in the frame mapped into, mm; the TRE's bound there, mm; its probability. */
  treBound: '12',
};

/** Elements of the block, with its creator. */
export function privateBlock(
  elements: Readonly<Record<string, { vr: string; value: string | readonly number[] } | undefined>>,
): Dataset {
  const block: Record<string, Dataset[string]> = { [`${GROUP}0010`]: { vr: 'LO', value: PRIVATE_CREATOR } };
  for (const [last, element] of Object.entries(elements)) if (element !== undefined) block[`${GROUP}10${last}`] = element;
  return block;
}

/** The provenance, for programs. */
export function provenanceBlock(provenance: ResultProvenance): Dataset {
  return privateBlock({ [PRIVATE.provenance]: { vr: 'LT', value: JSON.stringify(provenance) } });
}

/** The provenance in words, at most 1024 characters. */
export function provenanceText(provenance: ResultProvenance): string {
  const { method, version, inputs, createdAt, acceptedBy } = provenance;
  return [
    `Method ${method}, version ${version}.`,
    `Inputs: ${inputs ?? 'not recorded'}.`,
    `Made ${createdAt}.`,
    acceptedBy === undefined ? 'Not accepted by a person.' : `Accepted ${acceptedBy.at}.`,
  ].join(' ');
}

/** The tag of a private element in a data set that has our block, wherever the block stands; undefined without it. */
function privateTag(dataset: DataSet, last: string): string | undefined {
  for (let block = 0x10; block <= 0xff; block += 1) {
    const hex = block.toString(16).padStart(2, '0');
    if (dataset.string(`x${GROUP}00${hex}`) === PRIVATE_CREATOR) return `x${GROUP}${hex}${last}`;
  }
  return undefined;
}

/** The doubles of a private element; undefined where it is absent or of another length. */
export function privateDoubles(dataset: DataSet, last: string, count: number): Float64Array | undefined {
  const tag = privateTag(dataset, last);
  const element = tag === undefined ? undefined : dataset.elements[tag];
  if (tag === undefined || element === undefined || element.length !== 8 * count) return undefined;
  return Float64Array.from({ length: count }, (_, n) => dataset.double(tag, n) as number);
}

/** The provenance of an object of ours; undefined for others'. Nothing of it is trusted beyond its being text. */
export function provenanceOf(dataset: DataSet): ResultProvenance | undefined {
  const tag = privateTag(dataset, PRIVATE.provenance);
  const text = tag === undefined ? undefined : textOf(dataset, tag, ['ISO_IR 192']);
  if (text === undefined) return undefined;
  try {
    const value = JSON.parse(text) as Partial<Record<string, unknown>>;
    const legal = ['method', 'version', 'createdAt'].every((key) => typeof value[key] === 'string');
    return legal ? (value as unknown as ResultProvenance) : undefined;
  } catch {
    return undefined;
  }
}
