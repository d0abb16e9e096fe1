import { afterAll, describe, expect, it } from 'vitest';
import { frame, PoseView } from '../../frames/index.js';
import { MotionGate } from '../../guidance/index.js';
import type { PlaneView } from '../planes.js';
import { allocated, ours } from '../test-support/heap.js';
import {
  GateIndicator,
  type GuidanceGraphic,
  InstrumentGraphic,
  instrumentFromJson,
  MarginSurface,
  ProbeZones,
  TrajectoryCorridor,
} from './index.js';
import { COVARIANCE, coronal, PLAN, placed } from './test-support/cases.js';
import { biopsy, entries, MARGINS, PLACE_ERROR, TUMOUR, zonesOf } from './test-support/procedure-scenes.js';
import { host, NOW, Rig, SIZE, STALE_AFTER_MS } from './test-support/rig.js';

const CT = frame('ct');
const rig = new Rig();
afterAll(() => rig.dispose());

/** Bytes a frame that may be allocated in our code. */
const MOST_BYTES = 64;
const WARM_UP = 600;
const FRAMES = 300;
/** A compiler that shares the machine may take so many rounds to get to the hot code; what is really allocated is so in every round. */
const ROUNDS = 8;

/** What moves with every frame: the slice's place, a pose, the time. */
interface Moving {
  readonly plane: PlaneView;
  readonly view: PoseView;
  readonly now: Float64Array;
}

interface Made {
  readonly graphic: GuidanceGraphic;
  /** Called with every frame, before it is settled. */
  readonly feed?: (moving: Moving) => void;
}

const PROBE = instrumentFromJson({
  name: 'probe',
  kind: 'probe',
  lengthMm: 90,
  radiusMm: 16,
  fan: { kind: 'sector', apexMm: [0, -20], innerMm: 22, outerMm: 90, halfAngleDeg: 32 },
});

const MAKERS: Readonly<Record<string, () => Made>> = {
  'a corridor': () => {
    const graphic = rig.keep(new TrajectoryCorridor({ plan: PLAN }));
    graphic.update(COVARIANCE, 20);
    return { graphic };
  },
  'a probe with its fan': () => {
    const graphic = rig.keep(new InstrumentGraphic(PROBE));
    return { graphic, feed: ({ view }) => graphic.update(view) };
  },
  'planned margins': () => {
    const graphic = rig.keep(new MarginSurface({ kind: 'planned', surface: TUMOUR.surface }));
    graphic.show(MARGINS, PLACE_ERROR);
    return { graphic };
  },
  'cores and targets': () => ({ graphic: biopsy(rig) }),
  'the entry map': () => ({ graphic: entries(rig, undefined, 7) }),
  'planned zones of three probes': () => ({ graphic: zonesOf(rig, 'planned') }),
  'projected zones of two probes': () => {
    const shape = { radiiMm: [14, 14, 20], centreMm: 0 } as const;
    const graphic = rig.keep(new ProbeZones({ frame: CT, kind: 'projected', shapes: [shape, shape] }));
    return {
      graphic,
      feed: ({ view }) => {
        graphic.update(0, view);
        graphic.update(1, view);
      },
    };
  },
  'the gate': () => {
    const graphic = rig.keep(new GateIndicator(host(320, 160), { pixelRatio: 1 }));
    const gate = new MotionGate();
    const sample = new Float64Array(4);
    for (let t = 0; t <= 30_000; t += 50) {
      sample[0] = t;
      sample[3] = 8 * Math.sin((Math.PI * t) / 4000) ** 4;
      gate.push(sample);
    }
    // The gate itself is held by its own test; here it stands, and the time runs through its last half second again and again.
    const at = Float64Array.of(30_000);
    return {
      graphic,
      feed: ({ now }) => {
        at[0] = 30_000 + ((now[0] as number) % 400);
        graphic.update(gate, at);
      },
    };
  },
};

const total = (sites: readonly [string, number][]): number => sites.reduce((sum, [, size]) => sum + size, 0);

describe('with every frame', () => {
  it.each(Object.keys(MAKERS))(
    `%s: at most ${MOST_BYTES} bytes in our code, the picture not drawn but told of everything`,
    async (name) => {
      const { graphic, feed } = (MAKERS[name] as () => Made)();
      const view = new PoseView();
      view.status = 'ok';
      view.matrix.set(placed([3, 0, 2], [0.3, 0.1, 1]));
      const moving = { plane: coronal(), view, now: Float64Array.from(NOW) };
      const gl = rig.renderer.getContext() as WebGL2RenderingContext;
      let count = 0;
      const draws = ['drawElements', 'drawElementsInstanced', 'drawArrays', 'clear'] as const;
      for (const draw of draws) {
        const drawn = gl[draw].bind(gl) as (...args: unknown[]) => void;
        Object.assign(gl, { [draw]: (...args: unknown[]) => count < 3 && drawn(...args) });
      }
      if (graphic.object !== undefined) rig.scene.add(graphic.object);
      const next = (): void => {
        count += 1;
        moving.now[0] = (moving.now[0] as number) + 16;
        view.times[0] = moving.now[0] as number;
        view.matrix[12] = 3 + Math.sin(count / 20);
        moving.plane.centre[1] = Math.cos(count / 30);
        feed?.(moving);
        graphic.settle(moving.now, STALE_AFTER_MS);
        graphic.inScene?.(SIZE, SIZE, 1);
        graphic.onSlice?.(rig.renderer, moving.plane, 1);
        rig.renderer.render(rig.scene, rig.camera);
      };
      for (let n = 0; n < WARM_UP; n += 1) next();
      let least: [string, number][] = [['nothing measured', Number.POSITIVE_INFINITY]];
      for (let round = 0; round < ROUNDS && total(least) > MOST_BYTES; round += 1) {
        const found = await allocated(() => {
          for (let n = 0; n < FRAMES; n += 1) next();
        }, 128);
        const each = ours(found).map(([site, size]): [string, number] => [site, size / FRAMES]);
        if (total(each) < total(least)) least = each;
      }
      graphic.object?.removeFromParent();
      for (const draw of draws) delete (gl as unknown as Record<string, unknown>)[draw];
      const bytes = total(least);
      const text = least.map(([site, size]) => `${size.toFixed(1)} ${site}`).join('\n');
      console.log(`${name}: ${bytes.toFixed(1)} bytes a frame`);
      expect(bytes, text).toBeLessThanOrEqual(MOST_BYTES);
    },
  );
});
