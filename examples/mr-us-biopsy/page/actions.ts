import { type DocumentKind, documentActions } from '../../suite/page/documents.js';
import type { Errands } from '../../suite/page/errands.js';
import { pause } from '../../suite/page/link.js';
import type { Action } from '../../suite/page/panel.js';
import { withResults } from '../../suite/page/results.js';
import { isRefusal } from '../../suite/src/refusal.js';
import type { ToolName } from '../src/frames.js';
import { BATH_BEADS } from '../src/probe.js';
import { BEAD_VIEWS, PICTURES_A_VIEW, whyNotCalibrated } from '../src/probe-calibration.js';
import type { Procedure } from '../src/procedure.js';
import { HELD_OUT_MARKS, INITIAL_MARKS } from '../src/register-step.js';
import { inReference } from '../src/simulated-procedure.js';
import { fitBeadInWorker } from './fit-bead-in-worker.js';
import { BY, type Keeping } from './keeping.js';
import { scriptedMarks } from './server-link.js';
import type { Step } from './shell.js';
import { t } from './texts/index.js';

/** What the buttons work on. */
export interface ActionPlace {
  readonly procedure: Procedure;
  readonly keeping: Keeping;
  readonly errands: Errands<ToolName>;
  readonly step: Step;
  /** Whether this page does something by itself now; while it does, nothing else begins. */
  readonly doing: boolean;
  readonly simulation: { hangs: boolean; moved: boolean };
  /** Runs something that takes a while, and says so. */
  run(doing: string, act: () => Promise<void>): void;
  tryOtherSegmentation(): void;
  write(kind: DocumentKind): void;
  /** What can be done with the results, where there is somewhere to keep them. */
  readonly results: readonly Action[];
}

/** Where the gland goes when it is pushed, mm along the body's axes. */
const MOVED = [-1, 2, 5] as const;

/** The buttons of this moment. */
export function actionsOf(place: ActionPlace): Action[] {
  const made = ACTIONS[place.step](place);
  const free = !place.doing && !place.keeping.busy;
  return free ? made : made.map((a) => (a.id === 'stop' ? a : { ...a, disabled: true }));
}

const ACTIONS: Readonly<Record<Step, (place: ActionPlace) => Action[]>> = {
  import: importActions,
  calibrate: equipmentActions,
  sweep: sweepActions,
  register: registerActions,
  verify: verifyActions,
  biopsy: biopsyActions,
  finished: ({ write, results }) => withResults(documentActions(write), results),
};

function importActions({ keeping, run, tryOtherSegmentation }: ActionPlace): Action[] {
  const [newest] = keeping.open;
  const accept = (): void => run('', () => keeping.acceptCase());
  const begin: Action[] =
    newest === undefined
      ? [{ id: 'accept-case', label: t('Accept images and targets'), primary: true, run: accept }]
      : [
          { id: 'resume', label: t('Resume the open procedure'), primary: true, run: () => keeping.resume(newest.name) },
          { id: 'accept-case', label: t('Accept images and targets, begin anew'), wide: true, run: accept },
        ];
  return [
    ...begin,
    { id: 'other-segmentation', label: t('Segmentation of another frame'), simulated: true, run: tryOtherSegmentation },
  ];
}

/** The next check that has not held yet. */
function nextCheck({
  equipment: { checks },
}: Procedure): { readonly label: string; readonly of: 'side' | 'needle' | number } | undefined {
  if (!checks.side) return { label: t('Check the marked side'), of: 'side' };
  const bead = checks.beadsMm.indexOf(undefined);
  if (bead >= 0) return { label: t('Check bead {n} of {count}', { n: bead + 1, count: BATH_BEADS.length }), of: bead };
  return checks.needleMm === undefined ? { label: t('Check the needle guide'), of: 'needle' } : undefined;
}

/** The bead from all sides: a person would turn the probe, here the simulated hand does. */
async function calibrateProbe({ procedure, errands }: ActionPlace): Promise<void> {
  const { calibration } = procedure;
  calibration.restart();
  for (let n = 0; n < 2 * BEAD_VIEWS && !calibration.done; n += 1) {
    await errands.send({ view: n });
    for (let k = 0; k < PICTURES_A_VIEW && !calibration.done; k += 1) {
      await freshImage(procedure);
      const refusal = procedure.viewBead();
      if (refusal !== undefined && refusal.code !== 'no-bead') return;
    }
  }
  // Worked out beside the page, which goes on drawing: a live image that stands still is no live image.
  const { done, seen } = calibration;
  if (done) procedure.reviewProbeCalibration(seen, await fitBeadInWorker(seen));
}

