import { metaQuest3, XRDevice } from 'iwer';
import { Mesh, MeshBasicMaterial, SphereGeometry } from 'three';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { cdp, page } from 'vitest/browser';
import { point, transform } from '../../frames/index.js';
import { fromQuaternion, fromRotationVector, identity4, invert4, transformPoint, vec3 } from '../../math/index.js';
import { volume } from '../../volume/index.js';
import { createStage, type Stage, singleLayout } from '../index.js';
import { centreOf } from '../planes.js';
import { type Cast, RayOracle } from '../ray-oracle.js';
import { COUNT, CT, grid, made, POINTS, SIZE } from '../test-support/ray-pictures.js';
import type { VolumeLook } from '../volume-look.js';
import { inFrontOf, metresFromPatient } from './room.js';
import { startXr } from './start-xr.js';
import type { XrStage } from './xr-stage.js';

/** An emulated headset: its eyes half of 320 × 160 pixels each, 90° high and wide, 64 mm apart. */
const [WIDTH, HEIGHT, EYE, IPD_M] = [320, 160, 160, 0.064];
/** As the page's own rays are held to: rounding to 8 bits twice, the last hundredth that would be seen taken to look as what lies before it, the GPU's floats. */
const GREY_LEVELS = 2;

const V = made(new Float32Array(COUNT), 1000, grid([0.4, -0.7, 0.2]));
const ORACLE = new RayOracle(V, POINTS);
const [MX, MY, MZ] = centreOf(V) as unknown as [number, number, number];
/** The middle of the volume 130 mm before the headset's place, turned a bit. */
const PLACED = ((): Float64Array => {
  const m = fromRotationVector(new Float64Array(16), [0.3, -0.5, 0.2]);
  const at = transformPoint(vec3(0, 0, 0), m, [MX, MY, MZ]);
  m.set([0 - (at[0] as number), 1600 - (at[1] as number), -130 - (at[2] as number)], 12);
  return m;
})();
const HEAD = { at: [0.01, 1.59, 0.005], q: [0.05, 0.08, -0.03, Math.sqrt(1 - 0.05 ** 2 - 0.08 ** 2 - 0.03 ** 2)] } as const;

let device: XRDevice;
let stage: Stage<'ct'>;
let xr: XrStage<'ct'>;
const patched: (() => void)[] = [];

beforeAll(async () => {
  await page.viewport(WIDTH, HEIGHT);
  device = new XRDevice(metaQuest3, { ipd: IPD_M, fovy: Math.PI / 2, stereoEnabled: true });
  // Their rays are meshes of their own.
  for (const hand of Object.values(device.controllers)) if (hand !== undefined) hand.connected = false;
  device.installRuntime({ forceInstall: true });
});
afterAll(() => device.uninstallRuntime());

beforeEach(async () => {
  device.position.set(...HEAD.at);
  device.quaternion.set(...HEAD.q);
  const place = document.createElement('div');
  place.style.cssText = 'width:200px;height:160px';
  document.body.append(place);
  stage = createStage(place, { frame: CT, layout: singleLayout('3d'), antialias: false, pixelRatio: 1, annotations: false });
  stage.setVolume(V);
  xr = await startXr(stage, { mode: 'immersive-vr' });
});
afterEach(async () => {
  for (const back of patched.splice(0)) back();
  await xr.dispose();
  stage.dispose();
  document.body.replaceChildren();
});

/** Pixels of a frame of the headset: red, green, blue, alpha, rows from the bottom. */
function drawn(): Promise<Uint8Array> {
  const gl = stage.canvas.getContext('webgl2') as WebGL2RenderingContext;
  return new Promise((resolve) => {
    xr.session.requestAnimationFrame(() => {
      const pixels = new Uint8Array(4 * WIDTH * HEIGHT);
      gl.readPixels(0, 0, WIDTH, HEIGHT, gl.RGBA, gl.UNSIGNED_BYTE, pixels);
      resolve(pixels);
    });
  });
}

/** What is drawn of the patient beside the volume: the letters about it. */
let letters: Uint8Array = new Uint8Array();

async function shown(look: VolumeLook<'ct'>): Promise<Uint8Array> {
  const clear = (look.transfer ?? POINTS) as typeof POINTS;
  const rendering = stage.renderVolume({ stepVoxels: 0.5, ...look, transfer: clear.map((p) => ({ ...p, perMm: 0 })) });
  if (xr.placement === 'none') xr.place(transform(xr.room, CT, PLACED));
  for (let n = 0; n < 3; n += 1) letters = await drawn();
  rendering.setLook({ transfer: clear });
  await drawn();
  return drawn();
}

type Side = 'left' | 'right';

