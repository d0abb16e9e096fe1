import { PALETTE } from '../palette.js';

/** How an area is filled, so that it is told from another one without its colour. */
export const HATCHES = ['plain', 'stripes', 'crossed', 'dots', 'lines', 'counter'] as const;
/** One of {@link HATCHES}. */
export type Hatch = (typeof HATCHES)[number];

/** Between two stripes, lines or dots, CSS pixels; as {@link HATCH_GLSL} has it. */
const PERIOD = 9;
const WIDTH = 2.2;

/**
 * `float hatchInk(int form, vec2 px)`: how much of a pixel is ink, 0 … 1, by the place in CSS pixels. The forms are {@link HATCHES}. On the
 * glass and not on the surface: a hatch that turned and shrank with the surface would be another one.
 */
export const HATCH_GLSL: string = /* glsl */ `
float hatchLine(float s) {
  float d = abs(mod(s, ${PERIOD.toFixed(1)}) - ${(PERIOD / 2).toFixed(1)});
  return clamp(${(WIDTH / 2).toFixed(2)} + 0.5 - d, 0.0, 1.0);
}
float hatchInk(int form, vec2 px) {
  float up = (px.x - px.y) * 0.7071, down = (px.x + px.y) * 0.7071;
  if (form == 1) return hatchLine(up);
  if (form == 2) return max(hatchLine(up), hatchLine(down));
  if (form == 3) {
    vec2 d = mod(px, ${PERIOD.toFixed(1)}) - ${(PERIOD / 2).toFixed(1)};
    return clamp(2.2 - length(d), 0.0, 1.0);
  }
  if (form == 4) return hatchLine(px.y);
  if (form == 5) return hatchLine(down);
  return 0.0;
}`;

/** The number of a form in {@link HATCH_GLSL}. */
export function hatchNumber(hatch: Hatch): number {
  return HATCHES.indexOf(hatch);
}

/** A colour with its hatch and what the hatch is drawn in: one step of a scale. */
export interface Ink {
  /** `#rrggbb` */
  readonly colour: string;
  readonly hatch: Hatch;
  /** Default dark. */
  readonly ink?: string;
}

/** A canvas of one step, for a legend: filled and hatched as the surface is. Decoration: the words beside it say the same. */
export function swatch({ colour, hatch, ink = PALETTE.background }: Ink, width = 34, height = 20): HTMLCanvasElement {
  const ratio = Math.max(1, globalThis.devicePixelRatio || 1);
  const canvas = document.createElement('canvas');
  canvas.width = Math.round(width * ratio);
  canvas.height = Math.round(height * ratio);
  canvas.style.cssText = `width:${width}px;height:${height}px;display:block;border-radius:3px`;
  canvas.setAttribute('aria-hidden', 'true');
  const c = canvas.getContext('2d');
  if (c === null) return canvas;
  c.scale(ratio, ratio);
  c.fillStyle = colour;
  c.fillRect(0, 0, width, height);
  c.strokeStyle = ink;
  c.fillStyle = ink;
  c.lineWidth = WIDTH;
  if (hatch === 'dots') dots(c, width, height);
  else strokes(c, hatch, width, height);
  return canvas;
}

function dots(c: CanvasRenderingContext2D, width: number, height: number): void {
  for (let y = PERIOD / 2; y < height + 2; y += PERIOD) {
    for (let x = PERIOD / 2; x < width + 2; x += PERIOD) {
      c.beginPath();
      c.arc(x, y, 1.7, 0, 2 * Math.PI);
      c.fill();
    }
  }
}

function strokes(c: CanvasRenderingContext2D, hatch: Hatch, width: number, height: number): void {
  c.beginPath();
  if (hatch === 'lines') {
    for (let y = PERIOD / 2; y < height; y += PERIOD) {
      c.moveTo(0, y);
      c.lineTo(width, y);
    }
  }
  const step = PERIOD * Math.SQRT2;
  for (let x = -height; x < width + height; x += step) {
    if (hatch === 'stripes' || hatch === 'crossed') {
      c.moveTo(x, height);
      c.lineTo(x + height, 0);
    }
    if (hatch === 'counter' || hatch === 'crossed') {
      c.moveTo(x, 0);
      c.lineTo(x + height, height);
    }
  }
  c.stroke();
}
