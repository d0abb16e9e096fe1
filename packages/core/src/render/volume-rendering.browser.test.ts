import { DoubleSide, LinearSRGBColorSpace, Mesh, MeshBasicMaterial, PlaneGeometry } from 'three';
import { describe, expect, it } from 'vitest';
import { frame, PoseView, point } from '../frames/index.js';
import { fromRotationVector, transformPoint, vec3 } from '../math/index.js';
import type { ManualClock } from '../testing/index.js';
import { type Volume, volume } from '../volume/index.js';
import type { Stage, TransferFunction, VolumeLook, VolumeRendering } from './index.js';
import { type Cast, RayOracle } from './ray-oracle.js';
import {
  against,
  at,
  COUNT,
  CT,
  grid,
  HEIGHT,
  made,
  POINTS,
  pixels,
  rayOf,
  refine,
  SIZE,
  settle,
  stageOn,
  WIDTH,
} from './test-support/ray-pictures.js';

const STRAIGHT = grid([0, 0, 0]);
const OBLIQUE = grid([0.4, -0.7, 0.2]);
const CASES: readonly (readonly [string, Volume<'ct'>, TransferFunction])[] = [
  ['int16, straight', made(new Int16Array(COUNT), 1000, STRAIGHT), POINTS],
  ['float32, oblique', made(new Float32Array(COUNT), 1000, OBLIQUE), POINTS],
  ['uint16, sheared by a tilt', made(new Uint16Array(COUNT), 1000, grid([0, 0.2, 0], 0.3)), POINTS],
  ['uint8, rescaled', made(new Uint8Array(COUNT), 250, OBLIQUE, { slope: 4, intercept: 0 }), POINTS],
];

/**
 * Rounding to 8 bits twice (the rays' picture, then over what is there), steps that grow where a tenth is left to be seen, the last hundredth taken to
 * look as what lies before it, and the GPU's floats.
 */
const GREY_LEVELS = 2;

describe('a volume by rays, against the CPU', () => {
  for (const manual of [false, true]) {
    for (const [name, v, transfer] of CASES) {
      for (const shading of [true, false]) {
        it(`${name}, ${shading ? 'shaded' : 'not shaded'}${manual ? ', filtered by the shader itself' : ''}`, () => {
          const { stage, clock } = stageOn(manual);
          stage.setVolume(v);
          stage.renderVolume({ transfer, shading });
          settle(stage, clock);
          const tally = against(stage, new RayOracle(v, transfer), { step: 0.5, shading });
          expect(tally.covered).toBeGreaterThan(200);
          expect(tally.worst).toBeLessThanOrEqual(GREY_LEVELS);
        });
      }
    }
  }
});

const [, OBLIQUE_CASE] = CASES as [(typeof CASES)[number], (typeof CASES)[number]];
const V = OBLIQUE_CASE[1];
const ORACLE = new RayOracle(V, POINTS);

function shown(look: VolumeLook<'ct'> = {}): { stage: Stage<'ct'>; clock: ManualClock; rendering: VolumeRendering<'ct'> } {
  const made = stageOn();
  made.stage.setVolume(V);
  return { ...made, rendering: made.stage.renderVolume({ transfer: POINTS, ...look }) };
}

it('is near what far finer steps come to', () => {
  const { stage, clock } = shown();
  settle(stage, clock);
  const tally = against(stage, ORACLE, { step: 1 / 32 });
  // Half a voxel a step: what the finest quality leaves.
  expect(tally.worst).toBeLessThanOrEqual(GREY_LEVELS);
  expect(tally.mean).toBeLessThan(0.2);
});

