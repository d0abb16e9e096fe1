import { connect } from 'node:tls';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import WebSocket from 'ws';
import { connectObserver, connectPublisher, type ObserverLink, type PublisherLink } from '../browser/observer.js';
import { nodeSocketWith } from './index.js';
import { type Relay, type RelayLogEntry, type RelayOptions, startRelay } from './relay.js';
import { Closing, clock, until } from './test-support/bridges.js';
import { type Authority, authority, type Certified, hasOpenssl } from './test-support/certificates.js';

const closing = new Closing();
afterEach(() => closing.all());

const OPERATOR = 'operator-operator-operator-1';
const GUEST = 'observer-observer-observer-1';
const participants: RelayOptions['participants'] = [
  { token: OPERATOR, role: 'publisher', name: 'theatre 3' },
  { token: GUEST, role: 'observer', name: 'Dr. A' },
];

describe.skipIf(!hasOpenssl)('a relay over wss (needs openssl)', () => {
  let trusted: Authority;
  let identity: Certified;
  let log: RelayLogEntry[] = [];
  beforeAll(() => {
    trusted = authority();
    identity = trusted.issue('localhost');
  });
  afterAll(() => trusted?.remove());

  async function relayOf(options: Partial<RelayOptions> = {}): Promise<Relay> {
    // Its own: who leaves the relay of the test before does so when this one has begun.
    const told: RelayLogEntry[] = [];
    log = told;
    const relay = await startRelay({ clock, participants, tls: identity, log: (entry) => told.push(entry), ...options });
    closing.add(() => relay.close());
    return relay;
  }

  /** The relay listens on an address; its certificate is for a name. */
  const roomOf = ({ url, port }: Relay, name = 'localhost'): string => `${url.split('://')[0]}://${name}:${port}/live/room`;

  function operatorOf(relay: Relay): PublisherLink {
    const link = connectPublisher({
      url: roomOf(relay),
      token: OPERATOR,
      clock,
      createSocket: nodeSocketWith({ ca: trusted.ca }),
      reconnectMs: 20,
      ask: () => link.send('snapshot', Uint8Array.of(1)),
      note: () => undefined,
    });
    closing.add(() => link.close());
    return link;
  }

  function guestOf(url: string, ca: string | undefined, got: number[] = []): ObserverLink {
    const link = connectObserver({
      url,
      token: GUEST,
      clock,
      createSocket: nodeSocketWith(ca === undefined ? {} : { ca }),
      reconnectMs: 20,
      message: (bytes) => void got.push(bytes[0] as number),
    });
    closing.add(() => link.close());
    return link;
  }

  it('carries a session beyond this machine’s own address to who trusts its certificate, in order', async () => {
    const relay = await relayOf({ host: '0.0.0.0', allowRemote: true, allowedHosts: ['localhost'] });
    expect(relay.url).toMatch(/^wss:/);
    const operator = operatorOf(relay);
    await until(() => operator.state.link === 'open', 3000);
    const got: number[] = [];
    const guest = guestOf(roomOf(relay), trusted.ca, got);
    await until(() => got.length === 1 && guest.state.publisher, 3000);
    for (const n of [2, 3, 4]) operator.send('change', Uint8Array.of(n));
    await until(() => got.length === 4, 3000);
    expect(got).toEqual([1, 2, 3, 4]);
    expect(log.map(({ what, who }) => `${what} ${who}`)).toEqual(['joined theatre 3', 'joined Dr. A']);
  });

  it.each<[string, () => { relay?: Partial<RelayOptions>; name?: string; ca?: string }, RegExp]>([
    ['that it does not trust', () => ({}), /issuer|self.signed|verify/i],
    ['that has expired', () => ({ relay: { tls: trusted.issue('localhost', -1) }, ca: trusted.ca }), /expired/i],
    ['of another name', () => ({ relay: { tls: trusted.issue('relay.example') }, ca: trusted.ca }), /altnames/i],
  ])('is not spoken with by an observer that finds a certificate %s', async (_, made, why) => {
    const { relay: options, ca } = made();
    const relay = await relayOf(options);
    const guest = guestOf(roomOf(relay), ca);
    await until(() => why.test(guest.state.reason), 3000);
    expect(guest.connections).toBe(0);
    // Who does not get through the handshake has not shown a token either.
    expect(log).toEqual([]);
  });

  it('does not answer without TLS, nor below TLS 1.2', async () => {
    const relay = await relayOf();
    const plain = new WebSocket(roomOf(relay).replace('wss:', 'ws:'), { headers: { authorization: `Bearer ${GUEST}` } });
    const failed = new Promise<string>((resolve) => {
      plain.once('error', (error) => resolve(error.message));
      plain.once('open', () => resolve('open'));
    });
    expect(await failed).not.toBe('open');
    const old = connect({ port: relay.port, host: '127.0.0.1', ca: trusted.ca, servername: 'localhost', maxVersion: 'TLSv1.1' });
    const ended = await new Promise<string>((resolve) => {
      old.once('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
      old.once('secureConnect', () => resolve('secure'));
    });
    expect(ended).toMatch(/SSL|TLS|ECONNRESET/);
    expect(log).toEqual([]);
  });

  it('turns a wrong token and a name that is not its own away inside TLS', async () => {
    const relay = await relayOf({ host: '0.0.0.0', allowRemote: true, allowedHosts: ['relay.example'] });
    const status = await new Promise<number>((resolve) => {
      const asked = new WebSocket(roomOf(relay), { ca: trusted.ca, headers: { authorization: `Bearer ${GUEST}` } });
      asked.on('error', () => undefined);
      asked.once('unexpected-response', (_, answer) => resolve(answer.statusCode ?? 0));
      asked.once('open', () => resolve(101));
    });
    expect(status).toBe(403);
    expect(log).toEqual([{ what: 'refused', room: '', who: expect.stringMatching(/^bridge\/foreign-origin: .*localhost/) }]);
  });

  it('does not start with a key of another certificate', async () => {
    const tls = { cert: identity.cert, key: trusted.issue('localhost').key };
    await expect(startRelay({ clock, participants, tls })).rejects.toMatchObject({ code: 'bridge/bad-option' });
  });
});
