import { type Side, UNKNOWN } from '@trocar/core/guidance';
import { type DocumentKind, documentActions } from '../../suite/page/documents.js';
import type { Errands } from '../../suite/page/errands.js';
import type { Action } from '../../suite/page/panel.js';
import { withResults } from '../../suite/page/results.js';
import type { ToolName } from '../src/frames.js';
import type { Procedure } from '../src/procedure.js';
import type { SimulatedHand } from './hand.js';
import type { Keeping } from './keeping.js';
import { t } from './texts/index.js';

/** What the buttons act on. */
export interface Acting {
  readonly procedure: Procedure;
  readonly hand: SimulatedHand;
  readonly errands: Errands<ToolName>;
  /** What keeps what is accepted. */
  readonly keeping: Keeping;
  /** Whether something is being worked out: no button of this step is for pressing. */
  readonly working: boolean;
  /** Which entry of the ranking is chosen; undefined: the proposal is free. */
  readonly entry: number | undefined;
  readonly auto: boolean;
  findEntries(): void;
  propose(): void;
  /** Works out what the heat of the proposed probes does. */
  preview(): void;
  /** Whether that is shown. */
  readonly previewed: boolean;
  chooseEntry(rank: number | undefined): void;
  takeCt(): void;
  write(kind: DocumentKind): void;
  /** What can be done with the results, where there is somewhere to keep them. */
  readonly results: readonly Action[];
  play(): void;
}

/** Below this probability that the tumour is burnt with its margin, one more probe is what is meant. */
export const ENOUGH = 0.8;

/** The buttons of this moment. At most one is primary: what is to be done next. */
export function actionsOf(acting: Acting): Action[] {
  const { procedure, keeping, working, auto } = acting;
  // While something is worked out, or what was accepted is being written, nothing else is for pressing.
  const waits = working || keeping.busy;
  const own = OWN[procedure.stage](acting).map((a) => (waits ? { ...a, disabled: true } : a));
  const ended = procedure.stage === 'finished';
  const play: Action = {
    id: 'play',
    label: auto ? t('Stop playing') : t('Play all'),
    simulated: true,
    pressed: auto,
    run: () => acting.play(),
  };
  return [...own, ...(ended ? [] : [play]), ...simulated(acting)];
}

type Buttons = (acting: Acting) => Action[];

const OWN: Readonly<Record<Procedure['stage'], Buttons>> = {
  plan: planButtons,
  connect: () => [],
  calibrate: toolButtons,
  breathe: () => [],
  collect: collectButtons,
  review: ({ procedure, keeping }) => [
    primary('accept', t('Accept registration'), () => keeping.accept(), true),
    ...(procedure.proposal?.registration.outcome === 'ok'
      ? []
      : [plain('accept-suspect', t('Accept despite findings'), () => keeping.accept(true), true)]),
    plain('reject', t('Back to touching'), () => procedure.reject()),
  ],
  verify: verifyButtons,
  guide: guideButtons,
  burn: ({ procedure }) => [plain('stop-burn', t('Stop the burn'), () => procedure.stopBurn())],
  assess: assessButtons,
  confirm: confirmButtons,
  finished: ({ write, results }) => withResults(documentActions(write), results),
};

/** By the side: which word it is decides what is treated, so each is a sentence of its own. */
const CONFIRMED = {
  left: 'Left side confirmed: accept',
  right: 'Right side confirmed: accept',
  midline: 'Midline confirmed: accept',
  both: 'Both sides confirmed: accept',
} as const satisfies Record<Side, string>;
const SMALLER = {
  left: 'Accept smaller margin, left side',
  right: 'Accept smaller margin, right side',
  midline: 'Accept smaller margin, midline',
  both: 'Accept smaller margin, both sides',
} as const satisfies Record<Side, string>;

function planButtons(acting: Acting): Action[] {
  const { procedure, keeping, entry } = acting;
  const { search, plan } = procedure.planning;
  if (search === undefined) return firstButtons(acting);
  const side = procedure.case.side;
  const other = side === 'left' ? 'right' : 'left';
  const next = entry === undefined ? 0 : entry + 40;
  const choice = [
    {
      ...plain('next-entry', entry === undefined ? t('Choose an entry') : t('Another entry'), () => acting.chooseEntry(next)),
      disabled: next >= search.ranked.length,
    },
    ...(entry === undefined ? [] : [plain('free-entry', t('Any entry'), () => acting.chooseEntry(undefined))]),
  ];
  if (plan === undefined) return [primary('propose', t('Propose probes'), () => acting.propose()), ...choice];
  const short = !plan.proposal.complete;
  return [
    primary('accept-plan', short ? t(SMALLER[side]) : t(CONFIRMED[side]), () => keeping.acceptPlan(side, short), true),
    plain('accept-other', t(CONFIRMED[other]), () => keeping.acceptPlan(other, short), true),
    ...choice,
    ...(acting.previewed ? [] : [plain('preview-heat', t('Preview the heat'), () => acting.preview())]),
  ];
}