/**
 * The ray of a pixel of an eye in the patient, by hand: the eye is beside the head's middle, and sees 45° to each side of its axis.
 * @param off how far the picture's middle lies beside the axis, tangents
 */
function rayOf(side: Side, x: number, y: number, metres: Float64Array, off = 0): { eye: Float64Array; ray: number[] } {
  const head = fromQuaternion(new Float64Array(16), HEAD.q, HEAD.at);
  const inverse = new Float64Array(16);
  invert4(inverse, metres);
  const beside = (side === 'left' ? -1 : 1) * (IPD_M / 2);
  const room = (p: readonly number[]): Float64Array => transformPoint(vec3(0, 0, 0), head, p) as Float64Array;
  const eye = transformPoint(vec3(0, 0, 0), inverse, room([beside, 0, 0])) as Float64Array;
  const across = (2 * (x + 0.5)) / EYE - 1 + off;
  const upward = (2 * (y + 0.5)) / HEIGHT - 1;
  const ahead = transformPoint(vec3(0, 0, 0), inverse, room([beside + across, upward, -1]));
  const ray = [0, 1, 2].map((k) => (ahead[k] as number) - (eye[k] as number));
  const length = Math.hypot(...ray);
  return { eye, ray: ray.map((c) => c / length) };
}

/** Around a letter is a dark rim, which is not seen before black: px. */
const RIM = 6;

/** Whether a letter stands about there: grey, as nothing else in these pictures is. */
function written(x: number, y: number): boolean {
  for (let v = Math.max(0, y - RIM); v <= Math.min(HEIGHT - 1, y + RIM); v += 1) {
    for (let u = Math.max(0, x - RIM); u <= Math.min(WIDTH - 1, x + RIM); u += 1) {
      const [red, green, blue] = letters.subarray(4 * (v * WIDTH + u), 4 * (v * WIDTH + u) + 3) as unknown as number[];
      if ((blue as number) > 40 && (red as number) > 40 && (green as number) > 40) return true;
    }
  }
  return false;
}

interface Tally {
  worst: number;
  mean: number;
  covered: number;
}

/** What one eye was shown against the oracle's rays from where another is (the same, if all is well), on every second pixel. */
function against(
  pixels: Uint8Array,
  shownTo: Side,
  from: Side,
  how: Cast & { readonly oracle?: RayOracle; readonly off?: number; readonly behind?: readonly number[] },
  metres = metresFromPatient(identity4(), PLACED),
): Tally {
  const tally = { worst: 0, mean: 0, covered: 0 };
  let count = 0;
  for (let n = 0; n < EYE * HEIGHT; n += 2) {
    const [x, y] = [n % EYE, Math.floor(n / EYE)];
    const { eye, ray } = rayOf(from, x, y, metres as Float64Array, how.off ?? 0);
    const o = 4 * (y * WIDTH + x + (shownTo === 'right' ? EYE : 0));
    const end = how.end?.(eye, ray);
    const under = Number.isFinite(end) ? (how.behind ?? [0, 0, 0]) : [0, 0, 0];
    if (Number.isNaN(end) || written(x + (shownTo === 'right' ? EYE : 0), y)) continue;
    const sum = (how.oracle ?? ORACLE).cast(eye, ray, how);
    const off = [0, 1, 2].map((c) =>
      Math.abs((pixels[o + c] as number) - 255 * (sum[c] as number) - (1 - (sum[3] as number)) * (under[c] as number)),
    );
    tally.worst = Math.max(tally.worst, ...off);
    tally.mean += Math.max(...off);
    count += 1;
    if ((sum[3] as number) > 0.02) tally.covered += 1;
  }
  tally.mean /= count;
  return tally;
}

const SIDES = ['left', 'right'] as const;
const other = (side: Side): Side => (side === 'left' ? 'right' : 'left');

