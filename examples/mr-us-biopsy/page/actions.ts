import { UNKNOWN } from '@trocar/core/guidance';
import { formatProbability } from '@trocar/core/render';
import type { Errands } from '../../suite/page/errands.js';
import { pause } from '../../suite/page/link.js';
import type { Action } from '../../suite/page/panel.js';
import { isRefusal } from '../../suite/src/refusal.js';
import type { ToolName } from '../src/frames.js';
import type { KeptBiopsy } from '../src/kept.js';
import { BATH_BEADS } from '../src/probe.js';
import type { Procedure } from '../src/procedure.js';
import { HELD_OUT_MARKS, INITIAL_MARKS } from '../src/register-step.js';
import { inReference } from '../src/simulated-procedure.js';
import { scriptedMarks } from './server-link.js';
import type { Step } from './shell.js';

/** What the buttons work on. */
export interface ActionPlace {
  readonly procedure: Procedure;
  readonly kept: KeptBiopsy;
  readonly errands: Errands<ToolName>;
  readonly step: Step;
  /** What this page is doing by itself now; while it does, nothing else begins. */
  readonly doing: string;
  readonly simulation: { hangs: boolean; moved: boolean };
  /** Runs something that takes a while, and says so. */
  run(doing: string, act: () => Promise<void>): void;
  acceptCase(): void;
  tryOtherSegmentation(): void;
  report(): void;
}

/** Who fires and accepts in the simulation. */
export const BY = 'operator';
/** Where the gland goes when it is pushed, mm along the body's axes. */
const MOVED = [-1, 2, 5] as const;

/** The buttons of this moment. */
export function actionsOf(place: ActionPlace): Action[] {
  const made = ACTIONS[place.step](place);
  return place.doing === '' ? made : made.map((a) => (a.id === 'stop' ? a : { ...a, disabled: true }));
}

const ACTIONS: Readonly<Record<Step, (place: ActionPlace) => Action[]>> = {
  import: (place) => [
    { id: 'accept-case', label: 'Accept images and targets', primary: true, run: place.acceptCase },
    { id: 'other-segmentation', label: 'Segmentation of another frame', simulated: true, run: place.tryOtherSegmentation },
  ],
  calibrate: equipmentActions,
  sweep: sweepActions,
  register: registerActions,
  verify: verifyActions,
  biopsy: biopsyActions,
  finished: (place) => [{ id: 'report', label: 'Write report', primary: true, run: place.report }],
};

/** The next check that has not held yet. */
function nextCheck({
  equipment: { checks },
}: Procedure): { readonly label: string; readonly what: 'side' | 'needle' | number } | undefined {
  if (!checks.side) return { label: 'Check the marked side', what: 'side' };
  const bead = checks.beadsMm.indexOf(undefined);
  if (bead >= 0) return { label: `Check bead ${bead + 1} of ${BATH_BEADS.length}`, what: bead };
  return checks.needleMm === undefined ? { label: 'Check the needle guide', what: 'needle' } : undefined;
}

function equipmentActions(place: ActionPlace): Action[] {
  const { procedure, kept, errands } = place;
  const next = nextCheck(procedure);
  if (next === undefined) {
    const accept = async (): Promise<void> => {
      if (procedure.acceptEquipment() === undefined) await kept.calibrations();
    };
    return [
      {
        id: 'accept-equipment',
        label: 'Accept probe and guide',
        primary: true,
        accepts: true,
        run: () => place.run('Keeping …', accept),
      },
    ];
  }
  const check = async (): Promise<void> => {
    await errands.send(next.what === 'side' || next.what === 'needle' ? { bead: 0 } : { bead: next.what });
    if (next.what === 'side') await errands.send({ finger: true });
    if (next.what === 'needle') await errands.send({ needle: true });
    await freshImage(procedure);
    procedure.check(next.what);
    if (next.what === 'side') await errands.send({ finger: false });
    if (next.what === 'needle') await errands.send({ needle: false });
  };
  return [{ id: 'check', label: next.label, primary: true, run: () => place.run(next.label, check) }];
}

function sweepActions(place: ActionPlace): Action[] {
  const { procedure, errands } = place;
  const sweep = (fault: 'good' | 'gap' | 'too-fast') => async (): Promise<void> => {
    // First to where it begins: what is recorded on the way there is no sweep.
    await errands.send({ begin: true });
    await freshImage(procedure);
    if (procedure.startSweep() !== undefined) return;
    await errands.send({ sweep: fault });
    await freshImage(procedure);
    procedure.endSweep();
  };
  const run = (fault: 'good' | 'gap' | 'too-fast') => (): void => place.run('Sweeping …', sweep(fault));
  return [
    { id: 'sweep', label: 'Sweep the gland', primary: true, run: run('good') },
    { id: 'sweep-gap', label: 'Sweep with a slip', simulated: true, run: run('gap') },
    { id: 'sweep-fast', label: 'Sweep too fast', simulated: true, run: run('too-fast') },
  ];
}

const markAll = async (procedure: Procedure, names: readonly string[]): Promise<void> => {
  for (const mark of await scriptedMarks(names)) procedure.mark(mark);
};

