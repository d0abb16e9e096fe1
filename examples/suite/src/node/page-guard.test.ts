import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createServer } from 'node:tls';
import { frame, isNavError, point } from '@trocar/core';
import { straightPlan } from '@trocar/core/guidance';
import { beginSession, checkAuditMessage, memoryStorage, type Role, restoreSession, signToken } from '@trocar/core/session';
import { headPhantom, manualClock } from '@trocar/core/testing';
import { afterAll, afterEach, beforeEach, describe, expect, it } from 'vitest';
import { auditedStorage, type Tell } from '../audited-storage.js';
import { guardArgumentsOf, openGuard } from './guard-options.js';
import { type PageServer, servePage } from './page-server.js';
import type { ResultsDesk } from './results-desk.js';

const root = mkdtempSync(join(tmpdir(), 'trocar-guard-'));
afterAll(() => rmSync(root, { recursive: true, force: true }));
writeFileSync(join(root, 'index.html'), '<!doctype html><title>the page</title>');
writeFileSync(join(root, 'image'), 'voxels');
const SECRET = Buffer.alloc(32, 7);
writeFileSync(join(root, 'key'), SECRET.toString('base64'));

const BEGAN = Date.UTC(2026, 2, 1, 8);
let nowMs = BEGAN;
let file = '';
let n = 0;
const orders: unknown[] = [];
const closing: (() => Promise<void>)[] = [];
beforeEach(() => {
  nowMs = BEGAN;
  n += 1;
  file = join(root, `audit-${n}.xml`);
  orders.length = 0;
});
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

type Served = PageServer<{ readonly bridge: { readonly url: string }; close(): Promise<void> }>;

/** A page of nothing but what a server is asked for, with the options of a command line. */
async function served(options: Parameters<typeof guardArgumentsOf>[0], results?: ResultsDesk): Promise<Served> {
  const guard = await openGuard(guardArgumentsOf(options), { application: 'test-page', now: () => nowMs });
  const server = await servePage({
    folder: root,
    guard,
    files: { image: [join(root, 'image')] },
    startWorld: async () => ({ bridge: { url: 'ws://127.0.0.1:1' }, close: async () => undefined }),
    facts: () => ({ kind: 'phantom' }),
    ...(results && { results }),
    obey: (_, order) => orders.push(order),
  });
  closing.push(() => server.close());
  return server;
}

interface TokenChange {
  readonly audience?: string;
  readonly id?: string;
  readonly secret?: Uint8Array;
  readonly from?: number;
}

const tokenOf = (
  subject: string,
  role: Role,
  { audience = 'trocar', id = 'site', secret = SECRET, from = 0 }: TokenChange = {},
) =>
  signToken(
    { subject, roles: [role], audience, notBefore: BEGAN / 1000 + from, expires: BEGAN / 1000 + from + 3600 },
    { id, algorithm: 'HS256', bytes: secret },
  );

const signIn = (server: Served, token: string): Promise<Response> =>
  fetch(`${server.url}/sign-in?lang=en`, { method: 'POST', body: new URLSearchParams({ token }), redirect: 'manual' });

/** A browser of somebody who has signed in. */
async function browserOf(server: Served, subject: string, role: Role) {
  const answer = await signIn(server, await tokenOf(subject, role));
  expect([answer.status, answer.headers.get('location')]).toEqual([303, '/?lang=en']);
  const set = answer.headers.get('set-cookie') ?? '';
  expect(set).toMatch(/; HttpOnly; SameSite=Strict; Path=\/$/);
  const headers = { cookie: set.split(';')[0] as string, origin: server.url };
  const get = (path: string): Promise<Response> => fetch(server.url + path, { headers });
  const post: Tell = (path, body) => fetch(server.url + path, { method: 'POST', headers, body });
  const order = (): Promise<Response> => fetch(`${server.url}/order`, { method: 'POST', headers, body: '{"go":1}' });
  return { get, post, order };
}