describe('the volume by rays, in each eye', () => {
  it('is what rays on the CPU see from where that eye is, and not what the other sees', async () => {
    const pixels = await shown({});
    for (const side of SIDES) {
      const tally = against(pixels, side, side, { step: 0.5 });
      expect(tally.covered, side).toBeGreaterThan(100);
      expect(tally.worst, side).toBeLessThanOrEqual(GREY_LEVELS);
      expect(against(pixels, side, other(side), { step: 0.5 }).worst, 'eyes exchanged are told apart').toBeGreaterThan(40);
    }
  });

  it('is right where an eye’s picture does not lie about its axis, as in real headsets', async () => {
    const own = XRView.prototype as { readonly projectionMatrix: Float32Array };
    const real = Object.getOwnPropertyDescriptor(own, 'projectionMatrix') as PropertyDescriptor;
    const off = { left: -0.18, right: 0.18 } as const;
    Object.defineProperty(own, 'projectionMatrix', {
      configurable: true,
      get(this: XRView) {
        const m = Float32Array.from((real.get as () => Float32Array).call(this));
        m[8] = off[this.eye as Side];
        return m;
      },
    });
    patched.push(() => Object.defineProperty(own, 'projectionMatrix', real));
    const pixels = await shown({});
    for (const side of SIDES) {
      const tally = against(pixels, side, side, { step: 0.5, off: off[side] });
      expect(tally.covered, side).toBeGreaterThan(100);
      expect(tally.worst, side).toBeLessThanOrEqual(GREY_LEVELS);
      expect(against(pixels, side, side, { step: 0.5 }).worst, side).toBeGreaterThan(40);
    }
  });

  it('is cut open where the page cuts it', async () => {
    const n = [0.3, -2, 0.5];
    const pixels = await shown({ clip: { point: point(CT, [MX, MY, MZ]), normal: n }, shading: false });
    const clip = { n, d: n.reduce((sum, c, k) => sum + c * ([MX, MY, MZ][k] as number), 0) };
    for (const side of SIDES) {
      expect(against(pixels, side, side, { step: 0.5, shading: false, clip }).worst, side).toBeLessThanOrEqual(GREY_LEVELS);
      expect(against(pixels, side, side, { step: 0.5, shading: false }).worst, 'it does cut').toBeGreaterThan(20);
    }
  });

  it.each([1, 8])('ends at a mesh that stands in it, at the mesh’s depth; a model × %d', async (scale) => {
    const { frameFromIndex } = V;
    const fog = volume({ frame: CT, voxels: new Uint8Array(COUNT).fill(100), size: [...SIZE], frameFromIndex, modality: 'CT' });
    const points = [0, 200].map((value) => ({ value, colour: '#ff2000', perMm: 0.02 }));
    stage.setVolume(fog);
    const radius = 9;
    const ball = new Mesh(new SphereGeometry(radius, 128, 96), new MeshBasicMaterial({ color: '#00ff00' }));
    ball.position.set(MX + 4, MY - 3, MZ + 5);
    stage.objects.add(ball);
    const viewer = {
      position: { x: HEAD.at[0], y: HEAD.at[1], z: HEAD.at[2] },
      orientation: { x: HEAD.q[0], y: HEAD.q[1], z: HEAD.q[2], w: HEAD.q[3] },
    };
    const metres = metresFromPatient(
      identity4(),
      scale === 1 ? PLACED : inFrontOf(identity4(), viewer, [MX, MY, MZ], scale),
      scale,
    );
    if (scale === 1) xr.place(transform(xr.room, CT, PLACED));
    else xr.placeTableTop(scale);
    const pixels = await shown({ transfer: points, shading: false });
    let hit = 0;
    const end: Cast['end'] = (eye, ray) => {
      const away = [0, 1, 2].map((k) => ball.position.getComponent(k) - (eye[k] as number));
      const along = away.reduce((sum, c, k) => sum + c * (ray[k] as number), 0);
      const beside = Math.sqrt(away.reduce((sum, c) => sum + c * c, 0) - along * along);
      // A pixel at the outline shows one or the other.
      if (Math.abs(beside - radius) < 0.02 * along) return Number.NaN;
      if (beside > radius) return Number.POSITIVE_INFINITY;
      hit += 1;
      return along - Math.sqrt(radius ** 2 - beside ** 2);
    };
    const oracle = new RayOracle(fog, points);
    for (const side of SIDES) {
      hit = 0;
      const tally = against(
        pixels,
        side,
        side,
        { step: 0.5, shading: false, end, oracle, behind: [0, 255, 0] },
        metres as Float64Array,
      );
      expect(hit, side).toBeGreaterThan(scale === 1 ? 25 : 10);
      expect(tally.worst, side).toBeLessThanOrEqual(GREY_LEVELS + 1);
    }
    stage.objects.clear();
  });

  it('is coarser where it may choose, and the same picture but for that', async () => {
    await shown({ stepVoxels: 'auto' });
    const pixels = await drawn();
    for (const side of SIDES) {
      const own = against(pixels, side, side, { step: 0.5 });
      const exchanged = against(pixels, side, other(side), { step: 0.5 });
      expect(own.mean, side).toBeLessThan(6);
      expect(exchanged.mean, side).toBeGreaterThan(3 * own.mean);
    }
  });

  it('is drawn nowhere while the patient has no place, and goes with its rendering', async () => {
    const dark = (pixels: Uint8Array): boolean => pixels.every((v, n) => n % 4 === 3 || v === 0);
    const rendering = stage.renderVolume({ transfer: POINTS });
    expect(dark(await drawn())).toBe(true);
    expect(dark(await shown({}))).toBe(false);
    xr.unplace();
    expect(dark(await drawn())).toBe(true);
    xr.place(transform(xr.room, CT, PLACED));
    expect(dark(await drawn())).toBe(false);
    rendering.remove();
    stage.setVolume(undefined);
    await drawn();
    expect(dark(await drawn())).toBe(true);
  });

  it('leaves the page’s own picture as it was, begun finely or not, and gives its pictures back', async () => {
    await xr.dispose();
    const gl = stage.canvas.getContext('webgl2') as WebGL2RenderingContext;
    const rendering = stage.renderVolume({ transfer: POINTS });
    const picture = (): Uint8Array => {
      stage.render();
      const out = new Uint8Array(4 * stage.canvas.width * stage.canvas.height);
      gl.readPixels(0, 0, stage.canvas.width, stage.canvas.height, gl.RGBA, gl.UNSIGNED_BYTE, out);
      return out;
    };
    const fine = async (): Promise<Uint8Array> => {
      await expect.poll(() => picture() && rendering.refined, { timeout: 15_000 }).toBe(true);
      return picture();
    };
    const before = await fine();
    const held = stage.resources();
    // A tool that appears has the page begin anew: coarse, then in bands.
    stage.orbit.turn(0.1, 0);
    picture();
    stage.orbit.turn(-0.1, 0);
    picture();
    xr = await startXr(stage, { mode: 'immersive-vr' });
    xr.place(transform(xr.room, CT, PLACED));
    for (let n = 0; n < 4; n += 1) await drawn();
    await xr.dispose();
    const after = await fine();
    expect(after.length).toBe(before.length);
    expect(after.every((v, n) => Math.abs(v - (before[n] as number)) <= 1)).toBe(true);
    const { geometries, textures } = stage.resources();
    expect({ geometries, textures }).toEqual({ geometries: held.geometries, textures: held.textures });
  });

  it('allocates next to nothing in our code with every frame', { timeout: 120_000 }, async () => {
    stage.renderVolume({ transfer: POINTS });
    xr.place(transform(xr.room, CT, PLACED));
    for (let n = 0; n < 3; n += 1) await drawn();
    const gl = stage.canvas.getContext('webgl2') as WebGL2RenderingContext;
    // The pixels' time is saved: only what the page allocates is asked.
    for (const call of ['drawElements', 'drawElementsInstanced', 'drawArrays', 'clear'] as const)
      Object.assign(gl, { [call]: () => {} });
    const frames = async (count: number): Promise<void> => {
      for (let n = 0; n < count; n += 1) {
        device.position.x = HEAD.at[0] + 0.001 * (n % 7);
        await new Promise<void>((resolve) => {
          xr.session.requestAnimationFrame(() => resolve());
        });
      }
    };
    await frames(300);
    const found = await allocatedIn(
      () => frames(200),
      /xr.(eye-rays|ray-budget)|volume-in-scene|ray-(material|pictures|quality|overlay)/,
    );
    const bytes = found.reduce((sum, [, size]) => sum + size, 0) / 200;
    const text = found.map(([site, size]) => `${(size / 200).toFixed(1)} ${site}`).join('\n');
    console.log(`${bytes.toFixed(1)} bytes a frame of two eyes\n${text}`);
    expect(bytes, text).toBeLessThanOrEqual(MOST_BYTES);
  });
});

