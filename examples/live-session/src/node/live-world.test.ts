import { systemClock } from '@trocar/core';
import { nodeSocket } from '@trocar/device-bridge/node';
import { afterEach, describe, expect, it } from 'vitest';
import { LookOn } from '../look-on.js';
import { type LiveWorld, startLiveWorld } from './serve.js';

const clock = systemClock();
const open: Array<() => unknown> = [];
afterEach(async () => {
  for (const close of open.splice(0).reverse()) await close();
});

async function until(holds: () => boolean, within = 6000): Promise<void> {
  const from = clock.now();
  while (!holds()) {
    if (clock.now() - from > within) throw new Error(`Did not hold within ${within} ms.`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

async function join(): Promise<{ world: LiveWorld; guest: LookOn }> {
  const world = await startLiveWorld('http://127.0.0.1:1', 1);
  open.push(() => world.close());
  const guest = new LookOn({
    url: `${world.bridge.url}/live/demonstration`,
    token: world.token,
    clock,
    createSocket: nodeSocket,
  });
  open.push(() => guest.close());
  await until(() => guest.observe().freshness.standing === 'live');
  return { world, guest };
}

describe('an observer beside an operator', () => {
  it('proposes a point, which is part of the state only when the operator has accepted it, with who did what written down', async () => {
    const { world, guest } = await join();
    const uid = guest.observe().state?.images[0]?.frameOfReferenceUid ?? '';
    const proposal = {
      id: '00112233445566ff',
      kind: 'point',
      frameOfReferenceUid: uid,
      points: [[1, 2, 3]],
      text: 'here',
    } as const;
    expect(guest.propose(proposal)).toBe(true);
    expect(guest.propose({ ...proposal, id: 'ff112233445566ff', frameOfReferenceUid: '1.2.3' })).toBe(true);
    await until(() => world.audit.length === 2);
    expect(guest.observe().state?.annotations).toEqual([]);
    await until(() => (guest.observe().state?.annotations.length ?? 0) > 0);
    expect(guest.observe().state?.annotations).toEqual([{ ...proposal, by: 'visitor' }]);
    expect(guest.observe().state?.verdicts.map((one) => one.accepted)).toEqual([true, false]);
    expect(world.audit.map(({ actor, action }) => [actor, action])).toEqual([
      ['visitor', 'live/proposed'],
      ['visitor', 'live/turned-away'],
      ['operator', 'live/accepted'],
    ]);
  });

  it('shows nothing as live once the operator is gone, and says so to who proposes', async () => {
    const { world, guest } = await join();
    await world.close();
    open.shift();
    await until(() => guest.observe().freshness.standing !== 'live', 2000);
    const shown = guest.observe().state;
    expect(shown?.tools.every((one) => one.status !== 'ok')).toBe(true);
    const id = '0011223344556677';
    expect(guest.propose({ id, kind: 'text', frameOfReferenceUid: '', points: [], text: 'is anybody there' })).toBe(false);
  });
});
