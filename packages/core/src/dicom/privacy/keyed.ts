/** What follows from the secret key: the same for the same key, and nothing that leads back without it. */

/** Longest and shortest shift of a patient's dates, days back. */
const SHIFT_DAYS = { least: 30, most: 3650 } as const;

/** HMAC-SHA256 (RFC 2104) over a purpose and a text, by the platform's own cryptography. */
export interface Keyed {
  /** A UID for a UID: `2.25.` and a UUID (version 8) as a decimal number (PS3.5, B.2). */
  uid(original: string): Promise<string>;
  /** A pseudonym for a patient: twelve letters and digits behind `P-`. */
  pseudonym(patient: string): Promise<string>;
  /** By how many days a patient's dates move: −3650 … −30; whole weeks where asked. */
  shiftDays(patient: string, wholeWeeks: boolean): Promise<number>;
}

/** @param key at least 32 bytes; never logged, never kept */
export async function keyedBy(key: Uint8Array): Promise<Keyed> {
  const hmac = { name: 'HMAC', hash: 'SHA-256' };
  const secret = await crypto.subtle.importKey('raw', key as Uint8Array<ArrayBuffer>, hmac, false, ['sign']);
  const digest = async (purpose: string, text: string): Promise<Uint8Array> => {
    const message = new TextEncoder().encode(`trocar ${purpose}\0${text}`);
    return new Uint8Array(await crypto.subtle.sign('HMAC', secret, message));
  };
  return {
    uid: async (original) => uidOf(await digest('uid', original)),
    pseudonym: async (patient) => `P-${base32(await digest('pseudonym', patient), 12)}`,
    shiftDays: async (patient, wholeWeeks) => {
      const number = new DataView((await digest('dates', patient)).buffer).getUint32(0);
      const { least, most } = SHIFT_DAYS;
      const step = wholeWeeks ? 7 : 1;
      const first = Math.ceil(least / step);
      return -step * (first + (number % (Math.floor(most / step) - first + 1)));
    },
  };
}

function uidOf(digest: Uint8Array): string {
  const uuid = digest.slice(0, 16);
  uuid[6] = ((uuid[6] as number) & 0x0f) | 0x80;
  uuid[8] = ((uuid[8] as number) & 0x3f) | 0x80;
  return `2.25.${uuid.reduce((sum, byte) => (sum << 8n) | BigInt(byte), 0n)}`;
}

/** Without letters that look like digits. */
const LETTERS = 'ABCDEFGHJKMNPQRSTVWXYZ0123456789';

function base32(digest: Uint8Array, count: number): string {
  return Array.from(digest.subarray(0, count), (byte) => LETTERS[byte & 31]).join('');
}
