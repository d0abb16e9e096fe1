import { afterEach, describe, expect, it } from 'vitest';
import WebSocket from 'ws';
import { connectObserver, connectPublisher, type ObserverLink, type PublisherLink } from '../browser/observer.js';
import { encodeFrame } from '../codec/relay/index.js';
import { nodeSocket } from './index.js';
import { type Relay, type RelayOptions, startRelay } from './relay.js';
import { Closing, clock, until } from './test-support/bridges.js';

const closing = new Closing();
afterEach(() => closing.all());

const OPERATOR = 'operator-operator-operator-1';
const OTHER = 'operator-operator-operator-2';
const GUEST = 'observer-observer-observer-1';
const LIMITED = 'observer-observer-observer-2';
const participants: RelayOptions['participants'] = [
  { token: OPERATOR, role: 'publisher', name: 'theatre 3' },
  { token: OTHER, role: 'publisher', name: 'theatre 4' },
  { token: GUEST, role: 'observer', name: 'Dr. A' },
  { token: LIMITED, role: 'observer', name: 'Dr. B', rooms: ['other'] },
];

async function relayOf(options: Partial<RelayOptions> = {}): Promise<Relay> {
  const relay = await startRelay({ clock, participants, ...options });
  closing.add(() => relay.close());
  return relay;
}

interface Operator {
  readonly link: PublisherLink;
  asked: number;
  readonly notes: Array<readonly [string, number]>;
}

function operatorOf(relay: Relay, token = OPERATOR): Operator {
  const operator: { link: PublisherLink; asked: number; notes: Array<readonly [string, number]> } = {
    asked: 0,
    notes: [],
    link: undefined as unknown as PublisherLink,
  };
  operator.link = connectPublisher({
    url: `${relay.url}/live/room`,
    token,
    clock,
    createSocket: nodeSocket,
    reconnectMs: 20,
    ask: () => {
      operator.asked += 1;
    },
    note: (bytes, by) => operator.notes.push([by, bytes[0] as number]),
  });
  closing.add(() => operator.link.close());
  return operator;
}

interface Guest {
  readonly link: ObserverLink;
  readonly got: number[];
  lost: number;
}

function guestOf(relay: Relay, token = GUEST): Guest {
  const guest: { link: ObserverLink; got: number[]; lost: number } = {
    got: [],
    lost: 0,
    link: undefined as unknown as ObserverLink,
  };
  guest.link = connectObserver({
    url: `${relay.url}/live/room`,
    token,
    clock,
    createSocket: nodeSocket,
    reconnectMs: 20,
    message: (bytes) => {
      if (bytes[0] === 255) throw new Error('a message that cannot be taken');
      guest.got.push(bytes[0] as number);
    },
    lost: () => {
      guest.lost += 1;
    },
  });
  closing.add(() => guest.link.close());
  return guest;
}

const is = (link: { readonly state: { readonly link: string } }, state: string): Promise<number> =>
  until(() => link.state.link === state, 3000);

/** What a bare WebSocket is told: the HTTP status, or the code that it is closed with after sending something. */
function attempt(url: string, token: string | undefined, frame?: Uint8Array | string, times = 1): Promise<number> {
  return new Promise((resolve) => {
    const socket = new WebSocket(url, { headers: token === undefined ? {} : { authorization: `Bearer ${token}` } });
    closing.add(() => socket.terminate());
    socket.on('error', () => undefined);
    socket.on('open', () => {
      if (frame === undefined) resolve(101);
      else for (let n = 0; n < times; n += 1) socket.send(frame);
    });
    socket.on('close', (code) => resolve(code));
    socket.on('unexpected-response', (asked, response) => {
      asked.destroy();
      resolve(response.statusCode ?? 0);
    });
  });
}

