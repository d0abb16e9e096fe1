import type { AnyCalibration } from '../src/calibration-step.js';
import { h, liveAttribute, setText, svg } from './dom.js';
import { t } from './texts/index.js';

const SIZE = 240;
const MIDDLE = SIZE / 2;
/** The rim of the gauge: as far as every sector has to be tilted. */
const RIM = 104;
/** How far that is, rad: where the dot of the present tilt lies on the rim. */
const RIM_RAD = Math.PI / 6;

type Gauge = AnyCalibration['gauge'];

/** A point of the gauge: `angle` from three o'clock, counted clockwise. */
function at(angle: number, radius: number): [number, number] {
  return [MIDDLE + radius * Math.cos(angle), MIDDLE + radius * Math.sin(angle)];
}

/** The slice of a pie around `angle`. */
function wedge(angle: number, half: number, radius: number): string {
  const [x1, y1] = at(angle - half, radius);
  const [x2, y2] = at(angle + half, radius);
  return `M${MIDDLE} ${MIDDLE}L${x1.toFixed(2)} ${y1.toFixed(2)}A${radius} ${radius} 0 0 1 ${x2.toFixed(2)} ${y2.toFixed(2)}Z`;
}

/**
 * How much of the cone the stylus was tilted through, as a dial: each sector fills from the middle to the rim as the handle
 * is tilted that way, the dot is where it is now, and the sector that is wanted next is marked.
 */
export class GaugeDial {
  readonly element: HTMLElement;
  readonly #fills: SVGPathElement[] = [];
  readonly #frames: SVGPathElement[] = [];
  readonly #dot: SVGCircleElement;
  readonly #percent = h('p', { class: 'big', 'aria-hidden': 'true' });
  readonly #hint = h('p', { class: 'hint', role: 'status' });
  readonly #figures = h('p', { class: 'quiet' });

  constructor(sectors: number) {
    const half = Math.PI / sectors;
    for (let s = 0; s < sectors; s += 1) {
      this.#fills.push(svg('path', { class: 'fill' }));
      this.#frames.push(svg('path', { class: 'sector', d: wedge(2 * half * s, half * 0.96, RIM) }));
    }
    this.#dot = svg('circle', { class: 'now', r: 7 });
    const dial = svg(
      'svg',
      { viewBox: `0 0 ${SIZE} ${SIZE}`, 'aria-hidden': 'true' },
      ...this.#frames,
      ...this.#fills,
      svg('circle', { cx: MIDDLE, cy: MIDDLE, r: 2.5, class: 'middle' }),
      this.#dot,
    );
    const meter = { id: 'gauge', role: 'meter', 'aria-valuemin': 0, 'aria-valuemax': 100, 'aria-valuenow': 0 };
    const box = liveAttribute(h('div', meter), 'aria-label', () => t('How far the stylus was tilted to all sides, per cent'));
    box.append(dial);
    this.element = h('div', { class: 'gauge' }, box, this.#percent, this.#hint, this.#figures);
  }

  /** Brings the dial up to date: once per frame, while recording. */
  show(calibration: AnyCalibration): void {
    const gauge = calibration.gauge;
    const percent = Math.round(100 * gauge.coverage);
    const box = this.element.firstElementChild as HTMLElement;
    if (box.getAttribute('aria-valuenow') !== String(percent)) box.setAttribute('aria-valuenow', String(percent));
    setText(this.#percent, `${percent} %`);
    this.#sectors(gauge);
    this.#now(gauge);
    setText(this.#hint, hintOf(gauge, calibration));
    setText(this.#figures, figuresOf(gauge, calibration));
  }

  #sectors({ sectors }: Gauge): void {
    const next = wanted(sectors);
    const half = Math.PI / sectors.length;
    sectors.forEach((filled, s) => {
      // The tip leans one way and the handle the other: it is the handle that a person sees and moves.
      const angle = 2 * half * s + Math.PI;
      this.#fills[s]?.setAttribute('d', filled > 0 ? wedge(angle, half * 0.96, RIM * filled) : '');
      this.#fills[s]?.toggleAttribute('data-full', filled >= FULL);
      this.#frames[s]?.setAttribute('d', wedge(angle, half * 0.96, RIM));
      this.#frames[s]?.toggleAttribute('data-next', s === next);
    });
  }

  #now({ current, rmsMm }: Gauge): void {
    const [a, b] = [-(current[0] as number), -(current[1] as number)];
    const r = Math.min(1.1, Math.hypot(a, b) / RIM_RAD) * RIM;
    const [x, y] = at(Math.atan2(b, a), r);
    this.#dot.setAttribute('cx', x.toFixed(1));
    this.#dot.setAttribute('cy', y.toFixed(1));
    this.#dot.toggleAttribute('hidden', Number.isNaN(rmsMm));
  }
}

/** A sector is full from here on, as the calibration counts it. */
const FULL = 0.9;

/** The sector that lacks most; −1 where none does. */
function wanted(sectors: Float64Array): number {
  let least = 0;
  sectors.forEach((v, s) => {
    if (v < (sectors[least] as number)) least = s;
  });
  return (sectors[least] as number) >= FULL ? -1 : least;
}

function hintOf({ sectors, rmsMm }: Gauge, { poses }: AnyCalibration): string {
  if (poses.given > 30 && poses.seen < 0.7 * poses.given)
    return t('The stylus is often hidden: turn its spheres to the tracker.');
  if (Number.isNaN(rmsMm)) return t('Keep the tip in the divot, and tilt the handle slowly to all sides.');
  if (wanted(sectors) < 0) return t('All sides are covered: go on until the recording ends.');
  return t('Tilt the handle towards the marked sector, until it is full.');
}

/** How well the poses agree so far, and how many there are. */
function figuresOf({ rmsMm }: Gauge, { poses }: AnyCalibration): string {
  const agree = Number.isNaN(rmsMm) ? '–' : `${rmsMm.toFixed(2)} mm`;
  return t('Poses agree to {agree} (rms) · {seen} of {given} seen', { agree, seen: poses.seen, given: poses.given });
}
