/**
 * Run by session-folder.test.ts and killed by it: accepts things in a session in the folder that is its argument until it
 * dies, and says the number of each once it is accepted.
 */
import { writeSync } from 'node:fs';
import { frame, point, systemClock } from '@trocar/core';
import { straightPlan } from '@trocar/core/guidance';
import { beginSession, restoreSession } from '../index.js';
import { sessionFolder } from './index.js';

const ct = frame('ct');
const image = {
  frame: ct,
  frameOfReferenceUid: '1.2.3',
  patient: {},
  series: {},
  size: [2, 2, 2],
  frameFromIndex: [1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1],
};
const storage = await sessionFolder(process.argv[2]);
const parts = { storage, clock: systemClock(), image, by: 'probe' };
const { journal } = await storage.load();
const session =
  journal.length === 0 ? await beginSession({ ...parts, software: 'probe' }) : (await restoreSession(parts)).session;

/** Three at once, so that a kill also comes between the lines of one write. */
const accept = async (n) => {
  const target = point(ct, [n / 3, -0, n * 1e-7]);
  const plan = straightPlan({ entry: point(ct, [0, 0, 100]), target, frameOfReferenceUid: '1.2.3' });
  await Promise.all([
    session.acceptPlan(plan, 'probe').then(() => writeSync(1, `plan ${n}\n`)),
    session.acceptRecord('core', String(n), { at: [n / 7, -0] }, 'probe').then(() => writeSync(1, `core ${n}\n`)),
    session.note('note', 'n', String(n), 'probe').then(() => writeSync(1, `note ${n}\n`)),
  ]);
};

for (let n = session.state.records.length; ; n += 1) await accept(n);
