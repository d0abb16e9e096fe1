import { createHash, createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject, sign, verify } from 'node:crypto';

/** What was signed: each file by its SHA-256. */
export interface Signature {
  readonly algorithm: 'Ed25519';
  /** Whether the key was made for this one report: then it shows that nothing changed since, and not who made it. */
  readonly keyMadeForThisReport: boolean;
  /** SubjectPublicKeyInfo, base64. */
  readonly publicKey: string;
  readonly files: Readonly<Record<string, string>>;
  /** Of {@link signedText}, base64. */
  readonly signature: string;
}

/** A private key from a PEM file, or one made now. @throws Error where the file is no Ed25519 key */
export function signingKey(pem?: string): { readonly key: KeyObject; readonly made: boolean } {
  if (pem === undefined) return { key: generateKeyPairSync('ed25519').privateKey, made: true };
  const key = createPrivateKey(pem);
  if (key.asymmetricKeyType !== 'ed25519') {
    throw new Error(
      `The key is of type ${key.asymmetricKeyType}. Make one with: openssl genpkey -algorithm ed25519 -out key.pem`,
    );
  }
  return { key, made: false };
}

/** Short form of a public key for a person to compare: the first 16 hex digits of its SHA-256. */
export function fingerprint(publicKey: string): string {
  const hex = createHash('sha256').update(Buffer.from(publicKey, 'base64')).digest('hex').slice(0, 16);
  return (hex.match(/.{4}/gu) as string[]).join(' ');
}

/** The public half, base64. */
export function publicKeyOf(key: KeyObject): string {
  return createPublicKey(key).export({ type: 'spki', format: 'der' }).toString('base64');
}

/** Signs files by their names and contents. */
export function signFiles(files: Readonly<Record<string, string>>, key: KeyObject, made: boolean): Signature {
  const hashes = Object.fromEntries(Object.entries(files).map(([name, text]) => [name, sha256(text)]));
  const signature = sign(null, signedText(hashes), key).toString('base64');
  return { algorithm: 'Ed25519', keyMadeForThisReport: made, publicKey: publicKeyOf(key), files: hashes, signature };
}

/**
 * What is wrong with signed files; empty: nothing.
 * @param expectedKey the public key that they must be signed with, base64; default: the one they bring
 */
export function wrongWith(files: Readonly<Record<string, string>>, by: Signature, expectedKey?: string): string[] {
  const wrong: string[] = [];
  if (expectedKey !== undefined && by.publicKey !== expectedKey) wrong.push('It is signed with another key.');
  const key = createPublicKey({ key: Buffer.from(by.publicKey, 'base64'), format: 'der', type: 'spki' });
  if (!verify(null, signedText(by.files), key, Buffer.from(by.signature, 'base64')))
    wrong.push('The signature does not belong to the list of files.');
  for (const name of new Set([...Object.keys(files), ...Object.keys(by.files)])) {
    if (files[name] === undefined || sha256(files[name]) !== by.files[name]) wrong.push(`${name} is not what was signed.`);
  }
  return wrong;
}

/** Names in order, so that the same files give the same bytes. */
function signedText(hashes: Readonly<Record<string, string>>): Buffer {
  const lines = Object.keys(hashes).sort();
  return Buffer.from(lines.map((name) => `${hashes[name]}  ${name}\n`).join(''));
}

const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');
