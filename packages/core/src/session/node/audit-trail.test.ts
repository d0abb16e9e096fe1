import { spawnSync } from 'node:child_process';
import { appendFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import type { AddressInfo, Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createServer, type Server, type TlsOptions } from 'node:tls';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { NavError } from '../../base/index.js';
import { codeOfAsync } from '../../test-support/error-code.js';
import { type AuditEvent, checkAuditMessage, patientRecord } from '../audit-events/index.js';
import { type AuditTrail, type AuditTrailOptions, auditTrail } from './audit-trail.js';

const hasOpenssl = spawnSync('openssl', ['version']).status === 0;
let folder = '';
let [cert, key, other] = ['', '', ''];
const closing: (() => unknown)[] = [];

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'trocar-audit-'));
  const make = (name: string): [string, string] => {
    const [out, keyOut] = [join(folder, `${name}.pem`), join(folder, `${name}-key.pem`)];
    const names = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost,IP:127.0.0.1'];
    spawnSync('openssl', [
      'req',
      '-x509',
      '-newkey',
      'ec',
      '-pkeyopt',
      'ec_paramgen_curve:prime256v1',
      '-nodes',
      '-days',
      '2',
      ...names,
      '-keyout',
      keyOut,
      '-out',
      out,
    ]);
    return [readFileSync(out, 'utf8'), readFileSync(keyOut, 'utf8')];
  };
  if (!hasOpenssl) return;
  [cert, key] = make('server');
  [other] = make('other');
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

let file = '';
beforeEach(() => {
  file = join(mkdtempSync(join(folder, 'case-')), 'audit.xml');
});
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

/** A syslog server that takes frames apart by RFC 5425, strictly. */
async function server(
  port = 0,
  options: TlsOptions = {},
): Promise<{ port: number; messages: string[]; sockets: Set<Socket>; stop(): Promise<void> }> {
  const messages: string[] = [];
  const sockets = new Set<Socket>();
  const tls: Server = createServer({ cert, key, ...options }, (socket) => {
    sockets.add(socket);
    let rest = Buffer.alloc(0);
    socket.on('error', () => undefined);
    socket.on('close', () => sockets.delete(socket));
    socket.on('data', (data: Buffer) => {
      rest = Buffer.concat([rest, data]);
      for (;;) {
        const head = /^([1-9]\d*) /.exec(rest.subarray(0, 12).toString('latin1'));
        if (head === null) return;
        const [from, to] = [head[0].length, head[0].length + Number(head[1])];
        if (rest.length < to) return;
        messages.push(rest.subarray(from, to).toString('utf8'));
        rest = rest.subarray(to);
      }
    });
  });
  await new Promise<void>((resolve) => tls.listen(port, '127.0.0.1', resolve));
  const stop = async (): Promise<void> => {
    for (const socket of sockets) socket.destroy();
    await new Promise((resolve) => tls.close(resolve));
  };
  closing.push(stop);
  return { port: (tls.address() as AddressInfo).port, messages, sockets, stop };
}

async function trailOf(options: AuditTrailOptions): Promise<AuditTrail> {
  const trail = await auditTrail(options);
  closing.push(() => trail.close());
  return trail;
}

const to = (port: number, ca = cert): NonNullable<AuditTrailOptions['syslog']> => ({
  host: '127.0.0.1',
  serverName: 'localhost',
  port,
  ca,
  retryMs: [20, 40],
  sender: { host: 'or-3.local' },
});

function event(n: number): AuditEvent {
  const common = { utc: '2026-03-01T08:30:00.000Z', source: { id: 'trocar' } };
  return patientRecord('R', { userId: `user ${n} ü`, isRequestor: true }, { id: String(n) }, common);
}

/** The users of syslog messages, in their order; the XML in each is checked. */
function usersOf(messages: readonly string[]): string[] {
  return messages.map((message) => {
    const [, xml = ''] = /^<8[45]>1 \S+ or-3\.local trocar - DICOM\+RFC3881 - \ufeff(.*)$/s.exec(message) ?? [];
    return checkAuditMessage(xml).children[1]?.attributes['UserID'] as string;
  });
}

const users = (from: number, until: number): string[] => Array.from({ length: until - from }, (_, n) => `user ${from + n} ü`);

