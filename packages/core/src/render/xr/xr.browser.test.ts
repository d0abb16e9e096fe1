import { metaQuest3, XRDevice } from 'iwer';
import { Mesh, MeshBasicMaterial, SphereGeometry, Vector3 } from 'three';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { page } from 'vitest/browser';
import { compose, frame, point, type Status, transform } from '../../frames/index.js';
import { identity4 } from '../../math/index.js';
import { headPhantom } from '../../testing/index.js';
import { createStage } from '../create-stage.js';
import { singleLayout } from '../layout.js';
import { PALETTE, rgb } from '../palette.js';
import { centreOf, extentOf, patientAxes } from '../planes.js';
import type { Stage } from '../stage.js';
import { startXr, xrSupported } from './start-xr.js';
import type { XrStage } from './xr-stage.js';

/** An emulated headset: its eyes half of 480 × 240 pixels each, 90° high, 64 mm apart. */
const [WIDTH, HEIGHT] = [480, 240];
const EYE = WIDTH / 2;
const IPD_M = 0.064;
/** Pixels to a tangent of 1. */
const FOCAL_PX = HEIGHT / 2;

/** How well the middle of a disc of 15 pixels is seen in a picture without smooth edges. */
const HALF_A_PIXEL = 0.5;

const CT = frame('ct');
const ACROSS = frame('across');
const head = headPhantom({ frame: CT, spacingMm: 6 });
let device: XRDevice;
let stage: Stage<'ct'>;
let ball: Mesh<SphereGeometry, MeshBasicMaterial>;
let xr: XrStage<'ct'> | undefined;

/** room-from-patient that puts the patient's origin there, mm, patient and room axes alike: left is right, posterior is up. */
const at = (x: number, y: number, z: number): Float64Array => Float64Array.from([1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, x, y, z, 1]);

beforeAll(async () => {
  await page.viewport(WIDTH, HEIGHT);
  device = new XRDevice(metaQuest3, { ipd: IPD_M, fovy: Math.PI / 2, stereoEnabled: true });
  device.installRuntime({ forceInstall: true });
});
afterAll(() => device.uninstallRuntime());

beforeEach(() => {
  device.position.set(0, 1.6, 0);
  device.quaternion.set(0, 0, 0, 1);
  const place = document.createElement('div');
  place.style.cssText = 'width:200px;height:160px';
  document.body.append(place);
  stage = createStage(place, { frame: CT, layout: singleLayout('3d'), antialias: false, pixelRatio: 1 });
  ball = new Mesh(new SphereGeometry(60, 48, 32), new MeshBasicMaterial({ color: '#ff00ff' }));
  stage.objects.add(ball);
});
afterEach(async () => {
  await xr?.dispose();
  xr = undefined;
  stage.dispose();
  document.body.replaceChildren();
});

async function start(mode: 'immersive-ar' | 'immersive-vr' = 'immersive-ar'): Promise<XrStage<'ct'>> {
  xr = await startXr(stage, { mode });
  return xr;
}

/** Pixels as they are when a frame of the headset is drawn: red, green, blue, alpha, rows from the bottom. */
function drawn(): Promise<Uint8Array> {
  const gl = stage.canvas.getContext('webgl2') as WebGL2RenderingContext;
  return new Promise((resolve) => {
    (xr as XrStage<'ct'>).session.requestAnimationFrame(() => {
      const pixels = new Uint8Array(4 * WIDTH * HEIGHT);
      gl.readPixels(0, 0, WIDTH, HEIGHT, gl.RGBA, gl.UNSIGNED_BYTE, pixels);
      resolve(pixels);
    });
  });
}

/** Middle of the ball in an eye's picture, pixels right and up of the picture's middle; how many pixels it has. */
function seen(pixels: Uint8Array, eye: 'left' | 'right'): { x: number; y: number; count: number } {
  let [x, y, count] = [0, 0, 0];
  for (let row = 0; row < HEIGHT; row += 1) {
    for (let column = 0; column < EYE; column += 1) {
      const n = 4 * (row * WIDTH + column + (eye === 'right' ? EYE : 0));
      if ((pixels[n] as number) < 200 || (pixels[n + 1] as number) > 60 || (pixels[n + 2] as number) < 200) continue;
      x += column + 0.5 - EYE / 2;
      y += row + 0.5 - HEIGHT / 2;
      count += 1;
    }
  }
  return { x: x / count, y: y / count, count };
}

