import { afterEach, describe, expect, it } from 'vitest';
import { frame, point, type Status } from '../../frames/index.js';
import { straightPlan } from '../../guidance/index.js';
import { manualClock } from '../../testing/index.js';
import { volume } from '../../volume/index.js';
import { createStage, PALETTE, type Stage, singleLayout, statusStyle, type ViewName } from '../index.js';
import { AblationZoneGraphic, Bullseye, DistanceLine, InstrumentGraphic, towards } from './index.js';
import { NEEDLE, placed } from './test-support/cases.js';
import { countOf, host, type Picture, pictureOf, poseOf } from './test-support/rig.js';

const CT = frame('ct');
const ends: (() => void)[] = [];
afterEach(() => {
  for (const end of ends.splice(0)) end();
});

/** 80 mm of black around the origin in one view of 256 × 256, with a clock to turn. */
function make(view: ViewName): { stage: Stage<'ct'>; clock: ReturnType<typeof manualClock> } {
  const there = host();
  const clock = manualClock(1000);
  const stage = createStage(there, { frame: CT, clock, pixelRatio: 1, antialias: false, layout: singleLayout(view) });
  ends.push(() => {
    stage.dispose();
    there.remove();
  });
  const m = Float64Array.of(2, 0, 0, 0, 0, 2, 0, 0, 0, 0, 2, 0, -39, -39, -39, 1);
  stage.setVolume(volume({ frame: CT, voxels: new Uint8Array(40 ** 3), size: [40, 40, 40], frameFromIndex: m }));
  return { stage, clock };
}

function seen(stage: Stage<'ct'>): Picture {
  stage.render();
  const { width, height } = stage.canvas;
  const gl = stage.canvas.getContext('webgl2') as WebGL2RenderingContext;
  const data = new Uint8Array(4 * width * height);
  gl.readPixels(0, 0, width, height, gl.RGBA, gl.UNSIGNED_BYTE, data);
  return { width, height, data: new Uint8ClampedArray(data.buffer) };
}