describe('an audit file', () => {
  it('has one checked message a line, in order, only its owner can read it', async () => {
    const trail = await trailOf({ file });
    await Promise.all(Array.from({ length: 20 }, (_, n) => trail.record(event(n))));
    const lines = readFileSync(file, 'utf8').trim().split('\n');
    expect(lines.map((line) => checkAuditMessage(line).children[1]?.attributes['UserID'])).toEqual(users(0, 20));
    await trail.close();
    expect(await codeOfAsync(() => trail.record(event(1)))).toBe('audit/write-failed');
  });

  it('is refused where it cannot be written', async () => {
    expect(await codeOfAsync(() => auditTrail({ file: join(folder, 'no', 'such', 'folder') }))).toBe('audit/write-failed');
    expect(await codeOfAsync(() => auditTrail({}))).toBe('audit/bad-option');
  });
});

describe.skipIf(!hasOpenssl)('an audit server over TLS (needs openssl)', () => {
  it('gets every message, framed, in order', async () => {
    const { port, messages } = await server();
    const trail = await trailOf({ syslog: to(port) });
    for (let n = 0; n < 200; n += 1) await trail.record(event(n));
    expect(await trail.flush(5000)).toBe(true);
    await expect.poll(() => messages.length).toBe(200);
    expect(usersOf(messages)).toEqual(users(0, 200));
  });

  it('gets what waited while it was away', async () => {
    const first = await server();
    const problems: NavError[] = [];
    const trail = await trailOf({ syslog: to(first.port), onProblem: (error) => void problems.push(error) });
    await trail.record(event(0));
    await expect.poll(() => first.messages.length).toBe(1);
    await first.stop();
    await expect.poll(() => problems.length).toBeGreaterThan(0);
    for (let n = 1; n < 50; n += 1) await trail.record(event(n));
    expect(trail.waiting).toBe(49);
    expect(problems[0]?.code).toBe('audit/refused');
    const second = await server(first.port);
    await expect.poll(() => second.messages.length, { timeout: 5000 }).toBe(49);
    expect(usersOf(second.messages)).toEqual(users(1, 50));
  });

  it('gets after a restart what only the file had, and nothing twice', async () => {
    const away = await server();
    await away.stop();
    const before = await trailOf({ file, syslog: to(away.port), queue: 3 });
    for (let n = 0; n < 10; n += 1) await before.record(event(n));
    expect(before.waiting).toBe(4);
    await before.close();
    const back = await server(away.port);
    const after = await trailOf({ file, syslog: to(away.port), queue: 3 });
    await after.record(event(10));
    expect(await after.flush(5000)).toBe(true);
    await expect.poll(() => back.messages.length).toBe(11);
    expect(usersOf(back.messages)).toEqual(users(0, 11));
    await after.close();
    const third = await trailOf({ file, syslog: to(away.port) });
    expect(third.waiting).toBe(0);
  });

  it('does not get half a line that a crash left, and that is told', async () => {
    writeFileSync(file, '');
    const { port, messages } = await server();
    const one = await trailOf({ file });
    await one.record(event(0));
    await one.close();
    appendFileSync(file, '<AuditMessage><EventIdent');
    const problems: NavError[] = [];
    const trail = await trailOf({ file, syslog: to(port), onProblem: (error) => void problems.push(error) });
    await trail.record(event(1));
    await expect.poll(() => messages.length).toBe(2);
    expect(usersOf(messages)).toEqual(users(0, 2));
    expect(problems.map(({ code }) => code)).toEqual(['audit/bad-message']);
  });

  it('loses nothing silently without a file: a full queue refuses, and the end tells', async () => {
    const away = await server();
    await away.stop();
    const problems: NavError[] = [];
    const trail = await trailOf({ syslog: to(away.port), queue: 5, onProblem: (error) => void problems.push(error) });
    for (let n = 0; n < 5; n += 1) await trail.record(event(n));
    expect(await codeOfAsync(() => trail.record(event(5)))).toBe('audit/overflow');
    await trail.close();
    expect(problems.at(-1)).toMatchObject({ code: 'audit/overflow' });
  });

  it('gets nothing where its certificate is another one', async () => {
    const { port, messages } = await server();
    const problems: NavError[] = [];
    const trail = await trailOf({ syslog: to(port, other), onProblem: (error) => void problems.push(error) });
    await trail.record(event(0));
    await expect.poll(() => problems.length).toBeGreaterThan(0);
    expect(problems[0]?.message).toMatch(/self.signed|certificate/i);
    expect(messages).toEqual([]);
    expect(trail.waiting).toBe(1);
  });
});