/** Some numbers that change are boxed once before the engine has compiled what runs with every frame; the page's test has the same room. */
const MOST_BYTES = 256;

interface HeapNode {
  readonly callFrame: { readonly functionName: string; readonly url: string };
  readonly selfSize: number;
  readonly children: readonly HeapNode[];
}

/** Bytes that functions of some files allocated meanwhile, what the language's own do for them included (V8's sampling profiler). */
async function allocatedIn(work: () => Promise<void>, files: RegExp): Promise<[string, number][]> {
  const profiler = cdp() as unknown as { send(method: string, params?: object): Promise<unknown> };
  const sampling = { samplingInterval: 128, includeObjectsCollectedByMajorGC: true, includeObjectsCollectedByMinorGC: true };
  await profiler.send('HeapProfiler.startSampling', sampling);
  await work();
  const { profile } = (await profiler.send('HeapProfiler.stopSampling')) as { profile: { head: HeapNode } };
  const sites = new Map<string, number>();
  const walk = ({ callFrame, selfSize, children }: HeapNode, caller: string): void => {
    const site = callFrame.url === '' ? caller : `${callFrame.functionName} ${callFrame.url.replace(/[?].*/, '')}`;
    if (selfSize > 0 && files.test(site) && !site.includes('.test.')) sites.set(site, (sites.get(site) ?? 0) + selfSize);
    for (const child of children) walk(child, site);
  };
  walk(profile.head, '');
  return [...sites].sort((a, b) => b[1] - a[1]);
}
