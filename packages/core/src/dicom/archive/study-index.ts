import { charsetOf, codeOf, type DicomFile, numbersOf, textOf } from '../../io/dicom/dataset.js';
import type { ObjectIdentity } from './identity.js';
import { isUid } from './options.js';

/** An instance that is kept, and what is known of it without reading it. What its file does not say is absent. */
export interface KeptInstance extends ObjectIdentity {
  /** SHA-256 of the file, 64 small hexadecimal digits. */
  readonly sha256: string;
  readonly bytes: number;
  readonly patientName?: string;
  readonly patientId?: string;
  /** YYYYMMDD. */
  readonly studyDate?: string;
  readonly studyDescription?: string;
  readonly modality?: string;
  readonly seriesDescription?: string;
  readonly seriesNumber?: number;
  readonly instanceNumber?: number;
}

/** The index of one series. */
export interface SeriesIndex {
  readonly instances: readonly KeptInstance[];
  /** All SOP Instance UIDs of the series, where it is known that these are all. */
  readonly complete?: readonly string[];
}

const VERSION = 1;

/** What the index keeps of a file. */
export function keptInstance(file: DicomFile, identity: ObjectIdentity, sha256: string, bytes: number): KeptInstance {
  const { dataset } = file;
  const charset = charsetOf(dataset);
  const facts = {
    patientName: textOf(dataset, 'x00100010', charset),
    patientId: textOf(dataset, 'x00100020', charset),
    studyDate: codeOf(dataset, 'x00080020'),
    studyDescription: textOf(dataset, 'x00081030', charset),
    modality: codeOf(dataset, 'x00080060'),
    seriesDescription: textOf(dataset, 'x0008103e', charset),
    seriesNumber: numbersOf(dataset, 'x00200011', 1)?.[0],
    instanceNumber: numbersOf(dataset, 'x00200013', 1)?.[0],
  };
  const known = Object.fromEntries(Object.entries(facts).filter(([, value]) => value !== undefined));
  return { ...identity, ...known, sha256, bytes };
}

/** The index as a file. */
export function encodeIndex(index: SeriesIndex): Uint8Array {
  return new TextEncoder().encode(`${JSON.stringify({ version: VERSION, ...index })}\n`);
}

/** An index, or undefined where the file is none, damaged or from another version: it is then made anew from the instances. */
export function decodeIndex(bytes: Uint8Array): SeriesIndex | undefined {
  try {
    const json = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes)) as Record<string, unknown>;
    const { version, instances, complete } = json;
    if (version !== VERSION || !Array.isArray(instances) || !instances.every(isKept)) return undefined;
    const all = Array.isArray(complete) && complete.every((uid) => typeof uid === 'string' && isUid(uid));
    return { instances, ...(all && { complete: complete as string[] }) };
  } catch {
    return undefined;
  }
}

function isKept(one: unknown): one is KeptInstance {
  const { studyUid, seriesUid, sopInstanceUid, sopClassUid, transferSyntax, sha256, bytes } = (one ??
    {}) as Partial<KeptInstance>;
  const uids = [studyUid, seriesUid, sopInstanceUid, sopClassUid, transferSyntax];
  return (
    uids.every((uid) => typeof uid === 'string' && isUid(uid)) && /^[0-9a-f]{64}$/.test(sha256 ?? '') && Number.isInteger(bytes)
  );
}
