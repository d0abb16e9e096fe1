import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join as pathOf } from 'node:path';
import { systemClock } from '@trocar/core';
import { checkAuditMessage } from '@trocar/core/session';
import { nodeSocket } from '@trocar/device-bridge/node';
import { afterEach, describe, expect, it } from 'vitest';
import { guardArgumentsOf, openAudit } from '../../../suite/src/node/guard-options.js';
import type { PageAudit } from '../../../suite/src/node/page-audit.js';
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

async function join(told?: PageAudit): Promise<{ world: LiveWorld; guest: LookOn }> {
  const world = await startLiveWorld('http://127.0.0.1:1', 1, told);
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

  it('is told of in the hospital’s own form: who joined, left and was refused, and who decided what', async () => {
    const folder = mkdtempSync(pathOf(tmpdir(), 'trocar-live-audit-'));
    open.push(() => rmSync(folder, { recursive: true, force: true }));
    const file = pathOf(folder, 'audit.xml');
    const told = (await openAudit(guardArgumentsOf({ audit: file }), { application: 'live-session' })) as PageAudit;
    const { world, guest } = await join(told);
    const uid = guest.observe().state?.images[0]?.frameOfReferenceUid ?? '';
    const proposal = { id: '00112233445566aa', kind: 'point', frameOfReferenceUid: uid, points: [[1, 2, 3]], text: 'x' } as const;
    expect(guest.propose(proposal)).toBe(true);
    const forger = new LookOn({
      url: `${world.bridge.url}/live/demonstration`,
      token: 'forged-forged-forged-forged-1',
      clock,
      createSocket: nodeSocket,
    });
    open.push(() => forger.close());
    await until(() => forger.link.state.link === 'refused' && world.audit.some(({ action }) => action === 'live/accepted'));
    guest.close();
    // Each line stands in the file when it was synced.
    await until(() => eventsIn(file).some((line) => line.startsWith('Logout 0 visitor')));
    expect(eventsIn(file).sort()).toEqual([
      'Login 0 operator',
      'Login 0 visitor',
      expect.stringMatching(/^Login 4 unknown observer: bridge\/unauthorised: the access token is not known/),
      'Logout 0 visitor',
      'Procedure Record 0 operator live/accepted',
      'Procedure Record 0 visitor live/proposed',
    ]);
    await world.close();
    await told.close();
    expect(eventsIn(file).at(-1)).toMatch(/^Application Stop 0 live-session/);
  });
});

/** Type or event, outcome, who, and why or what; every line was checked against PS3.15, A.5. */
function eventsIn(file: string): string[] {
  const lines = readFileSync(file, 'utf8')
    .trimEnd()
    .split('\n')
    .filter((xml) => xml !== '');
  return lines.map((xml) => {
    const [what, who, ...rest] = checkAuditMessage(xml).children;
    const [event, type] = what?.children ?? [];
    const name = (type?.name === 'EventTypeCode' ? type : event)?.attributes['originalText'];
    const why = what?.children.find((one) => one.name === 'EventOutcomeDescription')?.text;
    const detail = rest.flatMap(({ children }) => children).find((one) => one.name === 'ParticipantObjectDetail');
    const action = detail && Buffer.from(detail.attributes['value'] as string, 'base64').toString();
    const person = who?.attributes['UserID'];
    return `${name} ${what?.attributes['EventOutcomeIndicator']} ${person}${why === undefined ? '' : `: ${why}`}${action ? ` ${action}` : ''}`;
  });
}
