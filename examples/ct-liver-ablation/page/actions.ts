import type { Errands } from '../../suite/page/errands.js';
import type { Action } from '../../suite/page/panel.js';
import type { ToolName } from '../src/frames.js';
import type { Procedure } from '../src/procedure.js';
import type { SimulatedHand } from './hand.js';
import type { Keeping } from './keeping.js';

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
  report(): void;
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
    label: auto ? 'Stop playing' : 'Play all',
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
    primary('accept', 'Accept registration', () => keeping.accept(), true),
    ...(procedure.proposal?.registration.outcome === 'ok'
      ? []
      : [plain('accept-suspect', 'Accept despite findings', () => keeping.accept(true), true)]),
    plain('reject', 'Back to touching', () => procedure.reject()),
  ],
  verify: verifyButtons,
  guide: guideButtons,
  burn: ({ procedure }) => [plain('stop-burn', 'Stop the burn', () => procedure.stopBurn())],
  assess: assessButtons,
  confirm: confirmButtons,
  finished: (acting) => [primary('report', 'Report', () => acting.report())],
};

function planButtons(acting: Acting): Action[] {
  const { procedure, keeping, entry } = acting;
  const { search, plan } = procedure.planning;
  if (search === undefined) return firstButtons(acting);
  const side = procedure.case.side;
  const other = side === 'left' ? 'right' : 'left';
  const next = entry === undefined ? 0 : entry + 40;
  const choice = [
    {
      ...plain('next-entry', entry === undefined ? 'Choose an entry' : 'Another entry', () => acting.chooseEntry(next)),
      disabled: next >= search.ranked.length,
    },
    ...(entry === undefined ? [] : [plain('free-entry', 'Any entry', () => acting.chooseEntry(undefined))]),
  ];
  if (plan === undefined) return [primary('propose', 'Propose probes', () => acting.propose()), ...choice];
  const short = !plan.proposal.complete;
  return [
    primary(
      'accept-plan',
      short ? `Accept smaller margin, ${side} side` : `${word(side)} side confirmed: accept`,
      () => keeping.acceptPlan(side, short),
      true,
    ),
    plain('accept-other', `${word(other)} side confirmed: accept`, () => keeping.acceptPlan(other, short), true),
    ...choice,
    ...(acting.previewed ? [] : [plain('preview-heat', 'Preview the heat', () => acting.preview())]),
  ];
}

/** A procedure that was not finished is taken up again, or another one begun. */
function firstButtons({ keeping, findEntries }: Acting): Action[] {
  const [newest] = keeping.open;
  if (newest === undefined) return [primary('find-entries', 'Find entries', findEntries)];
  return [
    primary('resume', 'Resume the open procedure', () => keeping.resume(newest.name)),
    { ...plain('find-entries', 'Begin anew: find entries', findEntries), wide: true },
  ];
}

function toolButtons({ procedure, hand, keeping }: Acting): Action[] {
  const { stylus, applicator } = procedure.calibrating;
  const recording = stylus.isRecording || applicator.isRecording;
  if (recording) {
    const tool = stylus.isRecording ? 'stylus' : 'applicator';
    return [plain('stop-pivot', 'End the recording', () => procedure.stopPivot(tool))];
  }
  if (stylus.accepted === undefined && stylus.result === undefined) {
    return [
      {
        ...primary('use-stored', 'Stylus: use stored calibration', () => keeping.acceptCalibration('stylus', true), true),
        disabled: hand.busy,
      },
      { ...plain('pivot-stylus', 'Stylus: pivot', () => void hand.pivot('stylus')), disabled: hand.busy },
    ];
  }
  const tool = stylus.accepted === undefined ? 'stylus' : 'applicator';
  const { result } = procedure.calibrating[tool];
  const again = { ...plain(`pivot-${tool}`, `${word(tool)}: pivot again`, () => void hand.pivot(tool)), disabled: hand.busy };
  if (result?.outcome === 'ok') {
    return [
      { ...primary('accept-calibration', `Accept ${tool}`, () => keeping.acceptCalibration(tool), true), disabled: hand.busy },
      again,
    ];
  }
  return [{ ...again, label: `${word(tool)}: pivot`, primary: true }];
}