function equipmentActions(place: ActionPlace): Action[] {
  const { procedure, keeping, errands } = place;
  const calibrate: Action = {
    id: 'calibrate-probe',
    label: t('Calibrate the probe anew'),
    wide: true,
    run: () => place.run(t('Looking at bead 1 from all sides …'), () => calibrateProbe(place)),
  };
  const { found } = procedure.calibration;
  if (found !== undefined && whyNotCalibrated(found) === undefined) {
    const accept = (): void => place.run('', () => keeping.accept((kept) => kept.acceptProbeCalibration()));
    return [
      { id: 'accept-calibration', label: t('Accept the calibration'), primary: true, accepts: true, run: accept },
      { id: 'keep-stored', label: t('Keep the calibration before'), wide: true, run: () => procedure.calibration.restart() },
    ];
  }
  const next = nextCheck(procedure);
  if (next === undefined) {
    const accept = (): void => place.run('', () => keeping.accept((kept) => kept.acceptEquipment()));
    return [{ id: 'accept-equipment', label: t('Accept probe and guide'), primary: true, accepts: true, run: accept }, calibrate];
  }
  const check = async (): Promise<void> => {
    await errands.send(next.of === 'side' || next.of === 'needle' ? { bead: 0 } : { bead: next.of });
    if (next.of === 'side') await errands.send({ finger: true });
    if (next.of === 'needle') await errands.send({ needle: true });
    await freshImage(procedure);
    procedure.check(next.of);
    if (next.of === 'side') await errands.send({ finger: false });
    if (next.of === 'needle') await errands.send({ needle: false });
  };
  return [{ id: 'check', label: next.label, primary: true, run: () => place.run(next.label, check) }, calibrate];
}

function sweepActions(place: ActionPlace): Action[] {
  const { procedure, errands, keeping } = place;
  const sweep = (fault: 'good' | 'gap' | 'too-fast') => async (): Promise<void> => {
    // First to where it begins: what is recorded on the way there is no sweep.
    await errands.send({ begin: true });
    await freshImage(procedure);
    if (procedure.startSweep() !== undefined) return;
    await errands.send({ sweep: fault });
    await freshImage(procedure);
    if (procedure.endSweep() === undefined) await keeping.accept((kept) => kept.keepSweep());
  };
  const run = (fault: 'good' | 'gap' | 'too-fast') => (): void => place.run(t('Sweeping …'), sweep(fault));
  return [
    { id: 'sweep', label: t('Sweep the gland'), primary: true, run: run('good') },
    { id: 'sweep-gap', label: t('Sweep with a slip'), simulated: true, run: run('gap') },
    { id: 'sweep-fast', label: t('Sweep too fast'), simulated: true, run: run('too-fast') },
  ];
}

const markAll = async (procedure: Procedure, names: readonly string[]): Promise<void> => {
  for (const mark of await scriptedMarks(names)) procedure.mark(mark);
};

function registerActions(place: ActionPlace): Action[] {
  const { procedure, keeping } = place;
  const again = sweepAgain(place);
  if (procedure.isRegistering) return [{ id: 'stop', label: t('Stop'), wide: true, run: () => procedure.stopRegistering() }];
  if (procedure.marksWanted.length > 0) {
    return [
      {
        id: 'mark',
        label: t('Mark four places in both images'),
        primary: true,
        run: () => place.run(t('Marking …'), () => markAll(procedure, INITIAL_MARKS)),
      },
      again,
    ];
  }
  const register: Action = {
    id: 'register',
    label: procedure.proposal === undefined ? t('Register') : t('Register again'),
    primary: procedure.proposal === undefined,
    run: () => place.run('', async () => void (await procedure.register())),
  };
  if (procedure.proposal === undefined) return [register, again];
  const accept = (): void => place.run('', () => keeping.accept((kept) => kept.acceptRegistration()));
  return [
    { id: 'accept-registration', label: t('Accept registration'), primary: true, accepts: true, run: accept },
    register,
    again,
  ];
}

