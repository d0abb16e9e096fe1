import { NavError } from '../../base/index.js';

/** Who a pseudonym is. */
export interface PseudonymPatient {
  readonly id: string;
  readonly issuer: string;
  readonly name: string;
  /** `19610203`, or ''. */
  readonly birthDate: string;
  readonly pseudonym: string;
  /** Days that the dates were moved, where they were kept modified: an original date is the file's date minus these. */
  readonly shiftDays: number;
}

/** An original UID and what stands for it. */
export interface PseudonymUid {
  readonly original: string;
  readonly pseudonym: string;
}

/** The way back from pseudonyms. */
export interface PseudonymTable {
  readonly patients: readonly PseudonymPatient[];
  readonly uids: readonly PseudonymUid[];
}

/** What a table is sealed with: words that a person knows, or at least 32 random bytes. */
export type SealingSecret = string | Uint8Array;

const FORMAT = 'trocar-pseudonyms';
const VERSION = 1;
/** PBKDF2-HMAC-SHA256 (RFC 8018): as many rounds as OWASP's Password Storage Cheat Sheet asks for. */
const ITERATIONS = 600_000;
/** More rounds than this in a file are an attempt to keep the program busy. */
const MOST_ITERATIONS = 10_000_000;
const SHORTEST_WORDS = 12;
const SHORTEST_KEY = 32;

interface Envelope {
  readonly format: typeof FORMAT;
  readonly version: typeof VERSION;
  /** `PBKDF2-SHA-256` from words, `HKDF-SHA-256` (RFC 5869) from a key. */
  readonly kdf: 'PBKDF2-SHA-256' | 'HKDF-SHA-256';
  /** Rounds of PBKDF2; 0 for HKDF. */
  readonly iterations: number;
  readonly salt: string;
  readonly cipher: 'AES-256-GCM';
  readonly iv: string;
  readonly data: string;
}

/**
 * A pseudonym table as encrypted bytes: JSON that tells how, around AES-256-GCM (NIST SP 800-38D) with a new salt and a new
 * initial vector each time. All that stands around the data is authenticated with it.
 * @throws NavError `privacy/bad-option` where the secret is too short
 */
export async function sealPseudonyms(table: PseudonymTable, secret: SealingSecret): Promise<Uint8Array> {
  requireSecret(secret);
  const byWords = typeof secret === 'string';
  const head: Omit<Envelope, 'data'> = {
    format: FORMAT,
    version: VERSION,
    kdf: byWords ? 'PBKDF2-SHA-256' : 'HKDF-SHA-256',
    iterations: byWords ? ITERATIONS : 0,
    salt: toBase64(crypto.getRandomValues(new Uint8Array(16))),
    cipher: 'AES-256-GCM',
    iv: toBase64(crypto.getRandomValues(new Uint8Array(12))),
  };
  const key = await sealingKey(secret, head);
  const plain = new TextEncoder().encode(JSON.stringify(table));
  const data = new Uint8Array(await crypto.subtle.encrypt(gcm(head), key, plain));
  return new TextEncoder().encode(`${JSON.stringify({ ...head, data: toBase64(data) })}\n`);
}

/**
 * The table from {@link sealPseudonyms}.
 * @throws NavError `privacy/bad-table` where the bytes are no sealed table; `privacy/wrong-key` where the secret is another one or
 * anything in the file was changed: which of the two cannot be told
 */
export async function openPseudonyms(sealed: Uint8Array, secret: SealingSecret): Promise<PseudonymTable> {
  requireSecret(secret);
  const envelope = parse(sealed);
  const { data, ...head } = envelope;
  if ((head.kdf === 'PBKDF2-SHA-256') !== (typeof secret === 'string'))
    throw wrongKey(`it was sealed with ${head.kdf === 'PBKDF2-SHA-256' ? 'words' : 'a key'}`);
  const key = await sealingKey(secret, head);
  try {
    const plain = await crypto.subtle.decrypt(gcm(head), key, fromBase64(data));
    return JSON.parse(new TextDecoder().decode(plain)) as PseudonymTable;
  } catch {
    throw wrongKey('the secret is another one, or the file was altered');
  }
}

/**
 * Two tables as one, as of a study that was de-identified in parts.
 * @throws NavError `privacy/other-pseudonym` where one patient or UID has two pseudonyms: they were made with different keys
 */
export function mergePseudonyms(a: PseudonymTable, b: PseudonymTable): PseudonymTable {
  const patients = new Map(a.patients.map((p) => [identityOf(p), p]));
  for (const p of b.patients) {
    const key = identityOf(p);
    const known = patients.get(key);
    if (known !== undefined && known.pseudonym !== p.pseudonym) throw other('A patient');
    if (known === undefined) patients.set(key, p);
  }
  const uids = new Map(a.uids.map((uid) => [uid.original, uid]));
  for (const uid of b.uids) {
    const known = uids.get(uid.original);
    if (known !== undefined && known.pseudonym !== uid.pseudonym) throw other('A UID');
    if (known === undefined) uids.set(uid.original, uid);
  }
  return { patients: [...patients.values()], uids: [...uids.values()] };
}