function collectButtons({ procedure, hand }: Acting): Action[] {
  const open = procedure.touches.flatMap((touch, n) => (touch === undefined ? [n] : []));
  const busy = hand.busy || procedure.touching !== undefined;
  return [
    open.length > 0
      ? { ...primary('touch-all', 'Touch all fiducials', () => void hand.touch('fiducial', open)), disabled: busy }
      : { ...primary('register', 'Register', () => procedure.register()), disabled: busy },
    ...procedure.touches.map((touch, n): Action => {
      return {
        ...plain(`touch-${n + 1}`, touch ? `${n + 1} again` : String(n + 1), () => void hand.touch('fiducial', [n])),
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
          ...primary('touch-landmarks', 'Touch the landmarks', () => void hand.touch('landmark', open.length > 0 ? open : all)),
          disabled: busy,
        }
      : // Verifying is what answers the alarm after a restart: that one alone is not in its way.
        { ...primary('verify', 'Verify', () => procedure.verify(), !keeping.asksToVerify), disabled: busy },
    { ...plain('register-again', 'Register again', () => keeping.registerAgain()), disabled: busy },
    ...(procedure.burning.burns.length > 0
      ? [{ ...plain('finish-burning', 'No more probes: take a CT', () => procedure.finishBurning()), disabled: busy }]
      : []),
  ];
}

function guideButtons({ procedure, hand, keeping }: Acting): Action[] {
  const lies = procedure.guidance === 'onTarget';
  const inside = (procedure.guide?.deviation.depthFromEntryMm ?? -1) > 0;
  const not = procedure.whyNotBurn();
  const { setting } = procedure.probe ?? {};
  const what = setting === undefined ? 'Burn' : `Burn ${setting.powerW} W, ${setting.minutes} min`;
  const moved = procedure.guiding.referenceMoved;
  const again: Action[] = moved ? [primary('register-again', 'Register again', () => keeping.registerAgain())] : [];
  const lead = {
    ...plain('insert', 'Lead the applicator in', () => void hand.insert()),
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
      ...plain('burn-here', 'Burn where it lies', () => void hand.burn((setting) => keeping.burn(setting, true)), true),
      disabled: hand.busy || lies || procedure.whyNotBurn(true) !== undefined,
    },
  ];
}

function assessButtons({ procedure, hand }: Acting): Action[] {
  const { next, burning } = procedure;
  const enough = (burning.achieved?.withMargin.probability ?? 0) >= ENOUGH && !burning.isUnknown;
  const done = plain(
    'finish-burning',
    'No more probes: take a CT',
    () => void hand.retract().then(() => procedure.finishBurning()),
    true,
  );
  const busy = hand.busy;
  if (next !== undefined) {
    const lead = (): void => void hand.retract().then(() => procedure.choose(next));
    return [
      { ...primary('next-probe', `Next: probe ${procedure.probes[next]?.name}`, lead), disabled: busy },
      { ...done, disabled: busy },
    ];
  }
  const more = plain('top-up', 'Add an overlapping probe', () => void hand.retract().then(() => procedure.topUp()));
  const unknown = burning.isUnknown;
  const end = { ...done, primary: enough || unknown, disabled: busy };
  const add = { ...more, primary: !enough && !unknown, disabled: busy };
  // What is meant has a row of its own, above the other.
  return end.primary ? [end, add] : [add, end];
}

function confirmButtons(acting: Acting): Action[] {
  const { procedure } = acting;
  const { stage } = procedure.confirming;
  const take = plain('take-ct', stage === 'waiting' ? 'Take a CT and register it' : 'Take another CT', () => acting.takeCt());
  return [
    ...(stage === 'review' ? [primary('confirm', 'Accept and tell the margins', () => procedure.confirm(), true)] : []),
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
  if (stage !== 'connect' && stage !== 'calibrate') add('hold', 'Hold breath', () => hand.hold());
  if (stage === 'collect' || stage === 'verify') {
    add(
      'slip',
      'Slip',
      () => {
        hand.slips = !hand.slips;
      },
      hand.slips,
    );
  }
  if (stage === 'guide') add('insert-beside', '6 mm beside', () => void hand.insert(6));
  if (stage === 'burn') add('pull', 'Pull at the applicator', () => void hand.pull());
  if (stage === 'verify' || stage === 'guide') add('bump', 'Bump reference', () => hand.bump());
  add('cover', 'Cover applicator', () => errands.cover('applicator'), errands.covered.has('applicator'));
  add('freeze', 'Freeze tracker', () => errands.freeze(), errands.frozen);
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
