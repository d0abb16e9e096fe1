import { createHmac, generateKeyPairSync, sign } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { codeOf, codeOfAsync } from '../../test-support/error-code.js';
import {
  ACTIONS,
  deleteDue,
  dueForDeletion,
  isPermitted,
  type KeptThing,
  PERMITTED,
  permittedAs,
  ROLES,
  type SigningKey,
  signToken,
  type TokenKey,
  verifyToken,
} from './index.js';

const SECRET = Uint8Array.from({ length: 32 }, (_, n) => n + 1);
const pair = generateKeyPairSync('ed25519');
const PRIVATE = new Uint8Array(pair.privateKey.export({ format: 'der', type: 'pkcs8' }));
const PUBLIC = new Uint8Array(Buffer.from(pair.publicKey.export({ format: 'jwk' }).x as string, 'base64url'));
const NOW = 1_770_000_000;
const claims = { subject: 'a.okonkwo', roles: ['physician'] as const, audience: 'or-3', notBefore: NOW, expires: NOW + 600 };
const demands = { audience: 'or-3', nowMs: NOW * 1000 };
const KEYS: readonly TokenKey[] = [
  { id: 'h1', algorithm: 'HS256', bytes: SECRET },
  { id: 'e1', algorithm: 'EdDSA', bytes: PUBLIC },
];
const signers: readonly SigningKey[] = [
  { id: 'h1', algorithm: 'HS256', bytes: SECRET },
  { id: 'e1', algorithm: 'EdDSA', bytes: PRIVATE },
];

const part = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url');
const body = part({ sub: 'mallory', roles: ['admin'], aud: 'or-3', nbf: NOW, exp: NOW + 600, jti: 'x' });
/** A token by hand, with any head, signed by an HMAC of any key. */
const forged = (head: unknown, key: Uint8Array, of = body): string => {
  const signed = `${part(head)}.${of}`;
  return `${signed}.${createHmac('sha256', key).update(signed).digest('base64url')}`;
};
const codeFor = (token: string, more = {}): Promise<string | undefined> =>
  codeOfAsync(() => verifyToken(token, KEYS, { ...demands, ...more }));