function registerActions(place: ActionPlace): Action[] {
  const { procedure, kept } = place;
  const again: Action = { id: 'sweep-again', label: 'Sweep again', run: () => void procedure.sweepAgain() };
  if (procedure.isRegistering) return [{ id: 'stop', label: 'Stop', wide: true, run: () => procedure.stopRegistering() }];
  if (procedure.marksWanted.length > 0) {
    return [
      {
        id: 'mark',
        label: 'Mark four places in both images',
        primary: true,
        run: () => place.run('Marking …', () => markAll(procedure, INITIAL_MARKS)),
      },
      again,
    ];
  }
  const register: Action = {
    id: 'register',
    label: procedure.proposal === undefined ? 'Register' : 'Register again',
    primary: procedure.proposal === undefined,
    run: () => place.run('', async () => void (await procedure.register())),
  };
  if (procedure.proposal === undefined) return [register, again];
  const accept = async (): Promise<void> => {
    if (procedure.acceptRegistration() === undefined) await kept.registration();
  };
  return [
    {
      id: 'accept-registration',
      label: 'Accept registration',
      primary: true,
      accepts: true,
      run: () => place.run('Keeping …', accept),
    },
    register,
    again,
  ];
}

function verifyActions(place: ActionPlace): Action[] {
  const { procedure, kept } = place;
  const verify = async (): Promise<void> => {
    if (procedure.verify() === undefined) await kept.verification();
  };
  const first: Action =
    procedure.marksWanted.length > 0
      ? {
          id: 'mark',
          label: 'Mark landmarks in both images',
          primary: true,
          run: () => place.run('Marking …', () => markAll(procedure, HELD_OUT_MARKS)),
        }
      : { id: 'verify', label: 'Verify', primary: true, accepts: true, run: () => place.run('Verifying …', verify) };
  return [
    first,
    { id: 'mark-again', label: 'Mark again', run: () => void procedure.verifyAgain() },
    { id: 'sweep-again', label: 'Sweep again', run: () => void procedure.sweepAgain() },
  ];
}

function biopsyActions(place: ActionPlace): Action[] {
  const { procedure, kept, errands, simulation } = place;
  const fire = async (): Promise<void> => {
    const insertedMm = procedure.aim.stop?.settingMm ?? Number.NaN;
    const taken = procedure.takeCore(BY, insertedMm);
    if (isRefusal(taken)) {
      await kept.event('warning', `refused/${taken.code}`, taken.message);
      return;
    }
    // The gun goes off at that moment, whatever the program makes of it.
    await Promise.all([errands.send({ fire: insertedMm }), kept.core(taken)]);
    const next = procedure.next();
    if (next !== undefined) procedure.fire.aimAt(next.name);
  };
  const primary: Action[] = procedure.needsVerification
    ? verifyActions(place).map((a) => (a.id === 'sweep-again' ? { ...a, label: 'Sweep again' } : a))
    : [
        {
          id: 'fire',
          label: `Fire · stop at ${stopText(procedure)}`,
          primary: true,
          disabled: Number.isNaN(procedure.aim.probability),
          run: () => place.run('', fire),
        },
      ];
  const targets = procedure.case.lesions.map(
    (l): Action => ({
      id: `target-${l.label}`,
      label: `${l.name} · ${sampledText(procedure, l.name)}`,
      pressed: l.name === procedure.fire.target.name,
      run: () => void procedure.fire.aimAt(l.name),
    }),
  );
  const finish: Action = { id: 'finish', label: 'Finish', wide: true, run: () => void procedure.finish() };
  return [...primary, ...targets, finish, ...simulated(place, errands, simulation)];
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
    { id: 'aim', label: 'Aim at the target', simulated: true, run: () => run('Aiming …', aim) },
    {
      id: 'move',
      label: simulation.moved ? 'Put the gland back' : 'Move the prostate',
      simulated: true,
      pressed: simulation.moved,
      run: () => {
        simulation.moved = !simulation.moved;
        void errands.send({ move: simulation.moved ? MOVED : [0, 0, 0] });
      },
    },
    {
      id: 'hide',
      label: 'Hide the probe',
      simulated: true,
      pressed: errands.covered.has('probe'),
      run: () => errands.cover('probe'),
    },
    {
      id: 'hang',
      label: 'Freeze the image',
      simulated: true,
      pressed: simulation.hangs,
      run: () => {
        simulation.hangs = !simulation.hangs;
        void errands.send({ hang: simulation.hangs });
      },
    },
  ];
}

/** How well a target was sampled so far; a dash before its first core. */
function sampledText(procedure: Procedure, name: string): string {
  const { cores } = procedure.fire;
  if (!cores.some((c) => c.aimedAt === name)) return UNKNOWN;
  return formatProbability(procedure.map.targets.find((t) => t.target === name)?.probability ?? Number.NaN);
}

function stopText({ aim }: Procedure): string {
  return aim.stop === undefined ? '–' : `${aim.stop.settingMm} mm`;
}

/** Waits for a picture that was taken after now. */
async function freshImage(procedure: Procedure): Promise<void> {
  const from = procedure.graph.at;
  for (let n = 0; n < 40 && !((procedure.latest?.frame.atMs ?? 0) > from); n += 1) await pause(50);
}