describe('a plane that cuts it open', () => {
  const middle = transformPoint(vec3(0, 0, 0), V.frameFromIndex, [15, 13, 14]);
  const dot = (a: ArrayLike<number>, b: ArrayLike<number>): number =>
    [0, 1, 2].reduce((sum, k) => sum + (a[k] as number) * (b[k] as number), 0);

  for (const normal of [
    [0.3, -2, 0.5],
    [-0.3, 2, -0.5],
    [0, 0, 1],
  ]) {
    it(`leaves what lies behind it: ${normal.join(', ')}`, () => {
      const { stage, clock } = shown({ clip: { point: point(CT, middle), normal } });
      settle(stage, clock);
      const tally = against(stage, ORACLE, { step: 0.5, clip: { n: normal, d: dot(normal, middle) } });
      expect(tally.worst).toBeLessThanOrEqual(GREY_LEVELS);
      expect(tally.covered).toBeGreaterThan(50);
      expect(against(stage, ORACLE, { step: 0.5 }).worst, 'it does cut').toBeGreaterThan(20);
    });
  }

  it('goes with a tool while it is live, and cuts nothing while it is not', () => {
    const { stage, clock } = stageOn();
    stage.setVolume(V);
    const tool = stage.addTool({ name: 'needle', geometry: { kind: 'needle', lengthMm: 1e-3, radiusMm: 1e-3, depthMarkMm: 0 } });
    stage.renderVolume({ transfer: POINTS, clip: { tool, normal: [0, 0, 3] } });
    const view = new PoseView();
    const about = fromRotationVector(new Float64Array(16), [0.9, 0.4, -0.3]);
    about.set(middle, 12);
    view.matrix.set(about);
    const give = (status: 'ok' | 'stale'): void => {
      view.status = status;
      view.times[0] = clock.now();
      tool.update(view);
      stage.render();
    };
    const stand = (status: 'ok' | 'stale'): void => {
      clock.advance(200);
      for (let frames = 0; frames < 24; frames += 1) {
        give(status);
        clock.advance(16);
      }
      give(status);
    };
    give('ok');
    stand('ok');
    const n = Array.from(about.subarray(8, 11));
    const clip = { n, d: dot(n, middle) };
    // The tool's own mark, 2 px, is no volume: the mean tells.
    expect(against(stage, ORACLE, { step: 0.5, clip }).mean).toBeLessThan(0.6);
    expect(against(stage, ORACLE, { step: 0.5 }).mean, 'it does cut').toBeGreaterThan(1.2);
    give('stale');
    stand('stale');
    expect(against(stage, ORACLE, { step: 0.5 }).mean).toBeLessThan(0.6);
  });
});

