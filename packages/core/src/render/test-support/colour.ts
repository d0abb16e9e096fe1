import { rgb } from '../palette.js';

const DEGREE = Math.PI / 180;

/** L*, a*, b* of a colour. */
export type Lab = readonly [number, number, number];

/** The difference of two colours: CIEDE2000, as Sharma, Wu & Dalal 2005 (Color Research & Application 30:21) write it out, k = 1. */
export function ciede2000([l1, a1, b1]: Lab, [l2, a2, b2]: Lab): number {
  const mean = (Math.hypot(a1, b1) + Math.hypot(a2, b2)) / 2;
  const stretch = 1.5 - 0.5 * Math.sqrt(mean ** 7 / (mean ** 7 + 25 ** 7));
  const [p1, p2] = [a1 * stretch, a2 * stretch];
  const [c1, c2] = [Math.hypot(p1, b1), Math.hypot(p2, b2)];
  const [h1, h2] = [hue(p1, b1), hue(p2, b2)];
  const grey = c1 * c2 === 0;
  const turn = grey ? 0 : ((h2 - h1 + 540) % 360) - 180;
  const hueMean = grey ? h1 + h2 : (h1 + turn / 2 + 360) % 360;
  const dH = 2 * Math.sqrt(c1 * c2) * Math.sin((turn / 2) * DEGREE);
  const [l, c] = [(l1 + l2) / 2, (c1 + c2) / 2];
  const sl = 1 + (0.015 * (l - 50) ** 2) / Math.sqrt(20 + (l - 50) ** 2);
  const terms = [-0.17, 0.24, 0.32, -0.2] as const;
  const angles = [hueMean - 30, 2 * hueMean, 3 * hueMean + 6, 4 * hueMean - 63];
  const t = 1 + terms.reduce((sum, f, n) => sum + f * Math.cos((angles[n] as number) * DEGREE), 0);
  const rotation = 60 * Math.exp(-(((hueMean - 275) / 25) ** 2));
  const rt = -2 * Math.sqrt(c ** 7 / (c ** 7 + 25 ** 7)) * Math.sin(rotation * DEGREE);
  const [dl, dc, dh] = [(l2 - l1) / sl, (c2 - c1) / (1 + 0.045 * c), dH / (1 + 0.015 * c * t)];
  return Math.sqrt(dl * dl + dc * dc + dh * dh + rt * dc * dh);
}

function hue(a: number, b: number): number {
  return a === 0 && b === 0 ? 0 : (Math.atan2(b, a) / DEGREE + 360) % 360;
}

/** The contrast of two colours, `#rrggbb`: 1 … 21, as WCAG 2.2 has it. */
export function contrast(a: string, b: string): number {
  const [x, y] = [luminance(a), luminance(b)];
  return (Math.max(x, y) + 0.05) / (Math.min(x, y) + 0.05);
}

function luminance(hex: string): number {
  const [r, g, b] = rgb(hex).map((c) => (c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4)) as [number, number, number];
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}

/** CIE L*a*b* (D65) of linear sRGB. */
function lab(linear: readonly number[]): Lab {
  const [r, g, b] = linear as [number, number, number];
  const f = (t: number): number => (t > 216 / 24389 ? Math.cbrt(t) : (t * 24389) / 27 / 116 + 16 / 116);
  const x = f((0.4124564 * r + 0.3575761 * g + 0.1804375 * b) / 0.95047);
  const y = f(0.2126729 * r + 0.7151522 * g + 0.072175 * b);
  const z = f((0.0193339 * r + 0.119192 * g + 0.9503041 * b) / 1.08883);
  return [116 * y - 16, 500 * (x - y), 200 * (y - z)];
}

/** How colours are seen without one kind of cone: Machado, Oliveira & Fernandes 2009 (IEEE TVCG 15:1291), severity 1. */
const VISION = {
  usual: [1, 0, 0, 0, 1, 0, 0, 0, 1],
  deuteranopia: [0.367322, 0.860646, -0.227968, 0.280085, 0.672501, 0.047413, -0.01182, 0.04294, 0.968881],
  protanopia: [0.152286, 1.052583, -0.204868, 0.114503, 0.786281, 0.099216, -0.003882, -0.048116, 1.051998],
  tritanopia: [1.255528, -0.076749, -0.178779, -0.078411, 0.930809, 0.147602, 0.004733, 0.691367, 0.3039],
} as const;
/** With all cones, and without one kind of them. */
export type Vision = keyof typeof VISION;
export const VISIONS: readonly Vision[] = ['usual', 'deuteranopia', 'protanopia', 'tritanopia'];

/** A colour as it is seen, L*a*b*. @param hex `#rrggbb` */
export function seen(hex: string, vision: Vision): Lab {
  const linear = rgb(hex).map((c) => (c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4));
  const m = VISION[vision];
  const out = [0, 1, 2].map((i) =>
    Math.min(
      1,
      Math.max(
        0,
        [0, 1, 2].reduce((sum, j) => sum + (m[3 * i + j] as number) * (linear[j] as number), 0),
      ),
    ),
  );
  return lab(out);
}

/** CIEDE2000 as seen: 10 is plain at a glance in any part of the space. */
export function plainly(a: string, b: string, vision: Vision): number {
  return ciede2000(seen(a, vision), seen(b, vision));
}
