import { NavError } from '../../base/index.js';
import { type Identity, ROLES, type Role } from './roles.js';

/** What a key is for. A key verifies tokens of its own algorithm and of no other. */
export type TokenAlgorithm = 'HS256' | 'EdDSA';

/** Keys that tokens are checked with, by the ID that tokens name. */
export interface TokenKey {
  readonly id: string;
  readonly algorithm: TokenAlgorithm;
  /** HS256: at least 32 secret bytes. EdDSA: the 32 bytes of an Ed25519 public key. */
  readonly bytes: Uint8Array;
}

/** A key that tokens are signed with. */
export interface SigningKey {
  readonly id: string;
  readonly algorithm: TokenAlgorithm;
  /** HS256: the secret. EdDSA: an Ed25519 private key as PKCS #8. */
  readonly bytes: Uint8Array;
}

/** What a token says. */
export interface TokenClaims extends Identity {
  /** Who it is for: a system's name. */
  readonly audience: string;
  /** Seconds since 1970. */
  readonly notBefore: number;
  readonly expires: number;
  /** Unique among tokens. */
  readonly tokenId: string;
}

/** What is asked of a token. */
export interface TokenDemands {
  readonly audience: string;
  /** Now, ms since 1970. */
  readonly nowMs: number;
  /** How far two machines' clocks may be apart, s. Default 30, at most 300. */
  readonly skewS?: number;
  /** Longest life that is accepted, s. Default 12 h: a token that lives longer is refused, whatever it says. */
  readonly longestS?: number;
}

const SKEW_S = 30;
const MOST_SKEW_S = 300;
const LONGEST_S = 12 * 3600;
/** A token is some hundred bytes. */
const LONGEST_TOKEN = 8192;
const SHORTEST_SECRET = 32;
const ED25519_BYTES = 32;

/**
 * A signed token: a JSON Web Token (RFC 7519) in compact form (RFC 7515) by HMAC-SHA256 or Ed25519 (RFC 8037).
 * @throws NavError `access/bad-key`, `access/bad-option`
 */
export async function signToken(claims: Omit<TokenClaims, 'tokenId'>, key: SigningKey): Promise<string> {
  requireClaims(claims);
  const { subject, roles, audience, notBefore, expires } = claims;
  const jti = toBase64Url(crypto.getRandomValues(new Uint8Array(16)));
  const head = encoded({ alg: key.algorithm, typ: 'JWT', kid: key.id });
  const body = encoded({ sub: subject, roles, aud: audience, nbf: notBefore, exp: expires, jti });
  const signed = new TextEncoder().encode(`${head}.${body}`);
  const signature = await crypto.subtle.sign(nameOf(key.algorithm), await imported(key, 'sign'), signed);
  return `${head}.${body}.${toBase64Url(new Uint8Array(signature))}`;
}

/**
 * What a token says, once its signature, time and audience hold. The key decides how it is checked: a token that names another
 * algorithm than its key's, `none` among them, is refused, and so is one with any header that we do not know.
 * @throws NavError `access/bad-token`, `access/expired`, `access/not-yet`, `access/wrong-audience`, `access/bad-key`,
 * `access/bad-option`. Messages never hold the token
 */
export async function verifyToken(token: string, keys: readonly TokenKey[], demands: TokenDemands): Promise<TokenClaims> {
  const { skewS = SKEW_S, longestS = LONGEST_S } = demands;
  if (!(skewS >= 0 && skewS <= MOST_SKEW_S) || !(longestS > 0)) {
    throw new NavError('access/bad-option', `Clocks may be 0 to ${MOST_SKEW_S} s apart, and a token's life is longer than 0.`);
  }
  const parts = token.length <= LONGEST_TOKEN ? token.split('.') : [];
  const [head = '', body = '', signature = ''] = parts;
  if (parts.length !== 3) throw badToken('it does not have three parts');
  const key = keyFor(decodedObject(head, 'head'), keys);
  const bytes = fromBase64Url(signature, 'signature');
  const signed = new TextEncoder().encode(`${head}.${body}`);
  if (!(await crypto.subtle.verify(nameOf(key.algorithm), await imported(key, 'verify'), bytes, signed)))
    throw badToken('its signature does not hold');
  const claims = claimsOf(decodedObject(body, 'body'));
  requireTimes(claims, demands.nowMs / 1000, skewS, longestS);
  if (claims.audience !== demands.audience)
    throw new NavError('access/wrong-audience', `The token is for another system than "${demands.audience}".`);
  return claims;
}

function keyFor(head: Readonly<Record<string, unknown>>, keys: readonly TokenKey[]): TokenKey {
  const unknown = Object.keys(head).find((name) => !['alg', 'typ', 'kid'].includes(name));
  if (unknown !== undefined) throw badToken('its head has a field that is not known here');
  if (head['typ'] !== 'JWT') throw badToken('it is no JWT');
  const found = keys.filter(({ id }) => id === head['kid']);
  if (found.length !== 1) throw badToken(found.length === 0 ? 'its key is not known here' : 'two keys have its ID');
  const key = found[0] as TokenKey;
  if (head['alg'] !== key.algorithm) throw badToken('it names another algorithm than its key is for');
  return key;
}