it('is hidden by what is solid before it, hides what is behind it, and is seen through to what lies in it', () => {
  const fog = volume({
    frame: CT,
    voxels: new Uint8Array(COUNT).fill(100),
    size: [...SIZE],
    frameFromIndex: STRAIGHT,
    modality: 'CT',
  });
  const points: TransferFunction = [
    { value: 0, colour: '#ff2000', perMm: 0.02 },
    { value: 200, colour: '#ff2000', perMm: 0.02 },
  ];
  const oracle = new RayOracle(fog, points);
  const middle = transformPoint(vec3(0, 0, 0), STRAIGHT, [16, 12.5, 14]);
  const radius = 9;
  const sphere = (centre: ArrayLike<number>): Cast['end'] => {
    return (eye, ray) => {
      const away = [0, 1, 2].map((k) => (centre[k] as number) - (eye[k] as number));
      const along = away.reduce((sum, c, k) => sum + c * (ray[k] as number), 0);
      const beside = Math.sqrt(away.reduce((sum, c) => sum + c * c, 0) - along * along);
      // The outline of a sphere of triangles lies within that of a true one.
      if (Math.abs(beside - radius) < 0.5) return Number.NaN;
      return beside < radius ? along - Math.sqrt(radius ** 2 - beside ** 2) : Number.POSITIVE_INFINITY;
    };
  };
  for (const forward of [-60, -20, 0, 20, 60]) {
    const { stage, clock } = stageOn();
    stage.setVolume(fog);
    const eye = Float64Array.from(stage.orbit.eye());
    const centre = middle.map((c, k) => c - (forward * ((eye[k] as number) - c)) / stage.orbit.distance);
    const entry = centre.map((c, k) => c + (k === 2 ? 1e-6 : 0));
    stage.setPlan({ entry: point(CT, entry), target: point(CT, centre), targetRadiusMm: radius, corridorRadiusMm: 1e-3 });
    // The sphere alone, without what a plan draws through everything: the same before and after, and blended over.
    const rendering = stage.renderVolume({ transfer: points, shading: false });
    const before = ((): Uint8Array => {
      rendering.setLook({ transfer: points.map((p) => ({ ...p, perMm: 0 })) });
      settle(stage, clock);
      return pixels(stage);
    })();
    rendering.setLook({ transfer: points });
    settle(stage, clock);
    const seen = pixels(stage);
    const end = sphere(centre) as NonNullable<Cast['end']>;
    let inside = 0;
    let wrong = 0;
    for (let n = 0; n < WIDTH * HEIGHT; n += 1) {
      const [x, y] = [n % WIDTH, Math.floor(n / WIDTH)];
      const r = rayOf(stage, x, y);
      const t = end(r.eye, r.ray);
      if (!Number.isFinite(t)) continue;
      const sum = oracle.cast(r.eye, r.ray, { step: 0.5, shading: false, end });
      const under = at(before, x, y);
      // Marks that a plan draws over everything (the axis, the target where it is hidden) are blended in the same way.
      const wanted = under.map((b, c) => 255 * (sum[c] as number) + (1 - (sum[3] as number)) * b);
      inside += 1;
      if (Math.max(...at(seen, x, y).map((g, c) => Math.abs(g - (wanted[c] as number)))) > GREY_LEVELS + 1) wrong += 1;
    }
    expect(inside, String(forward)).toBeGreaterThan(150);
    expect(wrong / inside, String(forward)).toBeLessThan(0.15);
  }
});

it.each([true, false])(
  'ends at the application’s own meshes, wherever they are moved; a GPU that clamps depths: %s',
  (clamps) => {
    const { stage, clock } = shown({ shading: false });
    const gl = stage.canvas.getContext('webgl2') as WebGL2RenderingContext;
    expect(gl.getExtension('EXT_depth_clamp')).not.toBeNull();
    const ask = gl.getExtension.bind(gl) as (name: string) => unknown;
    const value = (name: string): unknown => (name === 'EXT_depth_clamp' && !clamps ? null : ask(name));
    Object.defineProperty(gl, 'getExtension', { value });
    const middle = transformPoint(vec3(0, 0, 0), V.frameFromIndex, [15, 13, 14]);
    // A wall across the way, just so wide that it fills the picture: it lies in the plane through `middle`, moved along the view.
    const wall = new Mesh(new PlaneGeometry(1, 1), new MeshBasicMaterial({ side: DoubleSide }));
    wall.material.color.setRGB(0, 0, 1, LinearSRGBColorSpace);
    stage.objects.add(wall);
    const eye = Float64Array.from(stage.orbit.eye());
    const n = eye.map((e, k) => (e - (stage.orbit.target[k] as number)) / stage.orbit.distance);
    wall.lookAt(n[0] as number, n[1] as number, n[2] as number);
    const covered: number[] = [];
    // The nearest lies before all of the volume, at a tenth of the way to it.
    for (const away of [-60, -5, 5, 60, 0.9 * stage.orbit.distance]) {
      const at = middle.map((c, k) => c + away * (n[k] as number));
      wall.position.set(at[0] as number, at[1] as number, at[2] as number);
      wall.scale.setScalar(1.5 * (stage.orbit.distance - away));
      settle(stage, clock);
      const end = (from: ArrayLike<number>, ray: ArrayLike<number>): number => {
        const dot = (a: ArrayLike<number>): number => [0, 1, 2].reduce((sum, k) => sum + (a[k] as number) * (n[k] as number), 0);
        return (dot(at) - dot(from)) / dot(ray);
      };
      const blue = Uint8Array.from({ length: 4 * WIDTH * HEIGHT }, (_, k) => (k % 4 === 2 ? 255 : 0));
      const tally = against(stage, ORACLE, { step: 0.5, shading: false, end }, blue);
      expect(tally.worst, String(away)).toBeLessThanOrEqual(GREY_LEVELS);
      covered.push(tally.covered);
    }
    expect(covered.slice(3)).toEqual([0, 0]);
    expect(covered[1]).toBeGreaterThan(covered[2] as number);
    wall.geometry.dispose();
    wall.material.dispose();
  },
);

