import { NavError } from '../../base/index.js';
import { isDicom } from '../../io/dicom/dataset.js';
import { badAnswer } from './errors.js';
import { type Attributes, parseDicomJson } from './json.js';
import { mediaTypeOf, type Part, parameterOf, readParts } from './multipart.js';
import { type ArchiveSettings, bad, isUid, requireUid } from './options.js';
import { exchange, send } from './transport.js';

/**
 * In which transfer syntax instances are to come: as the archive keeps them; uncompressed (explicit VR little endian); or in the one with
 * this UID. An archive that cannot answer so refuses (406, or its own failure).
 */
export type WantedSyntax = 'as-stored' | 'uncompressed' | (string & {});

/** What instances to retrieve: one, all of a series, or all of a study. */
export interface RetrieveTarget {
  readonly studyUid: string;
  readonly seriesUid?: string;
  /** Needs `seriesUid`. */
  readonly sopInstanceUid?: string;
}

/** How to retrieve. */
export interface RetrieveOptions {
  /** Default `as-stored`. */
  readonly syntax?: WantedSyntax;
  readonly signal?: AbortSignal;
}

/** An instance that has come whole: a DICOM file (PS3.10), its own copy. */
export interface RetrievedInstance {
  readonly bytes: Uint8Array;
}

const JSON_TYPE = 'application/dicom+json';
/** PS3.5, A.2. */
const EXPLICIT_LITTLE = '1.2.840.10008.1.2.1';

/** The path of a target below the root. @throws NavError `archive/bad-option` */
export function pathOf(target: RetrieveTarget): string {
  const study = `/studies/${requireUid(target.studyUid, 'studyUid')}`;
  if (target.seriesUid === undefined) {
    if (target.sopInstanceUid !== undefined) throw bad('sopInstanceUid needs its seriesUid');
    return study;
  }
  const series = `${study}/series/${requireUid(target.seriesUid, 'seriesUid')}`;
  return target.sopInstanceUid === undefined
    ? series
    : `${series}/instances/${requireUid(target.sopInstanceUid, 'sopInstanceUid')}`;
}

/** The value of `transfer-syntax` in Accept (PS3.18, 8.7.3.5.2). @throws NavError `archive/bad-option` */
function syntaxParameter(syntax: WantedSyntax): string {
  if (syntax === 'as-stored') return '*';
  const uid = syntax === 'uncompressed' ? EXPLICIT_LITTLE : syntax;
  if (!isUid(uid)) throw bad('syntax is neither as-stored, uncompressed nor the UID of a transfer syntax');
  return uid;
}

/**
 * Instances as one multipart answer, each handed out as soon as its last byte has come. What was handed out is whole; a fault in what
 * follows is thrown then, and not repeated here: the caller knows what is missing.
 * @throws NavError `archive/…`
 */
export async function* retrieveInstances(
  settings: ArchiveSettings,
  target: RetrieveTarget,
  options: RetrieveOptions = {},
): AsyncGenerator<RetrievedInstance, void, undefined> {
  const { syntax = 'as-stored', signal } = options;
  const accept = `multipart/related; type="application/dicom"; transfer-syntax=${syntaxParameter(syntax)}`;
  const answer = await send(settings, { method: 'GET', path: pathOf(target), accept, signal });
  for await (const part of readParts(answer.pieces(), answer.contentType, answer.where)) {
    if (!isDicom(part.bytes)) throw badAnswer(answer.where, 'a part is no DICOM file');
    yield { bytes: part.bytes };
  }
}

/**
 * The one instance. Tried again where it is cut.
 * @throws NavError `archive/…`; `archive/bad-answer` where none or several come
 */
export async function retrieveInstance(
  settings: ArchiveSettings,
  target: Required<RetrieveTarget>,
  options: RetrieveOptions = {},
): Promise<RetrievedInstance> {
  const { syntax = 'as-stored', signal } = options;
  const accept = `multipart/related; type="application/dicom"; transfer-syntax=${syntaxParameter(syntax)}`;
  return exchange(settings, { method: 'GET', path: pathOf(target), accept, signal }, async (answer) => {
    const all: Part[] = [];
    for await (const part of readParts(answer.pieces(), answer.contentType, answer.where)) all.push(part);
    const [only] = all;
    if (only === undefined || all.length > 1)
      throw badAnswer(answer.where, `${all.length} instances came where one was asked for`);
    if (!isDicom(only.bytes)) throw badAnswer(answer.where, 'the answer holds no DICOM file');
    return { bytes: only.bytes };
  });
}

/** The pixels of one frame. */
export interface RetrievedFrame {
  /** From 1, as DICOM counts. */
  readonly number: number;
  /** Little endian words where the media type is `application/octet-stream`; else a code stream of that type. */
  readonly bytes: Uint8Array;
  readonly mediaType: string;
  /** The transfer syntax, where the archive says. */
  readonly transferSyntax?: string;
}

/**
 * The pixels of frames without their headers (PS3.18, 10.4.1.1.6), in the order asked for.
 * @param frames numbers from 1
 * @throws NavError `archive/…`
 */
export async function retrieveFrames(
  settings: ArchiveSettings,
  target: Required<RetrieveTarget>,
  frames: readonly number[],
  options: RetrieveOptions = {},
): Promise<readonly RetrievedFrame[]> {
  if (frames.length === 0 || !frames.every((n) => Number.isInteger(n) && n >= 1))
    throw bad('frames are to be whole numbers from 1');
  const { syntax = 'uncompressed', signal } = options;
  const accept = `multipart/related; type="application/octet-stream"; transfer-syntax=${syntaxParameter(syntax)}`;
  const path = `${pathOf(target)}/frames/${frames.join(',')}`;
  return exchange(settings, { method: 'GET', path, accept, signal }, async (answer) => {
    const all: Part[] = [];
    for await (const part of readParts(answer.pieces(), answer.contentType, answer.where)) all.push(part);
    if (all.length !== frames.length)
      throw badAnswer(answer.where, `${all.length} frames came where ${frames.length} were asked for`);
    return all.map((part, n) => {
      const transferSyntax = parameterOf(part.contentType, 'transfer-syntax');
      return {
        number: frames[n] as number,
        bytes: part.bytes,
        mediaType: mediaTypeOf(part.contentType) || 'application/octet-stream',
        ...(transferSyntax !== undefined && { transferSyntax }),
      };
    });
  });
}

/**
 * The attributes of every instance, without pixels (PS3.18, 10.4.1.1.2).
 * @throws NavError `archive/…`; `archive/bad-answer` where an instance of another series comes
 */
export async function retrieveMetadata(
  settings: ArchiveSettings,
  target: RetrieveTarget,
  signal?: AbortSignal,
): Promise<readonly Attributes[]> {
  const path = `${pathOf(target)}/metadata`;
  return exchange(settings, { method: 'GET', path, accept: JSON_TYPE, signal }, async (answer) => {
    const list = answer.status === 204 ? [] : parseDicomJson(await answer.bytes(), answer.where);
    if (list.length === 0) throw new NavError('archive/not-found', `${answer.where}: the archive has no instances there.`);
    for (const one of list) requireTarget(one, target, answer.where);
    return list;
  });
}

function requireTarget(one: Attributes, target: RetrieveTarget, where: string): void {
  const asked = [
    ['0020000D', target.studyUid],
    ['0020000E', target.seriesUid],
    ['00080018', target.sopInstanceUid],
  ] as const;
  for (const [tag, uid] of asked) {
    if (uid !== undefined && one.text(tag) !== uid) throw badAnswer(where, 'an instance of another study or series came');
  }
}