describe('tokens', () => {
  it.each(signers)('say who and what, signed by $algorithm', async (key) => {
    expect(await verifyToken(await signToken(claims, key), KEYS, demands)).toEqual({
      ...claims,
      tokenId: expect.stringMatching(/^[\w-]{22}$/),
    });
  });

  it('are those of the standard: other implementations sign and check them', async () => {
    const token = await signToken(claims, signers[0] as SigningKey);
    const [head, middle, signature] = token.split('.') as [string, string, string];
    expect(createHmac('sha256', SECRET).update(`${head}.${middle}`).digest('base64url')).toBe(signature);
    const signed = `${part({ alg: 'EdDSA', typ: 'JWT', kid: 'e1' })}.${body}`;
    const theirs = `${signed}.${sign(null, Buffer.from(signed), pair.privateKey).toString('base64url')}`;
    expect((await verifyToken(theirs, KEYS, demands)).subject).toBe('mallory');
  });

  it.each([
    ['alg none without a signature', `${part({ alg: 'none', typ: 'JWT', kid: 'h1' })}.${body}.`],
    ['alg none with a signature', forged({ alg: 'none', typ: 'JWT', kid: 'h1' }, SECRET)],
    ['alg None', forged({ alg: 'None', typ: 'JWT', kid: 'h1' }, SECRET)],
    ['an HMAC by the public key, under its ID', forged({ alg: 'HS256', typ: 'JWT', kid: 'e1' }, PUBLIC)],
    ['an HMAC that calls itself EdDSA', forged({ alg: 'EdDSA', typ: 'JWT', kid: 'e1' }, PUBLIC)],
    ['another HMAC', forged({ alg: 'HS512', typ: 'JWT', kid: 'h1' }, SECRET)],
    ['a key of its own in the head', forged({ alg: 'HS256', typ: 'JWT', kid: 'h1', jwk: { k: 'AA' } }, SECRET)],
    ['a head that must be understood', forged({ alg: 'HS256', typ: 'JWT', kid: 'h1', crit: ['x'] }, SECRET)],
    ['no key', forged({ alg: 'HS256', typ: 'JWT' }, SECRET)],
    ['an unknown key', forged({ alg: 'HS256', typ: 'JWT', kid: '../h1' }, SECRET)],
    ['the wrong secret', forged({ alg: 'HS256', typ: 'JWT', kid: 'h1' }, new Uint8Array(32))],
    ['an empty secret', forged({ alg: 'HS256', typ: 'JWT', kid: 'h1' }, new Uint8Array(0))],
    [
      'a role that does not exist',
      forged(
        { alg: 'HS256', typ: 'JWT', kid: 'h1' },
        SECRET,
        part({ sub: 'm', roles: ['root'], aud: 'or-3', nbf: NOW, exp: NOW + 1, jti: 'x' }),
      ),
    ],
    [
      'no expiry',
      forged(
        { alg: 'HS256', typ: 'JWT', kid: 'h1' },
        SECRET,
        part({ sub: 'm', roles: ['admin'], aud: 'or-3', nbf: NOW, jti: 'x' }),
      ),
    ],
    [
      'an expiry that is a text',
      forged(
        { alg: 'HS256', typ: 'JWT', kid: 'h1' },
        SECRET,
        part({ sub: 'm', roles: ['admin'], aud: 'or-3', nbf: NOW, exp: '9e9', jti: 'x' }),
      ),
    ],
    [
      'several audiences',
      forged(
        { alg: 'HS256', typ: 'JWT', kid: 'h1' },
        SECRET,
        part({ sub: 'm', roles: ['admin'], aud: ['or-3', 'or-4'], nbf: NOW, exp: NOW + 1, jti: 'x' }),
      ),
    ],
    [
      'a life of a year',
      forged(
        { alg: 'HS256', typ: 'JWT', kid: 'h1' },
        SECRET,
        part({ sub: 'm', roles: ['admin'], aud: 'or-3', nbf: NOW, exp: NOW + 31_536_000, jti: 'x' }),
      ),
    ],
    ['nothing', ''],
    ['a megabyte', 'a.'.repeat(500_000)],
  ])('are refused: %s', async (_, token) => {
    expect(await codeFor(token)).toBe('access/bad-token');
  });

  it('end, begin and belong to one system, with clocks that may differ a little', async () => {
    const token = await signToken(claims, signers[1] as SigningKey);
    const at = (s: number): { nowMs: number } => ({ nowMs: (NOW + s) * 1000 });
    expect(await codeFor(token, at(630))).toBeUndefined();
    expect(await codeFor(token, at(631))).toBe('access/expired');
    expect(await codeFor(token, at(-30))).toBeUndefined();
    expect(await codeFor(token, at(-31))).toBe('access/not-yet');
    expect(await codeFor(token, { ...at(601), skewS: 0 })).toBe('access/expired');
    expect(await codeFor(token, { audience: 'or-4' })).toBe('access/wrong-audience');
    expect(await codeFor(token, { skewS: 3600 })).toBe('access/bad-option');
  });

  it('are refused where any letter of them is another', async () => {
    const tokens = await Promise.all(signers.map((key) => signToken(claims, key)));
    const letters = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.=+/ ';
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...tokens), fc.nat(1000), fc.constantFrom(...letters), async (token, n, letter) => {
        const at = n % token.length;
        fc.pre(token[at] !== letter);
        const changed = token.slice(0, at) + letter + token.slice(at + 1);
        expect(await codeFor(changed)).toBe('access/bad-token');
        expect(await codeOfAsync(() => verifyToken(changed, KEYS, demands).catch((e: Error) => Promise.reject(e)))).toBe(
          'access/bad-token',
        );
      }),
      { numRuns: 500 },
    );
  });

  it('need keys that are keys', async () => {
    expect(await codeOfAsync(() => signToken(claims, { id: 'a', algorithm: 'HS256', bytes: new Uint8Array(16) }))).toBe(
      'access/bad-key',
    );
    expect(await codeOfAsync(() => signToken(claims, { id: 'a', algorithm: 'EdDSA', bytes: SECRET }))).toBe('access/bad-key');
    expect(await codeOfAsync(() => signToken({ ...claims, subject: ' ' }, signers[0] as SigningKey))).toBe('access/bad-option');
  });
});