/** What tells patients apart, as in making pseudonyms; who has neither ID nor name is told by the pseudonym alone. */
function identityOf({ id, name, birthDate, pseudonym }: PseudonymPatient): string {
  if (id !== '') return JSON.stringify([id]);
  return JSON.stringify(name !== '' ? ['', name.toUpperCase(), birthDate] : ['', '', '', pseudonym]);
}

/** Who a pseudonym is; undefined where the table does not have it. */
export function patientOfPseudonym(table: PseudonymTable, pseudonym: string): PseudonymPatient | undefined {
  return table.patients.find((patient) => patient.pseudonym === pseudonym);
}

/** The UID that another stands for; undefined where the table does not have it. */
export function originalUid(table: PseudonymTable, pseudonym: string): string | undefined {
  return table.uids.find((uid) => uid.pseudonym === pseudonym)?.original;
}

async function sealingKey(
  secret: SealingSecret,
  { salt, iterations }: Pick<Envelope, 'salt' | 'iterations'>,
): Promise<CryptoKey> {
  const words = typeof secret === 'string';
  const raw = words ? new TextEncoder().encode(secret.normalize('NFC')) : (secret as Uint8Array<ArrayBuffer>);
  const base = await crypto.subtle.importKey('raw', raw, words ? 'PBKDF2' : 'HKDF', false, ['deriveKey']);
  const common = { hash: 'SHA-256', salt: fromBase64(salt) };
  const info = new TextEncoder().encode(`${FORMAT} ${VERSION}`);
  const how = words ? { name: 'PBKDF2', iterations, ...common } : { name: 'HKDF', info, ...common };
  return crypto.subtle.deriveKey(how, base, { name: 'AES-GCM', length: 256 }, false, ['encrypt', 'decrypt']);
}

function gcm(head: Omit<Envelope, 'data'>): AesGcmParams {
  return {
    name: 'AES-GCM',
    iv: fromBase64(head.iv),
    additionalData: new TextEncoder().encode(JSON.stringify(head)),
    tagLength: 128,
  };
}

function parse(sealed: Uint8Array): Envelope {
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(sealed));
  } catch {
    value = undefined;
  }
  const { format, version, kdf, iterations, salt, cipher, iv, data } = (value ?? {}) as Partial<Envelope>;
  const isWords = kdf === 'PBKDF2-SHA-256';
  const rounds = typeof iterations === 'number' && Number.isInteger(iterations) ? iterations : -1;
  const legal =
    format === FORMAT &&
    cipher === 'AES-256-GCM' &&
    (isWords ? rounds >= ITERATIONS && rounds <= MOST_ITERATIONS : kdf === 'HKDF-SHA-256' && rounds === 0);
  if (!legal || !isBase64(salt, 16) || !isBase64(iv, 12) || !isBase64(data)) {
    throw new NavError('privacy/bad-table', 'This is no sealed pseudonym table of Trocar, or it is damaged.');
  }
  if (version !== VERSION)
    throw new NavError(
      'privacy/bad-table',
      `Version ${String(version)} of the pseudonym table is unknown: a newer Trocar wrote it.`,
    );
  // The fields in the order they are authenticated in.
  return {
    format: FORMAT,
    version: VERSION,
    kdf: isWords ? 'PBKDF2-SHA-256' : 'HKDF-SHA-256',
    iterations: rounds,
    salt,
    cipher,
    iv,
    data,
  };
}

function requireSecret(secret: SealingSecret): void {
  if (typeof secret === 'string' ? secret.length >= SHORTEST_WORDS : secret.length >= SHORTEST_KEY) return;
  throw new NavError(
    'privacy/bad-option',
    `The secret for the pseudonym table is too short: take ${SHORTEST_WORDS} characters or ${SHORTEST_KEY} random bytes at least.`,
  );
}

function wrongKey(why: string): NavError {
  return new NavError('privacy/wrong-key', `The pseudonym table does not open: ${why}.`);
}

function other(what: string): NavError {
  return new NavError(
    'privacy/other-pseudonym',
    `${what} has two pseudonyms: the tables were made with different keys. Keep them apart, or de-identify anew with one key.`,
  );
}

function toBase64(bytes: Uint8Array): string {
  let text = '';
  for (let at = 0; at < bytes.length; at += 8192) text += String.fromCharCode(...bytes.subarray(at, at + 8192));
  return btoa(text);
}

function fromBase64(text: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
}

/** Whether a text is base64 in the one way that it is written here: the last letter's spare bits are zeros. */
function isBase64(text: unknown, length?: number): text is string {
  if (typeof text !== 'string' || text.length % 4 !== 0 || !/^[A-Za-z0-9+/]*={0,2}$/.test(text)) return false;
  const bytes = fromBase64(text);
  return toBase64(bytes) === text && (length === undefined || bytes.length === length);
}
