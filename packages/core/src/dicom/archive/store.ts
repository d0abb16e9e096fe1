import { badAnswer } from './errors.js';
import { identified, type ObjectIdentity } from './identity.js';
import { type Attributes, parseDicomJson } from './json.js';
import { type ArchiveSettings, bad, requireUid } from './options.js';
import { type StoreReason, storeReason } from './store-reasons.js';
import { type ArchiveAnswer, send } from './transport.js';

/** What became of one object. `unknown`: the archive answered but said nothing of it; look there whether it has it. */
export interface StoreOutcome {
  readonly identity: ObjectIdentity;
  readonly outcome: 'stored' | 'stored-changed' | 'refused' | 'unknown';
  /** Why it was refused, or what was changed, where the archive says. */
  readonly reason?: StoreReason;
}

/** How to store. */
export interface StoreOptions {
  /** Only objects of this study are sent; the archive refuses others. Default any. */
  readonly studyUid?: string;
  /** Objects go in requests of about so many bytes. Default 32 MiB. */
  readonly batchBytes?: number;
  readonly signal?: AbortSignal;
  /** Called with the fraction of bytes that were answered for, 0 to 1. */
  readonly progress?: (fraction: number) => void;
}

interface Outgoing {
  readonly bytes: Uint8Array;
  readonly identity: ObjectIdentity;
}

/**
 * Sends DICOM objects (PS3.18, 10.5), in their order, and says of each what became of it. All are parsed first: nothing goes out where one
 * of them is damaged. A request whose answer did not come is not sent again by itself; the archive may have taken it. `WriteQueue` asks.
 * @param objects DICOM files (PS3.10)
 * @throws NavError `archive/…` where a whole request fails, `dicom/…`, `io/corrupt`
 */
export async function storeObjects(
  settings: ArchiveSettings,
  objects: readonly Uint8Array[],
  options: StoreOptions = {},
): Promise<readonly StoreOutcome[]> {
  const { batchBytes = 32 * 1024 * 1024, progress = () => {} } = options;
  if (!(batchBytes > 0)) throw bad('batchBytes is no count');
  const outgoing: Outgoing[] = [];
  for (const [n, bytes] of objects.entries()) {
    const { identity } = await identified(`object ${n + 1} of ${objects.length}`, bytes);
    if (options.studyUid !== undefined && identity.studyUid !== options.studyUid)
      throw bad(`object ${n + 1} belongs to another study`);
    outgoing.push({ bytes, identity });
  }
  const total = outgoing.reduce((sum, { bytes }) => sum + bytes.length, 0);
  const outcomes: StoreOutcome[] = [];
  for (let [from, done] = [0, 0]; from < outgoing.length; ) {
    const batch = batchFrom(outgoing, from, batchBytes);
    outcomes.push(...(await storeBatch(settings, batch, options)));
    from += batch.length;
    done += batch.reduce((sum, { bytes }) => sum + bytes.length, 0);
    progress(done / total);
  }
  return outcomes;
}

function batchFrom(outgoing: readonly Outgoing[], from: number, most: number): readonly Outgoing[] {
  let to = from;
  for (let bytes = 0; to < outgoing.length; to += 1) {
    bytes += (outgoing[to] as Outgoing).bytes.length;
    if (bytes > most && to > from) break;
  }
  return outgoing.slice(from, to);
}

async function storeBatch(settings: ArchiveSettings, batch: readonly Outgoing[], options: StoreOptions): Promise<StoreOutcome[]> {
  const boundary = `trocar-${crypto.randomUUID()}`;
  const path = options.studyUid === undefined ? '/studies' : `/studies/${requireUid(options.studyUid, 'studyUid')}`;
  const answer = await send(settings, {
    method: 'POST',
    path,
    accept: 'application/dicom+json',
    contentType: `multipart/related; type="application/dicom"; boundary=${boundary}`,
    body: multipartBody(batch, boundary),
    signal: options.signal,
    retries: 0,
    // 409: none was stored, and the body says why.
    allowed: [409],
  });
  return outcomesOf(batch, await toldBy(answer));
}

/** A body in pieces, none of them copied together here. */
function multipartBody(batch: readonly Outgoing[], boundary: string): Blob {
  const parts = batch.flatMap(({ bytes }) => [
    `--${boundary}\r\nContent-Type: application/dicom\r\n\r\n`,
    bytes as Uint8Array<ArrayBuffer>,
    '\r\n',
  ]);
  return new Blob([...parts, `--${boundary}--\r\n`]);
}

/** What the archive says; where its answer cannot be read, that the objects' fate is not known. */
async function toldBy(answer: ArchiveAnswer): Promise<Attributes> {
  const bytes = await answer.bytes();
  if (bytes.length === 0) throw badAnswer(answer.where, 'the archive does not say what became of the objects');
  const [told] = parseDicomJson(bytes, answer.where);
  if (told === undefined) throw badAnswer(answer.where, 'the archive does not say what became of the objects');
  return told;
}

function outcomesOf(batch: readonly Outgoing[], told: Attributes): StoreOutcome[] {
  const stored = bySopInstance(told.items('00081199'));
  const failed = bySopInstance([...told.items('00081198'), ...told.items('0008119A')]);
  return batch.map(({ identity }) => {
    const failure = failed.get(identity.sopInstanceUid);
    if (failure !== undefined) {
      const code = failure.number('00081197');
      return { identity, outcome: 'refused', ...(code !== undefined && { reason: storeReason(code) }) };
    }
    const success = stored.get(identity.sopInstanceUid);
    if (success === undefined) return { identity, outcome: 'unknown' };
    const warning = success.number('00081196');
    if (warning === undefined || warning === 0) return { identity, outcome: 'stored' };
    return { identity, outcome: 'stored-changed', reason: storeReason(warning) };
  });
}

function bySopInstance(items: readonly Attributes[]): ReadonlyMap<string, Attributes> {
  return new Map(
    items.flatMap((item) => {
      const uid = item.text('00081155');
      return uid === undefined ? [] : [[uid, item] as const];
    }),
  );
}