/** What the audit file holds: every line was checked against the schema and the tables of PS3.15, A.5. */
function told(): string[] {
  return readFileSync(file, 'utf8')
    .trimEnd()
    .split('\n')
    .map((xml) => {
      const [what, ...rest] = checkAuditMessage(xml).children;
      const codes = what?.children.flatMap(({ attributes }) => attributes['originalText'] ?? []) ?? [];
      const who = rest.find(({ name, attributes }) => name === 'ActiveParticipant' && attributes['UserIsRequestor'] === 'true');
      const details = rest.flatMap(({ children }) => children).filter(({ name }) => name === 'ParticipantObjectDetail');
      const said = details
        .filter(({ attributes }) => ['action', 'kind'].includes(attributes['type'] as string))
        .map(({ attributes }) => Buffer.from(attributes['value'] as string, 'base64').toString());
      const outcome = what?.attributes['EventOutcomeIndicator'] ?? '';
      return [...codes, who?.attributes['UserID'] ?? '-', ...said, outcome].join(' | ');
    });
}

const CT = frame('ct');
const image = headPhantom().volume;
const PLAN = straightPlan({
  entry: point(CT, [0, 0, 60]),
  target: point(CT, [0, 0, 20]),
  frameOfReferenceUid: image.frameOfReferenceUid as string,
  maxTre95Mm: 2,
});