describe('roles', () => {
  it('permit what the table says', () => {
    const table = Object.fromEntries(
      ROLES.map((role) => [role, ACTIONS.filter((action) => isPermitted({ roles: [role] }, action)).length]),
    );
    expect(table).toEqual({ observer: 2, operator: 11, physician: 18, admin: 6 });
    for (const role of ROLES) for (const action of PERMITTED[role]) expect(ACTIONS).toContain(action);
    for (const action of ['plan/accepted', 'registration/accepted'] as const)
      expect(ROLES.filter((role) => PERMITTED[role].has(action))).toEqual(['physician']);
  });

  it('give the name to accept with, or say who may', () => {
    expect(permittedAs({ subject: 'a.okonkwo', roles: ['observer', 'physician'] }, 'plan/accepted')).toBe('a.okonkwo');
    expect(codeOf(() => permittedAs({ subject: 'x', roles: ['observer', 'operator', 'admin'] }, 'plan/accepted'))).toBe(
      'access/forbidden',
    );
  });
});

describe('retention', () => {
  const thing = (id: string, endedUtc: string, more: Partial<KeptThing> = {}): KeptThing => ({
    id,
    kind: 'recording',
    endedUtc,
    ...more,
  });
  const copy = { to: 'archive', utc: '2026-01-02T00:00:00Z', sha256: 'aa' };
  const now = Date.parse('2026-03-01T00:00:00Z');
  const things = [
    thing('young', '2026-02-20T00:00:00Z', { exported: copy }),
    thing('edge', '2026-01-30T00:00:00Z', { exported: copy }),
    thing('old', '2025-01-01T00:00:00Z', { exported: copy }),
    thing('held', '2025-01-01T00:00:00Z', { exported: copy, held: 'complaint 7' }),
    thing('alone', '2025-06-01T00:00:00Z'),
    thing('other', '2020-01-01T00:00:00Z', { kind: 'constructor' }),
  ];
  const due = dueForDeletion(things, { recording: 30 }, now);

  it('lists what is due, the oldest first, and why it must stay', () => {
    expect(due.map(({ thing: { id }, blockedBy }) => [id, blockedBy])).toEqual([
      ['old', undefined],
      ['held', 'held'],
      ['alone', 'not-exported'],
      ['edge', undefined],
    ]);
    expect(codeOf(() => dueForDeletion(things, { recording: 0 }, now))).toBe('access/bad-option');
    expect(codeOf(() => dueForDeletion([thing('a', 'yesterday')], {}, now))).toBe('access/bad-option');
  });

  it('deletes what is confirmed, its copy looked up, logged before and after', async () => {
    const log: string[] = [];
    const deletion = {
      by: 'admin.b',
      ids: ['old', 'edge'],
      copyOf: async () => 'aa',
      audit: async (action: string, { id }: KeptThing, by: string) => void log.push(`${action} ${id} ${by}`),
      remove: async ({ id }: KeptThing) => void log.push(`removed ${id}`),
    };
    expect(await deleteDue(due, deletion)).toEqual(['old', 'edge']);
    expect(log.slice(0, 3)).toEqual(['deletion/begun old admin.b', 'removed old', 'deletion/done old admin.b']);
    for (const ids of [['young'], ['held'], ['alone'], ['nothing'], ['old', 'held']]) {
      log.length = 0;
      expect(await codeOfAsync(() => deleteDue(due, { ...deletion, ids }))).toBe('access/forbidden');
      expect(log).toEqual([]);
    }
    for (const copyOf of [async () => undefined, async () => 'bb']) {
      expect(await codeOfAsync(() => deleteDue(due, { ...deletion, copyOf }))).toBe('access/forbidden');
    }
    expect(await codeOfAsync(() => deleteDue(due, { ...deletion, by: '' }))).toBe('access/forbidden');
    const broken = { ...deletion, audit: () => Promise.reject(new Error('disk full')) };
    log.length = 0;
    await expect(deleteDue(due, broken)).rejects.toThrow('disk full');
    expect(log).toEqual([]);
  });
});