describe('a relay', () => {
  it('carries what the operator sends to who looks on, in order, and to who joins late what came before', async () => {
    const relay = await relayOf();
    const operator = operatorOf(relay);
    await is(operator.link, 'open');
    const early = guestOf(relay);
    await is(early.link, 'open');
    await until(() => operator.asked > 0, 1000);
    operator.link.send('snapshot', Uint8Array.of(1));
    operator.link.send('change', Uint8Array.of(2));
    operator.link.send('motion', Uint8Array.of(3));
    await until(() => early.got.length === 3, 1000);
    const late = guestOf(relay);
    await until(() => late.got.length === 3, 1000);
    expect([early.got, late.got]).toEqual([
      [1, 2, 3],
      [1, 2, 3],
    ]);
    expect(late.link.state).toMatchObject({ link: 'open', publisher: true });
    await until(() => late.link.roundTripMs >= 0, 3000);
  });

  it('asks for a whole state where one cannot follow, and gives it to that one alone', async () => {
    const relay = await relayOf();
    const operator = operatorOf(relay);
    const [one, other] = [guestOf(relay), guestOf(relay)];
    await until(() => one.link.state.publisher && other.link.state.publisher && operator.asked > 0, 2000);
    operator.link.send('snapshot', Uint8Array.of(1));
    await until(() => one.got.length === 1 && other.got.length === 1, 1000);
    const before = operator.asked;
    one.link.ask();
    await until(() => operator.asked > before, 1000);
    operator.link.send('snapshot', Uint8Array.of(2));
    operator.link.send('motion', Uint8Array.of(3));
    await until(() => one.got.at(-1) === 3 && other.got.at(-1) === 3, 1000);
    expect(one.got).toEqual([1, 2, 3]);
    expect(other.got).toEqual([1, 3]);
  });

  it('connects again where a message could not be taken, and begins with a whole state', async () => {
    const relay = await relayOf();
    const operator = operatorOf(relay);
    const guest = guestOf(relay);
    await until(() => guest.link.state.publisher && operator.asked > 0, 2000);
    operator.link.send('snapshot', Uint8Array.of(1));
    await until(() => guest.got.length === 1, 1000);
    operator.link.send('motion', Uint8Array.of(255));
    await until(() => guest.link.connections === 2, 2000);
    expect(guest.lost).toBeGreaterThan(0);
    operator.link.send('motion', Uint8Array.of(4));
    await until(() => guest.got.at(-1) === 4, 2000);
    expect(guest.got.slice(0, 2)).toEqual([1, 1]);
  });

  it('tells who looks on at once that the operator is gone', async () => {
    const relay = await relayOf();
    const operator = operatorOf(relay);
    const guest = guestOf(relay);
    await until(() => guest.link.state.publisher, 2000);
    expect(guest.link.note(Uint8Array.of(7))).toBe(true);
    await until(() => operator.notes.length === 1, 1000);
    expect(operator.notes).toEqual([['Dr. A', 7]]);
    operator.link.close();
    await until(() => !guest.link.state.publisher, 1000);
    expect(guest.lost).toBe(1);
    expect(guest.link.note(Uint8Array.of(8))).toBe(false);
  });

  it('lets one operator publish: another is refused, the same one takes its own place', async () => {
    const relay = await relayOf();
    const first = operatorOf(relay);
    await is(first.link, 'open');
    const other = operatorOf(relay, OTHER);
    await is(other.link, 'refused');
    expect(other.link.state.reason).toMatch(/another operator/);
    const again = operatorOf(relay);
    await is(again.link, 'open');
    expect(relay.room('room')?.hasPublisher).toBe(true);
  });

  it('lets nobody in without a token, or into a room that the token is not for', async () => {
    const relay = await relayOf();
    const url = `${relay.url}/live/room`;
    expect(await attempt(url, undefined)).toBe(401);
    expect(await attempt(url, `${GUEST}x`)).toBe(401);
    expect(await attempt(`${url}?token=${GUEST}`, undefined)).toBe(401);
    expect(await attempt(url, LIMITED)).toBe(403);
    expect(await attempt(`${relay.url}/live/Patient%20Name`, GUEST)).toBe(404);
    expect(await attempt(`${relay.url}/live/other`, LIMITED)).toBe(101);
    const guest = guestOf(relay, 'nobody-nobody-nobody-nobody-1');
    await is(guest.link, 'refused');
    const wrong = guestOf(relay, OPERATOR);
    await is(wrong.link, 'refused');
  });

  it.each<[string, number, Uint8Array | string, number]>([
    ['a state', 4002, encodeFrame({ type: 'carried', kind: 'change', payload: Uint8Array.of(1), kept: false }), 1],
    ['an acknowledgement of what was not sent', 4002, encodeFrame({ type: 'ack', count: 1000 }), 1],
    ['no frame', 4002, Uint8Array.of(77, 1), 1],
    ['text', 4002, 'hello', 1],
    ['a thousand pings', 4004, encodeFrame({ type: 'ping', id: 1 }), 1000],
    ['a hundred notes', 4004, encodeFrame({ type: 'note', by: '', payload: new Uint8Array(9) }), 100],
  ])('sends an observer away who sends %s', async (_, code, frame, times) => {
    const relay = await relayOf();
    expect(await attempt(`${relay.url}/live/room`, GUEST, frame, times)).toBe(code);
    expect(relay.room('room')?.observerCount ?? 0).toBe(0);
  });

  it('cuts an observer that reads nothing, and its others do not notice', async () => {
    const relay = await relayOf({ room: { mostWaitingBytes: 40_000, bytesPerSecond: 1e6, windowBytes: 10_000 } });
    const operator = operatorOf(relay);
    const good = guestOf(relay);
    await until(() => good.link.state.publisher && operator.asked > 0, 2000);
    operator.link.send('snapshot', Uint8Array.of(1));
    const stuck = new WebSocket(`${relay.url}/live/room`, { headers: { authorization: `Bearer ${GUEST}` } });
    closing.add(() => stuck.terminate());
    await new Promise((resolve) => stuck.once('open', resolve));
    stuck.pause();
    const big = new Uint8Array(6000);
    for (let n = 0; n < 15; n += 1) {
      big[0] = 10 + n;
      operator.link.send('change', big);
      await until(() => good.got.includes(10 + n), 3000);
    }
    await until(() => relay.room('room')?.observerCount === 1, 3000);
    expect(relay.room('room')?.counts.tooSlow).toBe(1);
    expect(good.got.filter((n) => n >= 10)).toEqual(Array.from({ length: 15 }, (_, n) => 10 + n));
    const metrics = await (
      await fetch(`${relay.url.replace('ws', 'http')}/metrics`, { headers: { authorization: `Bearer ${GUEST}` } })
    ).text();
    expect(metrics).toMatch(/trocar_relay_too_slow_total\{room="room"\} 1/);
    expect(metrics).not.toMatch(/Dr\. A|theatre/);
  });

  it.each<[string, string, Partial<RelayOptions>]>([
    ['without a publisher', 'relay/bad-option', { participants: participants.filter((one) => one.role === 'observer') }],
    ['with a short token', 'bridge/bad-option', { participants: [{ token: 'short', role: 'publisher', name: 'a' }] }],
    [
      'with a room of another name',
      'relay/bad-option',
      { participants: [{ token: OPERATOR, role: 'publisher', name: 'a', rooms: ['A b'] }] },
    ],
    ['where other machines reach it without TLS', 'bridge/bad-option', { host: '0.0.0.0', allowRemote: true }],
    ['with a limit of 0', 'relay/bad-option', { room: { observers: 0 } }],
  ])('does not start %s', async (_, code, options) => {
    await expect(startRelay({ clock, participants, ...options })).rejects.toMatchObject({ code });
  });
});
