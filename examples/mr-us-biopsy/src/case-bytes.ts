import { packVolume, unpackVolume } from '../../suite/src/volume-bytes.js';
import { type BiopsyCase, type ImportOptions, importCase } from './case.js';
import { MR } from './frames.js';

/** The files of a packed case, for a person who waits. */
export const CASE_FILES = ['mr', 'lesions', 'names'] as const;

/** A case as three files, from this example's server to its page: MR, label map, and what its lesions are called. */
export function packCase({ mr, labels, lesions }: BiopsyCase): Uint8Array[] {
  const named = Object.fromEntries(lesions.map(({ label, name, weight }) => [label, { name, suspicion: 5 * weight }]));
  return [packVolume(mr), packVolume(labels), new TextEncoder().encode(JSON.stringify(named))];
}

/** What {@link packCase} packed. @throws NavError as {@link importCase} */
export function unpackCase([mr, labels, named]: readonly Uint8Array[]): BiopsyCase {
  const lesions = JSON.parse(new TextDecoder().decode(named)) as NonNullable<ImportOptions['lesions']>;
  return importCase(unpackVolume(MR, mr as Uint8Array), unpackVolume(MR, labels as Uint8Array), { lesions });
}
