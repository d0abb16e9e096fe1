import { afterEach, expect, it } from 'vitest';
import { cdp } from 'vitest/browser';
import { frame } from '../frames/index.js';
import { vec3 } from '../math/index.js';
import { manualClock } from '../testing/index.js';
import { volume } from '../volume/index.js';
import { createStage, type Stage } from './index.js';

const CT = frame('ct');
const ends: (() => void)[] = [];
afterEach(() => {
  for (const end of ends.splice(0)) end();
});

/** 400 × 400 px, four views of 199 px; a cube of 80 mm about the origin; on a page that could be scrolled. */
function make(): Stage<'ct'> {
  const host = document.createElement('div');
  host.style.cssText = 'position:absolute;left:0;top:0;width:400px;height:400px';
  const tall = document.createElement('div');
  tall.style.cssText = 'height:4000px';
  document.body.append(host, tall);
  const stage = createStage(host, { frame: CT, clock: manualClock(0), pixelRatio: 1, antialias: false });
  ends.push(() => {
    stage.dispose();
    host.remove();
    tall.remove();
    window.scrollTo(0, 0);
  });
  const frameFromIndex = Float64Array.of(2, 0, 0, 0, 0, 2, 0, 0, 0, 0, 2, 0, -39, -39, -39, 1);
  stage.setVolume(volume({ frame: CT, voxels: new Uint8Array(40 ** 3).fill(40), size: [40, 40, 40], frameFromIndex }));
  stage.render();
  return stage;
}

type Touch = readonly [x: number, y: number];

/** Fingers on the glass, through the browser's own input: hit test, touch-action, pointer events and all. */
class Fingers {
  readonly #session = cdp() as unknown as { send(method: string, params: object): Promise<unknown> };
  readonly seen: string[] = [];
  #on = false;

  constructor(stage: Stage<'ct'>) {
    // A finger that a failed test left on the glass would hold up the next one.
    ends.push(() => this.#lift());
    for (const type of ['pointerdown', 'pointermove', 'pointerup', 'pointercancel'] as const) {
      const note = (e: PointerEvent): number => this.seen.push(`${e.pointerType} ${type}`);
      stage.canvas.addEventListener(type, note);
      ends.push(() => stage.canvas.removeEventListener(type, note));
    }
  }

  async down(...at: Touch[]): Promise<void> {
    this.#on = true;
    await this.#send('touchStart', at);
  }

  /** In ten steps, as a hand moves. */
  async slide(from: readonly Touch[], to: readonly Touch[]): Promise<void> {
    for (let n = 1; n <= 10; n += 1) {
      const at = from.map(([x, y], k) => {
        const [u, v] = to[k] as Touch;
        return [x + (n / 10) * (u - x), y + (n / 10) * (v - y)] as const;
      });
      await this.#send('touchMove', at);
    }
  }

  async up(): Promise<void> {
    this.#on = false;
    await this.#send('touchEnd', []);
  }

  #lift(): void {
    if (this.#on) void this.up();
  }

  async #send(type: string, at: readonly Touch[]): Promise<void> {
    // The test runs in a frame of the page that the browser knows.
    const box = window.frameElement?.getBoundingClientRect() ?? new DOMRect(0, 0, innerWidth, innerHeight);
    const [sx, sy] = [box.width / innerWidth, box.height / innerHeight];
    const touchPoints = at.map(([x, y], id) => ({ x: box.x + sx * x, y: box.y + sy * y, id, radiusX: 4, radiusY: 4, force: 1 }));
    await this.#session.send('Input.dispatchTouchEvent', { type, touchPoints });
  }
}

function under(stage: Stage<'ct'>, [x, y]: Touch): number[] {
  const rect = stage.viewRect('axial') as NonNullable<ReturnType<typeof stage.viewRect>>;
  return Array.from(stage.slice('axial').plane.unproject(vec3(0, 0, 0), x - rect.x, y - rect.y));
}

const away = (a: ArrayLike<number>, b: ArrayLike<number>): number => Math.hypot(...Array.from(a, (v, k) => v - (b[k] as number)));

it('a finger drags the crosshair along, and the browser neither scrolls the page nor takes the finger away', async () => {
  const stage = make();
  const fingers = new Fingers(stage);
  const wanted = under(stage, [70, 130]);
  await fingers.down([100, 100]);
  await fingers.slide([[100, 100]], [[70, 130]]);
  await fingers.up();
  expect(away(stage.crosshair.xyz, wanted)).toBeLessThan(1);
  expect(fingers.seen[0]).toBe('touch pointerdown');
  expect(fingers.seen).toContain('touch pointermove');
  expect(fingers.seen).not.toContain('touch pointercancel');
  expect(window.scrollY).toBe(0);
});

it('a tap puts the crosshair where it is', async () => {
  const stage = make();
  const fingers = new Fingers(stage);
  const wanted = under(stage, [130, 70]);
  await fingers.down([130, 70]);
  await fingers.up();
  expect(away(stage.crosshair.xyz, wanted)).toBeLessThan(1);
});

it('two fingers pinch: what each is on stays under it, and the crosshair stays', async () => {
  const stage = make();
  const fingers = new Fingers(stage);
  const fitted = stage.slice('axial').plane.mmPerPx;
  const on = [under(stage, [80, 100]), under(stage, [120, 100])] as const;
  await fingers.down([80, 100], [120, 100]);
  await fingers.slide(
    [
      [80, 100],
      [120, 100],
    ],
    [
      [60, 115],
      [150, 115],
    ],
  );
  await fingers.up();
  stage.render();
  const px = stage.slice('axial').plane.mmPerPx;
  expect(px).toBeLessThan(0.6 * fitted);
  expect(away(under(stage, [60, 115]), on[0])).toBeLessThan(2 * px);
  expect(away(under(stage, [150, 115]), on[1])).toBeLessThan(2 * px);
  expect(away(stage.crosshair.xyz, [0, 0, 0])).toBeLessThan(1e-9);
  expect(fingers.seen).not.toContain('touch pointercancel');
});

it('a finger on the 3D view turns it, and turns nothing else', async () => {
  const stage = make();
  const fingers = new Fingers(stage);
  const { azimuth } = stage.orbit;
  await fingers.down([300, 100]);
  await fingers.slide([[300, 100]], [[340, 120]]);
  await fingers.up();
  expect(fingers.seen).toContain('touch pointermove');
  expect(stage.orbit.azimuth).toBeLessThan(azimuth - 0.05);
  expect(away(stage.crosshair.xyz, [0, 0, 0])).toBeLessThan(1e-9);
});