/** A procedure that was not finished is taken up again, or another one begun. */
function firstButtons({ keeping, findEntries }: Acting): Action[] {
  const [newest] = keeping.open;
  if (newest === undefined) return [primary('find-entries', t('Find entries'), findEntries)];
  return [
    primary('resume', t('Resume the open procedure'), () => keeping.resume(newest.name)),
    { ...plain('find-entries', t('Begin anew: find entries'), findEntries), wide: true },
  ];
}

function toolButtons({ procedure, hand, keeping }: Acting): Action[] {
  const { stylus, applicator } = procedure.calibrating;
  const recording = stylus.isRecording || applicator.isRecording;
  if (recording) {
    const tool = stylus.isRecording ? 'stylus' : 'applicator';
    return [plain('stop-pivot', t('End the recording'), () => procedure.stopPivot(tool))];
  }
  if (stylus.accepted === undefined && stylus.result === undefined) {
    return [
      {
        ...primary('use-stored', t('Stylus: use stored calibration'), () => keeping.acceptCalibration('stylus', true), true),
        disabled: hand.busy,
      },
      { ...plain('pivot-stylus', t('Stylus: pivot'), () => void hand.pivot('stylus')), disabled: hand.busy },
    ];
  }
  const tool = stylus.accepted === undefined ? 'stylus' : 'applicator';
  const { result } = procedure.calibrating[tool];
  const again = {
    ...plain(`pivot-${tool}`, t('{tool}: pivot again', { tool: word(t(tool)) }), () => void hand.pivot(tool)),
    disabled: hand.busy,
  };
  if (result?.outcome === 'ok') {
    return [
      {
        ...primary('accept-calibration', t('Accept {tool}', { tool: t(tool) }), () => keeping.acceptCalibration(tool), true),
        disabled: hand.busy,
      },
      again,
    ];
  }
  return [{ ...again, label: t('{tool}: pivot', { tool: word(t(tool)) }), primary: true }];
}

function collectButtons({ procedure, hand }: Acting): Action[] {
  const open = procedure.touches.flatMap((touch, n) => (touch === undefined ? [n] : []));
  const busy = hand.busy || procedure.touching !== undefined;
  return [
    open.length > 0
      ? { ...primary('touch-all', t('Touch all fiducials'), () => void hand.touch('fiducial', open)), disabled: busy }
      : { ...primary('register', t('Register'), () => procedure.register()), disabled: busy },
    ...procedure.touches.map((touch, n): Action => {
      return {
        ...plain(`touch-${n + 1}`, touch ? t('{n} again', { n: n + 1 }) : String(n + 1), () => void hand.touch('fiducial', [n])),
        disabled: busy,
      };
    }),
  ];
}

function verifyButtons({ procedure, hand, keeping }: Acting): Action[] {
  const { touches, result } = procedure.verifying;
  const open = touches.flatMap((touch, n) => (touch === undefined ? [n] : []));
  const busy = hand.busy || procedure.touching !== undefined;
  const all = touches.map((_, n) => n);
  return [
    open.length > 0 || result?.accepted === false
      ? {
          ...primary(
            'touch-landmarks',
            t('Touch the landmarks'),
            () => void hand.touch('landmark', open.length > 0 ? open : all),
          ),
          disabled: busy,
        }
      : // Verifying is what answers the alarm after a restart: that one alone is not in its way.
        { ...primary('verify', t('Verify'), () => procedure.verify(), !keeping.asksToVerify), disabled: busy },
    { ...plain('register-again', t('Register again'), () => keeping.registerAgain()), disabled: busy },
    ...(procedure.burning.burns.length > 0
      ? [{ ...plain('finish-burning', t('No more probes: take a CT'), () => procedure.finishBurning()), disabled: busy }]
      : []),
  ];
}