describe('a guidance graphic on a stage', () => {
  it('is live for as long as its pose is renewed, gone within one frame when it is missing, and off when taken off', () => {
    const { stage, clock } = make('3d');
    const needle = new InstrumentGraphic(NEEDLE);
    const takeOff = stage.addGraphic(needle);
    const give = (status: Status): void => needle.update(poseOf(status, placed([0, 0, -10], [0.3, 0.1, 1]), clock.now()));
    const count = (status: Status): number => countOf(seen(stage), statusStyle(status).colour);
    expect(count('ok')).toBe(0);
    give('ok');
    expect(count('ok')).toBeGreaterThan(50);
    clock.set(1251);
    expect(count('ok')).toBe(0);
    expect(count('stale')).toBeGreaterThan(10);
    expect(needle.status).toBe('stale');
    give('ok');
    expect(count('ok')).toBeGreaterThan(50);
    give('missing');
    expect(count('ok')).toBe(0);
    expect(needle.object.visible).toBe(false);
    give('ok');
    expect(count('ok')).toBeGreaterThan(50);
    takeOff();
    expect(count('ok')).toBe(0);
    needle.dispose();
  });

  it('stands for a tool, and a corridor for that of a plan: then nothing of the stage’s own is there in 3D, but all on a slice', () => {
    const about = (view: ViewName): { body: (inScene: boolean) => number; corridor: (mm: number) => number } => {
      const { stage, clock } = make(view);
      const tool = stage.addTool({ name: 'needle', geometry: { kind: 'needle', lengthMm: 90, radiusMm: 2 } });
      const place = placed([0, 0, 0], [0.2, 0, 1]);
      const lit = (): number => {
        const { data } = seen(stage);
        let count = 0;
        for (let n = 0; n < data.length; n += 4) if ((data[n] as number) > 60) count += 1;
        return count;
      };
      const body = (inScene: boolean): number => {
        tool.bodyInScene = inScene;
        tool.update(poseOf('ok', place, clock.now()));
        return countOf(seen(stage), PALETTE.tool);
      };
      const corridor = (corridorRadiusMm: number): number => {
        tool.update(poseOf('missing', place, clock.now()));
        stage.setPlan({ entry: point(CT, [20, 0, 30]), target: point(CT, [0, 0, 0]), corridorRadiusMm });
        return lit();
      };
      return { body, corridor };
    };
    const scene = about('3d');
    expect(scene.body(true)).toBeGreaterThan(100);
    expect(scene.body(false)).toBe(0);
    expect(scene.body(true)).toBeGreaterThan(100);
    expect(scene.corridor(6)).toBeGreaterThan(scene.corridor(0) + 100);
    const slice = about('coronal');
    expect(slice.body(false)).toBe(slice.body(true));
    expect(slice.body(false)).toBeGreaterThan(100);
  });

  it('hides the rays of the volume behind it, wherever it has moved to', () => {
    const { stage, clock } = make('3d');
    stage.renderVolume({ transfer: 'ctBone' });
    const needle = new InstrumentGraphic(NEEDLE);
    stage.addGraphic(needle);
    const columns = [-25, 25].map((x) => {
      needle.update(poseOf('ok', placed([x, 0, -20], [0, 0, 1]), clock.now()));
      const { data } = seen(stage);
      let [sum, count] = [0, 0];
      for (let n = 0; n < data.length / 4; n += 1) {
        if (Math.abs((data[4 * n] as number) - 0x56) > 12 || Math.abs((data[4 * n + 2] as number) - 0xe9) > 12) continue;
        sum += n % 256;
        count += 1;
      }
      return sum / count;
    });
    expect((columns[1] as number) - (columns[0] as number)).toBeGreaterThan(30);
  });

  it('is on a slice where it is cut, in the view’s own scale', () => {
    const { stage } = make('coronal');
    const zone = new AblationZoneGraphic({ kind: 'achieved', semiAxesMm: [20, 10, 15] });
    zone.place([1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1]);
    stage.addGraphic(zone);
    const wide = (): number => {
      const { data } = seen(stage);
      const columns = new Set<number>();
      const [r, g, b] = [0x2f, 0xbf, 0x93];
      for (let n = 0; n < data.length / 4; n += 1) {
        const near = [r, g, b].every((c, k) => Math.abs((data[4 * n + k] as number) - c) <= 12);
        if (near) columns.add(n % 256);
      }
      return columns.size === 0 ? 0 : Math.max(...columns) - Math.min(...columns) + 1;
    };
    stage.setCrosshair(point(CT, [0, 0, 0]));
    stage.render();
    const perMm = 1 / stage.slice('coronal').plane.mmPerPx;
    expect(Math.abs(wide() - 40 * perMm - 3)).toBeLessThan(2.5);
    stage.setCrosshair(point(CT, [0, 6, 0]));
    expect(Math.abs(wide() - 32 * perMm - 3)).toBeLessThan(2.5);
    stage.setCrosshair(point(CT, [0, 11, 0]));
    expect(wide()).toBe(0);
  });

  it('that is a panel is settled by the stage, and goes with it', () => {
    const { stage, clock } = make('axial');
    const there = host();
    ends.push(() => there.remove());
    const plan = straightPlan({ entry: point(CT, [0, 0, 60]), target: point(CT, [0, 0, 0]) });
    const bullseye = new Bullseye(there, { plan, pixelRatio: 1 });
    stage.addGraphic(bullseye);
    bullseye.update(poseOf('ok', placed([3, 0, 20], [0, 0, 1]), clock.now()));
    stage.render();
    expect(countOf(pictureOf(bullseye.canvas), PALETTE.tool)).toBeGreaterThan(50);
    clock.set(1300);
    stage.render();
    expect(countOf(pictureOf(bullseye.canvas), PALETTE.tool)).toBe(0);
    expect(bullseye.status).toBe('stale');
    stage.dispose();
    expect(there.childElementCount).toBe(0);
    expect(() => stage.addGraphic(bullseye)).toThrow(expect.objectContaining({ code: 'render/disposed' }));
  });

  it('gives back what it took of the GPU', () => {
    const { stage, clock } = make('3d');
    stage.render();
    const before = stage.resources();
    for (let n = 0; n < 3; n += 1) {
      const needle = new InstrumentGraphic(NEEDLE);
      const zone = new AblationZoneGraphic({ kind: 'projected', semiAxesMm: [8, 8, 12] });
      const off = [needle, zone].map((g) => stage.addGraphic(g));
      for (const g of [needle, zone]) g.update(poseOf('ok', placed([0, 0, 0], [0, 0, 1]), clock.now()));
      stage.render();
      expect(stage.resources().geometries).toBeGreaterThan(before.geometries);
      for (const takeOff of off) takeOff();
      for (const g of [needle, zone]) g.dispose();
      for (const g of [needle, zone]) g.dispose();
      stage.render();
      expect(stage.resources()).toEqual(before);
    }
  });

  it('has its number beside another one, never over it', () => {
    const { stage, clock } = make('3d');
    const lit = (): number => countOf(seen(stage), PALETTE.text);
    const bare = lit();
    const pose = poseOf('ok', placed([-20, 0, 10], [0, 0, 1]), clock.now());
    let one = 0;
    for (const n of [1, 2, 3]) {
      // To the same point: every number has the same place.
      const line = new DistanceLine(towards([10, 0, -10]));
      line.update(pose);
      stage.addGraphic(line);
      if (n === 1) one = lit() - bare;
    }
    expect(one).toBeGreaterThan(60);
    expect(Math.abs(lit() - bare - 3 * one)).toBeLessThan(0.05 * one);
  });
});