/** Pixels of the colour that the model's plate and the plan's target have. */
const orange = (pixels: Uint8Array): number =>
  Array.from({ length: WIDTH * HEIGHT }, (_, n) => pixels.subarray(4 * n, 4 * n + 3)).filter(
    ([r = 0, g = 0, b = 0]) => r > 150 && g > 90 && g < 190 && b < 60,
  ).length;

const dark = (pixels: Uint8Array): boolean => pixels.every((v, n) => n % 4 === 3 || v === 0);

/** The ball straight ahead, its middle 1 m from the eyes. */
async function ahead(): Promise<void> {
  const session = await start();
  session.place(transform(session.room, CT, at(0, 1600, -1000)));
  await drawn();
}

describe('a session', () => {
  it.each(['immersive-ar', 'immersive-vr'] as const)('%s: draws both eyes, each from its own place', async (mode) => {
    expect(await xrSupported(mode)).toBe(true);
    const session = await start(mode);
    session.place(transform(session.room, CT, at(0, 1600, -1000)));
    await drawn();
    const pixels = await drawn();
    const [left, right] = [seen(pixels, 'left'), seen(pixels, 'right')];
    expect(left.count).toBeGreaterThan(150);
    // The left eye sees it on the right.
    const off = (FOCAL_PX * IPD_M) / 2;
    expect(left.x).toBeCloseTo(off, 0);
    expect(right.x).toBeCloseTo(-off, 0);
    expect(Math.abs(left.x - right.x - 2 * off)).toBeLessThan(HALF_A_PIXEL);
    expect(Math.abs(left.y)).toBeLessThan(HALF_A_PIXEL);
    expect(session.session.environmentBlendMode).toBe(mode === 'immersive-ar' ? 'alpha-blend' : 'opaque');
  });

  it('follows the head: 100 mm to the right and 100 mm up', async () => {
    await ahead();
    const before = seen(await drawn(), 'left');
    device.position.set(0.1, 1.7, 0);
    await drawn();
    const after = seen(await drawn(), 'left');
    expect(Math.abs(after.x - before.x + FOCAL_PX * 0.1)).toBeLessThan(HALF_A_PIXEL);
    expect(Math.abs(after.y - before.y + FOCAL_PX * 0.1)).toBeLessThan(HALF_A_PIXEL);
  });

  it('a millimetre of the patient is a thousandth of the room’s metre, to 1e-7 m', async () => {
    const session = await start();
    const turned = Float64Array.from([0, 1, 0, 0, 0, 0, 1, 0, 1, 0, 0, 0, 250, 1200, -800, 1]);
    session.place(transform(session.room, CT, turned));
    ball.position.set(12.5, -40, 333);
    await drawn();
    const world = ball.getWorldPosition(new Vector3());
    // By hand: x of the patient is up in the room, y towards the eyes, z to the right.
    [0.583, 1.2125, -0.84].forEach((metres, k) => {
      expect(Math.abs(world.getComponent(k) - metres)).toBeLessThan(1e-7);
    });
  });

  it('the patient’s left stays the patient’s left', async () => {
    await ahead();
    ball.position.set(200, 0, 0);
    await drawn();
    expect(seen(await drawn(), 'left').x).toBeGreaterThan(15);
    const mirrored = at(0, 1600, -1000);
    mirrored[0] = -1;
    expect(() => transform((xr as XrStage<'ct'>).room, CT, mirrored)).toThrow(/not a rigid motion/);
  });

  it('draws what was put there in the same frame, never a frame late', async () => {
    await ahead();
    let side = 1;
    stage.start(() => {
      side = -side;
      ball.position.x = 150 * side;
    });
    for (let n = 0; n < 6; n += 1) {
      const { x } = seen(await drawn(), 'left');
      expect(Math.sign(x - (FOCAL_PX * IPD_M) / 2)).toBe(side);
    }
  });
});