function sweepAgain({ run, keeping }: ActionPlace): Action {
  return { id: 'sweep-again', label: t('Sweep again'), run: () => run('', () => keeping.accept((kept) => kept.sweepAgain())) };
}

/** What is to be done for a verification now: landmarks first. */
function verifyAction({ procedure, keeping, run }: ActionPlace): Action {
  const mark = (): Promise<void> => markAll(procedure, HELD_OUT_MARKS);
  const verify = (): Promise<void> => keeping.accept((kept) => kept.verify());
  if (procedure.marksWanted.length > 0)
    return { id: 'mark', label: t('Mark landmarks in both images'), primary: true, run: () => run(t('Marking …'), mark) };
  // It is what ends the alarms of a registration in doubt: they do not stand in its way.
  return { id: 'verify', label: t('Verify'), primary: true, run: () => run(t('Verifying …'), verify) };
}

function verifyActions(place: ActionPlace): Action[] {
  const again: Action = { id: 'mark-again', label: t('Mark again'), run: () => void place.procedure.verifyAgain() };
  return [verifyAction(place), again, sweepAgain(place)];
}

function biopsyActions(place: ActionPlace): Action[] {
  const { procedure, keeping, errands, simulation } = place;
  const fire = async (): Promise<void> => {
    const insertedMm = procedure.aim.stop?.settingMm ?? Number.NaN;
    const taken = procedure.takeCore(BY, insertedMm);
    // The gun goes off at that moment, whatever the program makes of it.
    await Promise.all([isRefusal(taken) ? undefined : errands.send({ fire: insertedMm }), keeping.fired(taken)]);
    const next = isRefusal(taken) ? undefined : procedure.next();
    if (next !== undefined) procedure.fire.aimAt(next.name);
  };
  const primary: Action[] = procedure.needsVerification
    ? [verifyAction(place)]
    : [
        {
          id: 'fire',
          label: t('Fire · stop at {depth}', { depth: stopText(procedure) }),
          primary: true,
          accepts: true,
          disabled: Number.isNaN(procedure.aim.probability),
          run: () => place.run('', fire),
        },
      ];
  const again: Action = { id: 'verify-again', label: t('Verify again'), run: () => void procedure.verifyAgain() };
  const finish: Action = { id: 'finish', label: t('Finish'), run: () => void procedure.finish() };
  const others = procedure.needsVerification ? [sweepAgain(place)] : [again];
  return [...primary, ...others, finish, ...simulated(place, errands, simulation)];
}

function simulated(
  { procedure, run }: ActionPlace,
  errands: ActionPlace['errands'],
  simulation: ActionPlace['simulation'],
): Action[] {
  const aim = async (): Promise<void> => {
    const m = procedure.registration?.matrix;
    if (m !== undefined) await errands.send({ aim: Array.from(inReference(m, procedure.fire.target.centre.xyz)) });
  };
  return [
    { id: 'aim', label: t('Aim at the target'), simulated: true, run: () => run(t('Aiming …'), aim) },
    {
      id: 'move',
      label: simulation.moved ? t('Put the gland back') : t('Move the prostate'),
      simulated: true,
      pressed: simulation.moved,
      run: () => {
        simulation.moved = !simulation.moved;
        void errands.send({ move: simulation.moved ? MOVED : [0, 0, 0] });
      },
    },
    {
      id: 'hide',
      label: t('Hide the probe'),
      simulated: true,
      pressed: errands.covered.has('probe'),
      run: () => errands.cover('probe'),
    },
    {
      id: 'hang',
      label: t('Freeze the image'),
      simulated: true,
      pressed: simulation.hangs,
      run: () => {
        simulation.hangs = !simulation.hangs;
        void errands.send({ hang: simulation.hangs });
      },
    },
  ];
}

function stopText({ aim }: Procedure): string {
  return aim.stop === undefined ? '–' : `${aim.stop.settingMm} mm`;
}

/** Waits for a picture that was taken after now. */
async function freshImage(procedure: Procedure): Promise<void> {
  const from = procedure.graph.at;
  for (let n = 0; n < 40 && !((procedure.latest?.frame.atMs ?? 0) > from); n += 1) await pause(50);
}