describe('a page that asks for a token', () => {
  it('shows whoever comes without one nothing but a form, in four languages', async () => {
    const server = await served({ 'access-key': join(root, 'key') });
    const page = await fetch(`${server.url}/?lang=hi`);
    expect(page.status).toBe(401);
    const html = await page.text();
    expect(html).toMatch(/<html lang="hi">.*साइन इन.*<form|<html lang="hi">[\s\S]*<form/);
    expect(page.headers.get('content-security-policy')).toMatch(/default-src 'none'/);
    for (const path of ['/case', '/files/image/0', '/index.html']) {
      const answer = await fetch(server.url + path);
      expect([answer.status, (await answer.text()).split(':')[0]]).toEqual([401, 'access/bad-token']);
    }
    const order = await fetch(`${server.url}/order`, { method: 'POST', headers: { origin: server.url }, body: '{}' });
    expect([order.status, orders]).toEqual([401, []]);
  });

  it('lets an observer watch and order nothing; an operator may', async () => {
    const server = await served({ 'access-key': join(root, 'key'), audit: file });
    const observer = await browserOf(server, 'b.guest', 'observer');
    expect(await (await observer.get('/')).text()).toContain('the page');
    expect(await (await observer.get('/case')).json()).toMatchObject({ by: 'b.guest', roles: ['observer'], mayOrder: false });
    expect((await observer.get('/files/image/0')).status).toBe(200);
    const refused = await observer.order();
    expect([refused.status, orders]).toEqual([403, []]);
    expect(await refused.text()).toMatch(/^access\/forbidden: .*operator, physician/);
    const operator = await browserOf(server, 'a.tech', 'operator');
    expect(await (await operator.get('/case')).json()).toMatchObject({ by: 'a.tech', mayOrder: true });
    expect([(await operator.order()).status, orders]).toEqual([200, [{ go: 1 }]]);
    expect(told()).toEqual([
      'Application Activity | Application Start | - | 0',
      'User Authentication | Login | b.guest | 0',
      'Procedure Record | b.guest | case/opened | 0',
      'DICOM Instances Accessed | b.guest | 0',
      'Security Alert | Use of Restricted Function | b.guest | 8',
      'User Authentication | Login | a.tech | 0',
      'Procedure Record | a.tech | case/opened | 0',
    ]);
  });

  it('refuses, by name, tokens that are forged, expired, too early, for elsewhere or used before, and tells of each', async () => {
    const server = await served({ 'access-key': join(root, 'key'), audit: file });
    const good = await tokenOf('a.tech', 'operator');
    const [head, body, signature] = good.split('.') as [string, string, string];
    const none = Buffer.from('{"alg":"none","typ":"JWT","kid":"site"}').toString('base64url');
    const raised = Buffer.from(Buffer.from(body, 'base64url').toString().replace('operator', 'admin')).toString('base64url');
    const cases: readonly (readonly [token: string, why: RegExp])[] = [
      [`${none}.${body}.`, /access\/bad-token/],
      [`${head}.${raised}.${signature}`, /access\/bad-token: .*signature does not hold/],
      [await tokenOf('a.tech', 'operator', { secret: Buffer.alloc(32, 8) }), /access\/bad-token: .*signature/],
      [await tokenOf('a.tech', 'operator', { id: 'other' }), /access\/bad-token: .*key is not known/],
      [await tokenOf('a.tech', 'operator', { audience: 'elsewhere' }), /access\/wrong-audience/],
      [await tokenOf('a.tech', 'operator', { from: -7200 }), /access\/expired/],
      [await tokenOf('a.tech', 'operator', { from: 7200 }), /access\/not-yet/],
      ['', /access\/bad-token/],
    ];
    for (const [token, why] of cases) {
      const answer = await signIn(server, token);
      expect([answer.status, answer.headers.get('set-cookie')]).toEqual([401, null]);
      const html = await answer.text();
      expect(html).toMatch(why);
      if (token !== '') expect(html).not.toContain(token);
    }
    expect((await signIn(server, good)).status).toBe(303);
    const again = await signIn(server, good);
    expect(again.status).toBe(401);
    expect(await again.text()).toMatch(/access\/bad-token: .*signed somebody in before/);
    const lines = told().filter((line) => line.startsWith('User Authentication'));
    expect(lines).toHaveLength(cases.length + 2);
    expect(lines.filter((line) => line.endsWith('| 4'))).toHaveLength(cases.length + 1);
    expect(readFileSync(file, 'utf8')).not.toContain(signature);
  });

  it('knows nobody any more once the token has expired, and gives no ticket to pages of elsewhere', async () => {
    const server = await served({ 'access-key': join(root, 'key') });
    const operator = await browserOf(server, 'a.tech', 'operator');
    nowMs += 3600_000;
    const late = await operator.order();
    expect([late.status, orders, (await late.text()).split(':')[0]]).toEqual([401, [], 'access/expired']);
    nowMs = BEGAN;
    const token = await tokenOf('a.tech', 'operator');
    const foreign = await fetch(`${server.url}/sign-in`, {
      method: 'POST',
      headers: { origin: 'http://127.0.0.1:1' },
      body: new URLSearchParams({ token }),
    });
    expect(foreign.status).toBe(403);
    expect((await signIn(server, token)).status).toBe(303);
  });
});