describe('a patient that moves', () => {
  it('is drawn where it was placed in the same frame', async () => {
    await ahead();
    const session = xr as XrStage<'ct'>;
    let side = 1;
    stage.start(() => {
      side = -side;
      session.place(transform(session.room, CT, at(150 * side, 1600, -1000)));
    });
    for (let n = 0; n < 6; n += 1) expect(Math.sign(seen(await drawn(), 'left').x)).toBe(side);
  });
});

describe('where the patient stands', () => {
  it('is not guessed: nothing is drawn before it is known', async () => {
    const session = await start();
    expect(session.status).toBe('missing');
    for (let n = 0; n < 3; n += 1) expect(dark(await drawn())).toBe(true);
    expect([session.status, session.placement]).toEqual(['unknown', 'none']);
  });

  it('is taken only in this stage’s frame and this room', async () => {
    const session = await start();
    const other = transform(session.room, ACROSS, identity4());
    expect(() => session.place(other as never)).toThrow(/across/);
    const elsewhere = transform(frame('xr-room-0') as unknown as typeof session.room, CT, identity4());
    expect(() => session.place(elsewhere)).toThrow(/xr-room-0/);
    // @ts-expect-error patient-from-room is no room-from-patient
    expect(() => session.place(transform(CT, session.room, identity4()))).toThrow(/ct/);
  });

  it('is not known any more when the headset’s coordinates begin anew, within that frame', async () => {
    await ahead();
    const session = xr as XrStage<'ct'>;
    const old = transform(session.room, CT, at(0, 1600, -1000));
    expect(seen(await drawn(), 'left').count).toBeGreaterThan(150);
    const told: Status[] = [];
    session.statusChanged.subscribe((status) => told.push(status));
    device.recenter();
    expect(dark(await drawn())).toBe(true);
    expect([told, session.placement]).toEqual([['unknown'], 'none']);
    expect(() => session.place(old)).toThrow(/xr-room/);
    session.place(transform(session.room, CT, old.matrix));
    expect(seen(await drawn(), 'left').count).toBeGreaterThan(150);
    expect(told).toEqual(['unknown', 'ok']);
  });

  it('may be said to be nowhere: a model, in front of whoever looks, facing them', async () => {
    device.quaternion.set(0, Math.sin(0.4), 0, Math.cos(0.4));
    const session = await start('immersive-vr');
    ball.position.set(0, 0, 0);
    session.placeTableTop();
    await drawn();
    const { x, y } = seen(await drawn(), 'left');
    expect(session.placement).toBe('tableTop');
    // Of a body of no size, so that the plate lies before the ball; never under a patient in place.
    expect(orange(await drawn())).toBeGreaterThan(100);
    session.place(transform(session.room, CT, at(0, 1600, -1000)));
    expect(orange(await drawn())).toBe(0);
    session.placeTableTop();
    await drawn();
    expect(Math.abs(x - (FOCAL_PX * IPD_M) / 2 / 0.7)).toBeLessThan(1);
    expect(y).toBeLessThan(-20);
    ball.position.set(100, 0, 0);
    expect(seen(await drawn(), 'left').x).toBeGreaterThan(x + 10);
  });

  it('is the place of a controller’s pose, in mm', async () => {
    const session = await start();
    await drawn();
    const orientation = { x: 0, y: 0, z: 0, w: 1 };
    const roomFromProbe = session.roomFrom(frame('probe'), { transform: { position: { x: 0.1, y: 1.2, z: -0.3 }, orientation } });
    const probeFromCt = transform(frame('probe'), CT, at(1, 2, 3));
    session.place(compose(roomFromProbe, probeFromCt));
    await drawn();
    const world = ball.getWorldPosition(new Vector3());
    [0.101, 1.202, -0.297].forEach((metres, k) => {
      expect(Math.abs(world.getComponent(k) - metres)).toBeLessThan(1e-7);
    });
  });
});

