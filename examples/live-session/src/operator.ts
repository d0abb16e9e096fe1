import { hasPose, STATUSES, type Status } from '@trocar/core';
import { fromQuaternion, Random } from '@trocar/core/math';
import { EMPTY_LIVE_STATE, type LiveAlarm, type LiveState, type LiveTool } from '@trocar/core/session';

/**
 * A simulated operator: three tools that move as hands do, with noise and occlusions; readings that follow the needle; alarms that come and
 * go; slices that follow the tip now and then. What it shows at a moment follows from the seed and the moment alone.
 */

const TARGET = [40, -30, 60] as const;
/** A tool is not seen for half a second, about every 20 s. */
const HIDDEN = [
  [7_000, 7_500, 'needle'],
  [19_000, 19_600, 'probe'],
  [28_000, 29_500, 'needle'],
  [41_000, 41_400, 'stylus'],
] as const;
const LOOP_MS = 60_000;

export class SimulatedOperator {
  readonly #random: Random;

  constructor(seed: number) {
    this.#random = new Random(seed);
  }

  /** @param at ms from the beginning */
  stateAt(at: number): LiveState {
    const tools = ['needle', 'probe', 'stylus'].map((name, i) => this.#tool(name, i, at));
    const needle = tools[0] as LiveTool;
    const { matrix } = needle;
    const off = matrix === undefined ? Number.NaN : Math.hypot(...TARGET.map((c, k) => (matrix[12 + k] as number) - c));
    const bound95 = needle.error95Mm;
    const known = needle.status === 'ok' ? off : Number.NaN;
    return {
      ...EMPTY_LIVE_STATE,
      pseudonym: 'phantom 7',
      guidance: { state: guidanceOf(known, needle.status), blocked: false },
      images: [
        {
          name: 'ct',
          studyUid: '1.2.826.0.1.3680043.8.498.1',
          seriesUid: '1.2.826.0.1.3680043.8.498.2',
          frameOfReferenceUid: '1.2.826.0.1.3680043.8.498.3',
          hash: '5b'.repeat(32),
        },
      ],
      plan: { image: 'ct', entry: [120, -60, 110], target: TARGET },
      tools,
      readings: [
        { name: 'distance', unit: 'mm', value: known, bound95 },
        { name: 'depth', unit: 'mm', value: known * 0.97, bound95 },
        { name: 'lateral', unit: 'mm', value: known * 0.2, bound95 },
        { name: 'angle', unit: 'deg', value: Number.isNaN(known) ? Number.NaN : 4 * Math.sin(at / 3000), bound95: 0.8 },
      ],
      alarms: alarmsAt(at, needle),
      views: [this.#view('axial', at, [1, 0, 0], [0, -1, 0]), this.#view('coronal', at, [1, 0, 0], [0, 0, 1])],
    };
  }

  #tool(name: string, i: number, at: number): LiveTool {
    const inLoop = at % LOOP_MS;
    const hidden = HIDDEN.some(([from, to, whom]) => whom === name && inLoop >= from && inLoop < to);
    const status: Status = hidden ? 'missing' : 'ok';
    const noise = (): number => 0.05 * this.#random.normal();
    const turn = at / (4000 + 900 * i);
    const axis = [Math.sin(turn / 2) * 0.6, Math.sin(turn / 2) * 0.8, 0, Math.cos(turn / 2)];
    const near = 55 * (0.5 + 0.5 * Math.cos(at / 9000));
    const place = [TARGET[0] + near + noise() + 60 * i, TARGET[1] - near / 2 + noise(), TARGET[2] + near / 3 + noise()];
    const matrix = fromQuaternion(new Float64Array(16), axis, place);
    return {
      name,
      frame: 'ct',
      status,
      ageMs: 12,
      matrix: hasPose(status) ? matrix : undefined,
      error95Mm: hidden ? Number.NaN : 1.4,
    };
  }

  #view(name: string, at: number, right: readonly [number, number, number], up: readonly [number, number, number]) {
    // The slice is dragged for three seconds out of ten, by a mouse that moves in steps.
    const dragged = Math.floor(at / 10_000) * 3 + Math.min(3, (at % 10_000) / 1000);
    const depth = Math.round(20 * dragged) / 4;
    return {
      name,
      image: 'ct',
      right,
      up,
      centre: [40, -30, depth] as const,
      mmPerPx: 0.5,
      window: { width: 400, level: 40 },
      layers: ['plan'],
    };
  }
}

function guidanceOf(off: number, status: Status): LiveState['guidance']['state'] {
  if (STATUSES.indexOf(status) >= 5) return 'noPose';
  return off < 3 ? 'onTarget' : 'approach';
}

function alarmsAt(at: number, needle: LiveTool): LiveAlarm[] {
  const standing: LiveAlarm[] = [];
  const raise = (alarm: Pick<LiveAlarm, 'rule' | 'subject' | 'priority' | 'message' | 'values' | 'raisedAtMs'>): void => {
    standing.push({ ...alarm, phase: 'active', passedAtMs: undefined, acknowledgedAtMs: undefined });
  };
  if (needle.status === 'missing') {
    raise({
      rule: 'pose-lost',
      subject: 'needle',
      priority: 'medium',
      message: 'The needle is not seen: clear the line of sight.',
      values: { ageMs: 240, periodMs: 17 },
      raisedAtMs: Math.floor(at / 7000) * 7000,
    });
  }
  if (Math.floor(at / 4700) % 3 === 1) {
    raise({
      rule: 'reference-moved',
      subject: '',
      priority: 'high',
      message: 'The reference has moved against its anchor: register again.',
      values: { limitMm: 1.5, movedMm: 3.2 },
      raisedAtMs: Math.floor(at / 4700) * 4700,
    });
  }
  return standing;
}