describe('what a page accepts', () => {
  const clock = manualClock(1000);

  it('is told with who is signed in before it counts, and does not count where the role may not', async () => {
    const server = await served({ 'access-key': join(root, 'key'), audit: file });
    const surgeon = await browserOf(server, 'r.okafor', 'physician');
    const operator = await browserOf(server, 'a.tech', 'operator');
    const storage = memoryStorage();
    const begin = { clock, image, software: 'test-page' };
    const session = await beginSession({ ...begin, storage: auditedStorage(storage, 'case-1', surgeon.post), by: 'r.okafor' });
    await session.acceptPlan(PLAN, 'r.okafor');
    await session.acceptRecord('core', '1', { taken: true }, 'r.okafor');
    await session.acceptRecord('alarms', 'standing', [], 'monitor');
    await session.note('alarm', 'pose-lost', 'seen', 'monitor');
    // Taken up again by somebody who may not accept a plan, whatever name the page gives.
    const { session: resumed } = await restoreSession({
      ...begin,
      storage: auditedStorage(storage, 'case-1-again', operator.post),
      by: 'a.tech',
    });
    const error = await resumed.acceptPlan(PLAN, 'r.okafor').catch((e: unknown) => e);
    expect(isNavError(error, 'session/write-failed') && error.message).toMatch(/access\/forbidden: .*physician/);
    await resumed.acceptRecord('alarms', 'standing', [], 'monitor');
    expect(await surgeon.post('/audit/export/report', new Uint8Array(0))).toMatchObject({ status: 204 });
    expect(told().slice(3)).toEqual([
      'Procedure Record | r.okafor | session/begun | 0',
      'Procedure Record | r.okafor | plan/accepted | 0',
      'Procedure Record | r.okafor | record/accepted | core | 0',
      'Procedure Record | a.tech | session/restored | 0',
      'Security Alert | Use of Restricted Function | a.tech | 8',
      'Export | r.okafor | 0',
    ]);
    await server.close();
    closing.length = 0;
    expect(told().at(-1)).toBe('Application Activity | Application Stop | - | 0');
  });

  it('where nobody signs in is told with the name of the log', async () => {
    const server = await served({ audit: file });
    expect(await (await fetch(`${server.url}/case`)).json()).toEqual({
      kind: 'phantom',
      bridge: 'ws://127.0.0.1:1',
      audited: true,
    });
    const post: Tell = (path, body) => fetch(server.url + path, { method: 'POST', headers: { origin: server.url }, body });
    const session = await beginSession({
      clock,
      image,
      software: 'x',
      storage: auditedStorage(memoryStorage(), 'a', post),
      by: 'Dr. K',
    });
    await session.acceptPlan(PLAN, 'Dr. K');
    expect(told().slice(2)).toEqual([
      'Procedure Record | Dr. K | session/begun | 0',
      'Procedure Record | Dr. K | plan/accepted | 0',
    ]);
  });

  it('is told of its results before they are kept or sent, and an observer keeps and sends none', async () => {
    const kept: string[] = [];
    // What a desk is asked, and no archive.
    const desk = {
      view: () => ({ results: [] }),
      take: async (kind: string) => void kept.push(`${kind} after ${told().length} lines`),
      send: async () => void kept.push('sent'),
      close: async () => undefined,
    } as unknown as ResultsDesk;
    const server = await served({ 'access-key': join(root, 'key'), audit: file }, desk);
    const operator = await browserOf(server, 'a.tech', 'operator');
    expect(await operator.post('/results/keep/report', new Uint8Array(8))).toMatchObject({ status: 200 });
    expect(await operator.post('/results/send', new Uint8Array(0))).toMatchObject({ status: 200 });
    expect(kept).toEqual(['report after 3 lines', 'sent']);
    const observer = await browserOf(server, 'b.guest', 'observer');
    expect(await observer.post('/results/send', new Uint8Array(0))).toMatchObject({ status: 403 });
    expect(kept).toHaveLength(2);
    expect(told().slice(2)).toEqual([
      'Procedure Record | a.tech | result/keep/report | 0',
      'Procedure Record | a.tech | result/send | 0',
      'User Authentication | Login | b.guest | 0',
      'Security Alert | Use of Restricted Function | b.guest | 8',
    ]);
  });

  it('is not told where lines were changed or left out, nor to pages of elsewhere', async () => {
    const server = await served({ audit: file });
    const storage = memoryStorage();
    await (await beginSession({ clock, image, software: 'x', storage, by: 'Dr. K' })).acceptPlan(PLAN, 'Dr. K');
    const { journal } = await storage.load();
    const bytes = Uint8Array.from(journal);
    const post = (path: string, body: Uint8Array<ArrayBuffer>, origin = server.url): Promise<Response> =>
      fetch(server.url + path, { method: 'POST', headers: { origin }, body });
    const changed = bytes.slice();
    changed[200] = (changed[200] as number) ^ 1;
    const before = told();
    expect((await post('/audit/log/a?at=0', changed)).status).toBe(409);
    expect((await post('/audit/log/a?at=0', bytes.slice(0, -5))).status).toBe(409);
    expect((await post('/audit/log/a?at=77', bytes.slice(77))).status).toBe(409);
    expect((await post('/audit/log/a?at=x', bytes)).status).toBe(400);
    expect((await post('/audit/log/a?at=0', bytes, 'http://127.0.0.1:1')).status).toBe(403);
    expect((await post('/audit/other', bytes)).status).toBe(404);
    expect(told()).toEqual(before);
    expect((await post('/audit/log/a?at=0', bytes)).status).toBe(204);
    expect(told()).toHaveLength(before.length + 2);
  });

  it('is told to nobody unless asked for: the server is as it was', async () => {
    const server = await served({});
    expect(await (await fetch(`${server.url}/case`)).json()).toEqual({ kind: 'phantom', bridge: 'ws://127.0.0.1:1' });
    const headers = { origin: server.url };
    expect((await fetch(`${server.url}/order`, { method: 'POST', headers, body: '1' })).status).toBe(200);
    expect((await fetch(`${server.url}/audit/log/a?at=0`, { method: 'POST', headers, body: 'x' })).status).toBe(404);
    let asked = 0;
    const post: Tell = (path, body) => {
      asked += 1;
      return fetch(server.url + path, { method: 'POST', headers, body });
    };
    const session = await beginSession({
      clock,
      image,
      software: 'x',
      storage: auditedStorage(memoryStorage(), 'a', post),
      by: 'Dr. K',
    });
    expect((await session.acceptPlan(PLAN, 'Dr. K')).plan).toBeDefined();
    expect(asked).toBe(1);
  });
});