describe('its quality', () => {
  /** How many times anything was drawn. */
  function draws(stage: Stage<'ct'>, doing: () => void): number {
    const gl = stage.canvas.getContext('webgl2') as WebGL2RenderingContext;
    const elements = gl.drawElements.bind(gl);
    let count = 0;
    gl.drawElements = (...what) => {
      count += 1;
      elements(...what);
    };
    doing();
    gl.drawElements = elements;
    return count;
  }

  it('is coarser while the view turns, near the fine picture then, and refined when it stands', () => {
    const { stage, clock } = shown();
    settle(stage, clock);
    const fine = against(stage, ORACLE, { step: 0.5 });
    for (let n = 0; n < 5; n += 1) {
      stage.orbit.turn(0.01, 0);
      clock.advance(16);
      stage.render();
    }
    const moving = against(stage, ORACLE, { step: 0.5 });
    expect(moving.worst).toBeGreaterThan(2 * GREY_LEVELS);
    expect(moving.mean).toBeLessThan(5);
    refine(stage, clock);
    expect(against(stage, ORACLE, { step: 0.5 }).worst).toBeLessThanOrEqual(GREY_LEVELS);
    expect(fine.worst).toBeLessThanOrEqual(GREY_LEVELS);
  });

  it('is refined in bands where frames are slow, and what changes meanwhile is in the very next picture', () => {
    const { stage, clock, rendering } = shown();
    const turn = (): void => {
      stage.orbit.turn(0.2, 0.1);
      clock.advance(40);
      stage.render();
    };
    settle(stage, clock);
    expect(rendering.refined).toBe(true);
    turn();
    clock.advance(200);
    let bands = 0;
    for (; bands < 200 && !rendering.refined; bands += 1) {
      stage.render();
      clock.advance(60);
    }
    expect(bands).toBeGreaterThan(8);
    expect(against(stage, ORACLE, { step: 0.5 }).worst).toBeLessThanOrEqual(GREY_LEVELS);
    turn();
    clock.advance(200);
    for (let n = 0; n < 3; n += 1) {
      stage.render();
      clock.advance(60);
    }
    expect(rendering.refined).toBe(false);
    expect(against(stage, ORACLE, { step: 0.5 }).mean, 'coarse, and right').toBeLessThan(5);
    const before = pixels(stage).join();
    turn();
    expect(pixels(stage).join()).not.toBe(before);
    expect(against(stage, ORACLE, { step: 0.5 }).mean, 'coarse, and right').toBeLessThan(5);
  });

  it('stays what it was told to be while the view turns', () => {
    const { stage, clock } = shown();
    stage.renderVolume({ transfer: POINTS, stepVoxels: 0.5 });
    settle(stage, clock);
    for (let n = 0; n < 5; n += 1) {
      stage.orbit.turn(0.01, 0);
      clock.advance(16);
      stage.render();
    }
    expect(against(stage, ORACLE, { step: 0.5 }).worst).toBeLessThanOrEqual(GREY_LEVELS);
  });

  it('is the same before the blocks of a volume are known as after, and is not held up by finding them', () => {
    const { stage } = stageOn();
    const ni = 80;
    const thick = volume({
      frame: CT,
      voxels: Float32Array.from({ length: ni ** 3 }, (_, n) => (n % ni < 30 ? 0 : 700 * Math.sin(n / 900) ** 8)),
      size: [ni, ni, ni],
      frameFromIndex: grid([0.2, 0.4, -0.3]),
    });
    stage.setVolume(thick);
    const rendering = stage.renderVolume({ transfer: POINTS, stepVoxels: 1 });
    const { now } = performance;
    let asked = 0;
    // A clock on which every look at it costs a second: the least is done in each frame.
    performance.now = () => 1000 * ++asked;
    try {
      stage.render();
      const before = pixels(stage);
      const first = asked;
      let frames = 1;
      for (; asked > 0 && frames < 500; frames += 1) {
        asked = 0;
        stage.render();
      }
      expect(first).toBeGreaterThan(0);
      expect(frames).toBeGreaterThan(20);
      expect(frames).toBeLessThan(60);
      rendering.setLook({ shading: true });
      stage.render();
      const after = pixels(stage);
      expect(after.reduce((worst, x, n) => Math.max(worst, Math.abs(x - (before[n] as number))), 0)).toBeLessThanOrEqual(1);
      expect(new Set(after).size).toBeGreaterThan(20);
    } finally {
      performance.now = now;
    }
  });

  it('costs nothing while nothing changes: the rays are not cast again', () => {
    const { stage, clock } = shown();
    settle(stage, clock);
    const still = draws(stage, () => stage.render());
    stage.orbit.turn(0.01, 0);
    const moved = draws(stage, () => stage.render());
    expect(moved).toBeGreaterThan(still);
  });
});