function requireTimes({ notBefore, expires }: TokenClaims, nowS: number, skewS: number, longestS: number): void {
  if (expires - notBefore > longestS) throw badToken(`it lives longer than ${longestS} s`);
  if (nowS > expires + skewS) throw new NavError('access/expired', 'The token has expired. Log in again.');
  if (nowS < notBefore - skewS) throw new NavError('access/not-yet', 'The token is not valid yet. Is the clock right?');
}

function claimsOf(body: Readonly<Record<string, unknown>>): TokenClaims {
  const { sub, roles, aud, nbf, exp, jti } = body;
  if (Object.keys(body).length !== 6 || typeof jti !== 'string' || jti === '')
    throw badToken('it does not say what is asked of a token, and only that');
  const claims = { subject: sub, roles, audience: aud, notBefore: nbf, expires: exp } as Omit<TokenClaims, 'tokenId'>;
  const wrong = wrongClaim(claims);
  if (wrong !== undefined) throw badToken(wrong);
  return { ...claims, tokenId: jti };
}

function requireClaims(claims: Omit<TokenClaims, 'tokenId'>): void {
  const wrong = wrongClaim(claims);
  if (wrong !== undefined) throw new NavError('access/bad-option', `The token is not signed: ${wrong}.`);
}

function wrongClaim({ subject, roles, audience, notBefore, expires }: Omit<TokenClaims, 'tokenId'>): string | undefined {
  if (typeof subject !== 'string' || subject.trim() === '') return 'it names nobody';
  if (typeof audience !== 'string' || audience === '') return 'it is for no system';
  if (!Array.isArray(roles) || roles.length === 0 || roles.some((role) => !ROLES.includes(role as Role)))
    return 'it has no role, or one that does not exist';
  if (!Number.isSafeInteger(notBefore) || !Number.isSafeInteger(expires) || expires <= notBefore)
    return 'its times are no whole seconds in their order';
  return undefined;
}

async function imported({ algorithm, bytes }: TokenKey | SigningKey, usage: 'sign' | 'verify'): Promise<CryptoKey> {
  const raw = bytes as Uint8Array<ArrayBuffer>;
  if (algorithm === 'HS256') {
    if (bytes.length < SHORTEST_SECRET)
      throw badKey(`the secret has ${bytes.length} bytes; take ${SHORTEST_SECRET} random ones or more`);
    // An Ed25519 key as PEM or DER is public, or a file: no secret of ours begins so.
    if (new TextDecoder('latin1').decode(bytes).startsWith('-----BEGIN')) throw badKey('it is a PEM file, and no secret');
    return crypto.subtle.importKey('raw', raw, { name: 'HMAC', hash: 'SHA-256' }, false, [usage]);
  }
  if (algorithm !== 'EdDSA') throw badKey('its algorithm is not HS256 or EdDSA');
  if (usage === 'verify' && bytes.length !== ED25519_BYTES) throw badKey(`an Ed25519 public key has ${ED25519_BYTES} bytes`);
  try {
    return await crypto.subtle.importKey(usage === 'verify' ? 'raw' : 'pkcs8', raw, { name: 'Ed25519' }, false, [usage]);
  } catch (cause) {
    throw new NavError('access/bad-key', 'The token key is no Ed25519 key, or this platform does not know Ed25519.', { cause });
  }
}

function nameOf(algorithm: TokenAlgorithm): string {
  return algorithm === 'HS256' ? 'HMAC' : 'Ed25519';
}

function encoded(value: unknown): string {
  return toBase64Url(new TextEncoder().encode(JSON.stringify(value)));
}

function decodedObject(text: string, what: string): Record<string, unknown> {
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(fromBase64Url(text, what)));
  } catch {
    value = undefined;
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw badToken(`its ${what} cannot be read`);
  return value as Record<string, unknown>;
}

function toBase64Url(bytes: Uint8Array): string {
  return btoa(String.fromCharCode(...bytes))
    .replaceAll('+', '-')
    .replaceAll('/', '_')
    .replace(/=+$/, '');
}

/** Only as it is written in one way: a signature with spare bits would be a second token with the same meaning. */
function fromBase64Url(text: string, what: string): Uint8Array<ArrayBuffer> {
  if (!/^[A-Za-z0-9_-]+$/.test(text) || text.length % 4 === 1) throw badToken(`its ${what} is no base64url`);
  const bytes = Uint8Array.from(atob(text.replaceAll('-', '+').replaceAll('_', '/')), (c) => c.charCodeAt(0));
  if (toBase64Url(bytes) !== text) throw badToken(`its ${what} is no base64url`);
  return bytes;
}

function badToken(why: string): NavError {
  return new NavError('access/bad-token', `The token is refused: ${why}.`);
}

function badKey(why: string): NavError {
  return new NavError('access/bad-key', `The token key cannot be used: ${why}.`);
}