function guideButtons({ procedure, hand, keeping }: Acting): Action[] {
  const lies = procedure.guidance === 'onTarget';
  const inside = (procedure.guide?.deviation.depthFromEntryMm ?? -1) > 0;
  const not = procedure.whyNotBurn();
  const { setting } = procedure.probe ?? {};
  const what =
    setting === undefined ? t('Burn') : t('Burn {powerW} W, {minutes} min', { powerW: setting.powerW, minutes: setting.minutes });
  const moved = procedure.guiding.referenceMoved;
  const again: Action[] = moved ? [primary('register-again', t('Register again'), () => keeping.registerAgain())] : [];
  const lead = {
    ...plain('insert', t('Lead the applicator in'), () => void hand.insert()),
    primary: !moved && !inside,
    disabled: hand.busy,
  };
  const burn = {
    ...plain('burn', what, () => void hand.burn((setting) => keeping.burn(setting, false)), true),
    primary: inside && !moved,
    disabled: hand.busy || not !== undefined,
  };
  return [
    ...again,
    // What is next has a row of its own, above the others.
    ...(inside ? [burn, lead] : [lead, burn]),
    {
      ...plain('burn-here', t('Burn where it lies'), () => void hand.burn((setting) => keeping.burn(setting, true)), true),
      disabled: hand.busy || lies || procedure.whyNotBurn(true) !== undefined,
    },
  ];
}

function assessButtons({ procedure, hand }: Acting): Action[] {
  const { next, burning } = procedure;
  const enough = (burning.achieved?.withMargin.probability ?? 0) >= ENOUGH && !burning.isUnknown;
  const done = plain(
    'finish-burning',
    t('No more probes: take a CT'),
    () => void hand.retract().then(() => procedure.finishBurning()),
    true,
  );
  const busy = hand.busy;
  if (next !== undefined) {
    const lead = (): void => void hand.retract().then(() => procedure.choose(next));
    return [
      {
        ...primary('next-probe', t('Next: probe {name}', { name: procedure.probes[next]?.name ?? UNKNOWN }), lead),
        disabled: busy,
      },
      { ...done, disabled: busy },
    ];
  }
  const more = plain('top-up', t('Add an overlapping probe'), () => void hand.retract().then(() => procedure.topUp()));
  const unknown = burning.isUnknown;
  const end = { ...done, primary: enough || unknown, disabled: busy };
  const add = { ...more, primary: !enough && !unknown, disabled: busy };
  // What is meant has a row of its own, above the other.
  return end.primary ? [end, add] : [add, end];
}

function confirmButtons(acting: Acting): Action[] {
  const { procedure } = acting;
  const { stage } = procedure.confirming;
  const take = plain('take-ct', stage === 'waiting' ? t('Take a CT and register it') : t('Take another CT'), () =>
    acting.takeCt(),
  );
  return [
    ...(stage === 'review' ? [primary('confirm', t('Accept and tell the margins'), () => procedure.confirm(), true)] : []),
    { ...take, primary: stage !== 'review', disabled: stage === 'running' },
  ];
}

function simulated({ procedure, hand, errands }: Acting): Action[] {
  const { stage } = procedure;
  const out: Action[] = [];
  const add = (id: string, label: string, run: () => unknown, pressed?: boolean): void => {
    out.push({ id, label, simulated: true, run, ...(pressed !== undefined && { pressed }) });
  };
  if (stage === 'plan' || stage === 'confirm' || stage === 'finished') return out;
  if (stage !== 'connect' && stage !== 'calibrate') add('hold', t('Hold breath'), () => hand.hold());
  if (stage === 'collect' || stage === 'verify') {
    add(
      'slip',
      t('Slip'),
      () => {
        hand.slips = !hand.slips;
      },
      hand.slips,
    );
  }
  if (stage === 'guide') add('insert-beside', t('6 mm beside'), () => void hand.insert(6));
  if (stage === 'burn') add('pull', t('Pull at the applicator'), () => void hand.pull());
  if (stage === 'verify' || stage === 'guide') add('bump', t('Bump reference'), () => hand.bump());
  add('cover', t('Cover applicator'), () => errands.cover('applicator'), errands.covered.has('applicator'));
  add('freeze', t('Freeze tracker'), () => errands.freeze(), errands.frozen);
  return out;
}

function primary(id: string, label: string, run: () => unknown, accepts = false): Action {
  return { id, label, primary: true, accepts, run };
}

function plain(id: string, label: string, run: () => unknown, accepts = false): Action {
  return { id, label, accepts, run };
}

function word(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