it('comes back with the context, keeps to its textures, and leaves nothing', async () => {
  const { stage, clock } = shown();
  settle(stage, clock);
  const before = pixels(stage).join();
  const { textures } = stage.resources();
  const gl = stage.canvas.getContext('webgl2') as WebGL2RenderingContext;
  const handle = gl.getExtension('WEBGL_lose_context') as WEBGL_lose_context;
  const lost = new Promise<void>((done) => stage.contextLost.subscribe(() => done()));
  handle.loseContext();
  await lost;
  const back = new Promise<void>((done) => stage.contextRestored.subscribe(() => done()));
  // The browser restores only after the event of the loss has run its course.
  await new Promise((done) => setTimeout(done, 50));
  handle.restoreContext();
  await back;
  settle(stage, clock);
  expect(pixels(stage).join()).toBe(before);
  const rendering = stage.renderVolume({ transfer: POINTS });
  for (let n = 0; n < 10; n += 1) {
    rendering.setLook({ transfer: n % 2 === 0 ? 'ctBone' : 'ctVessels' });
    stage.orbit.turn(0.01, 0);
    stage.render();
  }
  expect(stage.resources().textures).toBeLessThanOrEqual(textures);
  rendering.remove();
  settle(stage, clock);
  expect(stage.resources().textures).toBeLessThan(textures);
  stage.renderVolume();
  settle(stage, clock);
  stage.dispose();
  expect(stage.resources()).toEqual({ geometries: 0, textures: 0, programs: 0 });
});

it('is refused without a volume, and with what cannot be drawn; it goes when another volume comes', () => {
  const { stage, clock } = stageOn();
  const refused = expect.objectContaining({ code: 'math/out-of-range' });
  expect(() => stage.renderVolume()).toThrow(refused);
  stage.setVolume(V);
  expect(() => stage.renderVolume({ transfer: [] })).toThrow(refused);
  expect(() => stage.renderVolume({ stepVoxels: 0 })).toThrow(refused);
  expect(() => stage.renderVolume({ clip: { point: point(CT, [0, 0, 0]), normal: [0, 0, 0] } })).toThrow(refused);
  const elsewhere = point(frame('tracker'), [0, 0, 0]) as unknown as ReturnType<typeof point<'ct'>>;
  expect(() => stage.renderVolume({ clip: { point: elsewhere, normal: [0, 0, 1] } })).toThrow(
    expect.objectContaining({ code: 'frame/mismatch' }),
  );
  stage.renderVolume();
  settle(stage, clock);
  const first = pixels(stage).join();
  stage.setVolume(CASES[0]?.[1]);
  stage.setVolume(V);
  settle(stage, clock);
  expect(pixels(stage).join()).not.toBe(first);
});