describe('a headset that loses itself', () => {
  const own = (): { getViewerPose: XRFrame['getViewerPose'] } => XRFrame.prototype as never;

  it.each([
    ['without a pose', () => null],
    [
      'with a position that it guesses',
      (real: XRViewerPose) => Object.create(real, { emulatedPosition: { value: true } }) as XRViewerPose,
    ],
  ])('%s: nothing is drawn from that frame on, and all of it when it is back', async (_, lost) => {
    await ahead();
    const session = xr as XrStage<'ct'>;
    const whole = seen(await drawn(), 'left').count;
    const real = own().getViewerPose;
    try {
      own().getViewerPose = function (this: XRFrame, space) {
        return lost(real.call(this, space) as XRViewerPose) as XRViewerPose;
      };
      expect(dark(await drawn())).toBe(true);
      expect([session.status, session.placement]).toEqual(['unknown', 'registered']);
    } finally {
      own().getViewerPose = real;
    }
    expect(seen(await drawn(), 'left').count).toBe(whole);
    expect(session.status).toBe('ok');
  });
});

describe('with an image', () => {
  beforeEach(() => {
    stage.setVolume(head.volume);
    stage.objects.clear();
  });

  it('the slices stand where they cut, and a hand’s ray puts the crosshair on them', async () => {
    const session = await start();
    stage.setCrosshair(point(CT, [4, 14, 44]));
    // As a face met face to face: the coronal slice is looked at from the front.
    const facing = Float64Array.from([1, 0, 0, 0, 0, 0, -1, 0, 0, 1, 0, 0, 0, 1600, -500, 1]);
    session.place(transform(session.room, CT, facing));
    await drawn();
    const pixels = await drawn();
    const grey = pixels.filter((v, n) => n % 4 === 0 && v > 60).length;
    expect(grey).toBeGreaterThan(2000);
    const { right } = device.controllers;
    if (right === undefined) throw new Error('The emulated headset has no controller.');
    // From 400 mm before the face straight at it; 30 mm to the patient's left of and 20 mm above the patient's origin.
    right.position.set(0.03, 1.62, -0.1);
    right.quaternion.set(0, 0, 0, 1);
    right.connected = true;
    await drawn();
    right.updateButtonValue('trigger', 1);
    await drawn();
    right.updateButtonValue('trigger', 0);
    await drawn();
    await drawn();
    [30, 14, 20].forEach((mm, k) => {
      expect(stage.crosshair.xyz[k]).toBeCloseTo(mm, 3);
    });
  });

  it('letters stand where the patient’s sides are, and numbers at the fiducials, in both eyes at their depth', async () => {
    const session = await start();
    stage.setWindow({ width: 1, level: 30_000 });
    stage.setFiducials([{ point: point(CT, [0, -60, 0]), label: '7', state: 'active' }]);
    const facing = Float64Array.from([1, 0, 0, 0, 0, 0, -1, 0, 0, 1, 0, 0, 0, 1600, -500, 1]);
    session.place(transform(session.room, CT, facing));
    await drawn();
    const pixels = await drawn();
    const half = extentOf(head.volume, patientAxes('axial')).high[0] + 12;
    const middle = centreOf(head.volume);
    /** Ink of a colour about where a point of the patient is in an eye: its middle, and how much of it is in the upper half. */
    const ink = (
      eye: 'left' | 'right',
      p: readonly [number, number, number],
      hex: string,
    ): { count: number; x: number; y: number; upper: number } => {
      const apart = ((eye === 'left' ? 1 : -1) * IPD_M) / 2;
      // The face looks at us: what is to the back is further away.
      const depth = 0.5 + p[1] / 1000;
      const [u, v] = [EYE / 2 + (FOCAL_PX * (p[0] / 1000 + apart)) / depth, HEIGHT / 2 + (FOCAL_PX * p[2]) / 1000 / depth];
      const wanted = rgb(hex).map((c) => 255 * c);
      const found: [number, number][] = [];
      for (let y = Math.round(v) - 14; y < v + 18; y += 1) {
        for (let x = Math.round(u) - 9; x < u + 9; x += 1) {
          const n = 4 * (y * WIDTH + x + (eye === 'right' ? EYE : 0));
          if (wanted.every((c, k) => Math.abs(c - (pixels[n + k] as number)) < 40)) found.push([x, y]);
        }
      }
      const mean = [0, 1].map((k) => found.reduce((sum, at) => sum + (at[k] as number) + 0.5, 0) / found.length) as [
        number,
        number,
      ];
      const top = Math.max(...found.map(([, y]) => y));
      const bottom = Math.min(...found.map(([, y]) => y));
      const upper = found.filter(([, y]) => y > (top + bottom) / 2).length / found.length;
      return { count: found.length, x: mean[0] - u, y: mean[1] - v, upper };
    };
    for (const eye of ['left', 'right'] as const) {
      const left = ink(eye, [half, middle[1] as number, middle[2] as number], PALETTE.text);
      const right = ink(eye, [-half, middle[1] as number, middle[2] as number], PALETTE.text);
      for (const { count, x, y } of [left, right]) {
        expect(count, eye).toBeGreaterThan(12);
        expect(Math.hypot(x, y), eye).toBeLessThan(4);
      }
      // An L has its bar below, an R its bowl above.
      expect(left.upper, eye).toBeLessThan(0.45);
      expect(right.upper, eye).toBeGreaterThan(left.upper + 0.1);
      const seven = ink(eye, [0, -60, 0], PALETTE.plan);
      expect(seven.count, eye).toBeGreaterThan(12);
    }
    stage.setFiducials([]);
    stage.setVolume(undefined);
    await drawn();
    expect((await drawn()).filter((v, n) => n % 4 === 0 && v > 150).length).toBe(0);
  });

  it('errors are as large as they are, whatever the page magnifies', async () => {
    stage.setVolume(undefined);
    const shape = [3600, 0, 0, 0, 3600, 0, 0, 0, 3600];
    stage.setTargetError({ centre: point(CT, [0, 0, 0]), shape });
    await ahead();
    const lit = async (): Promise<number> => (await drawn()).filter((v, n) => n % 4 === 0 && v > 40).length;
    const once = await lit();
    expect(once).toBeGreaterThan(150);
    stage.setErrorScale(4);
    expect(await lit()).toBe(once);
  });

  it('the page draws again when the session ends, as it did before, and holds no more than before', async () => {
    const picture = (): Uint8Array => {
      const gl = stage.canvas.getContext('webgl2') as WebGL2RenderingContext;
      stage.render();
      const pixels = new Uint8Array(4 * stage.canvas.width * stage.canvas.height);
      gl.readPixels(0, 0, stage.canvas.width, stage.canvas.height, gl.RGBA, gl.UNSIGNED_BYTE, pixels);
      return pixels;
    };
    const before = picture();
    const held = stage.resources();
    const session = await start();
    session.placeTableTop();
    await drawn();
    await drawn();
    expect(stage.canvas.width).toBe(WIDTH);
    await session.dispose();
    expect(session.status).toBe('disconnected');
    expect([stage.canvas.width, stage.canvas.height]).toEqual([200, 160]);
    const after = picture();
    expect(after.length).toBe(before.length);
    expect(after.every((v, n) => Math.abs(v - (before[n] as number)) <= 1)).toBe(true);
    expect(after.some((v, n) => n % 4 < 3 && v > 100)).toBe(true);
    const { geometries, textures } = stage.resources();
    expect({ geometries, textures }).toEqual({ geometries: held.geometries, textures: held.textures });
    await start();
    await drawn();
  });

  it('ends with its stage, and none begins on a stage that was disposed', async () => {
    const session = await start();
    let ended = false;
    session.session.addEventListener('end', () => {
      ended = true;
    });
    stage.dispose();
    await expect.poll(() => ended).toBe(true);
    expect(session.status).toBe('disconnected');
    await expect(startXr(stage, { mode: 'immersive-ar' })).rejects.toMatchObject({ code: 'render/disposed' });
  });

  it('leaves a page as it was where the browser gives no session', async () => {
    await expect(startXr(stage, { mode: 'immersive-ar', requiredFeatures: ['no-such-feature'] })).rejects.toMatchObject({
      code: 'render/no-xr',
      message: expect.stringMatching(/feature/),
    });
    stage.render();
  });
});