const hasOpenssl = spawnSync('openssl', ['version']).status === 0;

describe.skipIf(!hasOpenssl)('an audit server over TLS (needs openssl)', () => {
  it('gets what happens in its order, and nothing where its certificate is not vouched for; the file has it all the same', async () => {
    const [key, cert] = [join(root, 'tls.key'), join(root, 'tls.pem')];
    const subject = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost'];
    const kind = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2'];
    expect(spawnSync('openssl', ['req', '-x509', ...kind, ...subject, '-keyout', key, '-out', cert]).status).toBe(0);
    let got = '';
    const syslog = createServer({ cert: readFileSync(cert), key: readFileSync(key) }, (socket) => {
      socket.on('error', () => undefined);
      socket.on('data', (data) => {
        got += data.toString();
      });
    });
    syslog.on('tlsClientError', () => undefined);
    await new Promise<void>((resolve) => syslog.listen(0, 'localhost', resolve));
    closing.push(() => new Promise((resolve) => void syslog.close(() => resolve())));
    const at = `localhost:${(syslog.address() as AddressInfo).port}`;
    const wary = await served({ audit: file, 'audit-syslog': at });
    await fetch(`${wary.url}/case`);
    await wary.close();
    expect([got, told()]).toEqual([
      '',
      [expect.stringMatching(/Start/), expect.stringMatching(/opened/), expect.stringMatching(/Stop/)],
    ]);
    const server = await served({ audit: file, 'audit-syslog': at, 'audit-ca': cert });
    await fetch(`${server.url}/case`);
    await server.close();
    closing.splice(1);
    await expect.poll(() => got.match(/<85>1 \S+ \S+ test-page \d+ DICOM\+RFC3881 - \ufeff<AuditMessage>/g)?.length).toBe(6);
    expect(got.match(/case\/opened|Application St(?:art|op)|Procedure Record/g)).toEqual(
      [1, 2].flatMap(() => ['Application Start', 'Procedure Record', 'Application Stop']),
    );
    expect(told()).toHaveLength(6);
  });
});

it.each([
  [{ 'audit-syslog': 'host' }, /HOST:PORT/],
  [{ 'audit-syslog': 'host:0' }, /HOST:PORT/],
  [{ 'audit-ca': 'x' }, /belongs to --audit-syslog/],
  [{ 'access-audience': 'x' }, /belongs to --access-key/],
])('%j is refused in words', (values, why) => {
  expect(() => guardArgumentsOf(values)).toThrow(why);
});
