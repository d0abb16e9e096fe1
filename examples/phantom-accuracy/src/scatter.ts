import type { Touch } from './protocol.js';

const COLOURS = ['#0b5fa5', '#b35900', '#7a1fa2'] as const;

/** Errors of touches in x and y as an SVG, with rings at whole and half mm and the limit. */
export function scatterOf(touches: readonly Touch[], limitMm: number): string {
  const reach = Math.max(limitMm, ...touches.map((t) => Math.hypot(t.error[0], t.error[1]))) * 1.12;
  const scale = 100 / reach;
  const step = reach > 4 ? 2 : reach > 2 ? 1 : 0.5;
  const rings: string[] = [];
  for (let r = step; r < reach; r += step) {
    rings.push(`<circle r="${(r * scale).toFixed(1)}" fill="none" stroke="#d3dae2" stroke-width="0.6"/>`);
    rings.push(`<text x="2" y="${(-r * scale - 1).toFixed(1)}" font-size="5.5" fill="#566373">${r} mm</text>`);
  }
  const leans = [...new Set(touches.map((t) => t.leanDeg))].sort((a, b) => a - b);
  const dots = touches.map((t) => {
    const colour = COLOURS[leans.indexOf(t.leanDeg) % COLOURS.length];
    return `<circle cx="${(t.error[0] * scale).toFixed(1)}" cy="${(-t.error[1] * scale).toFixed(1)}" r="1.7" fill="${colour}" fill-opacity="0.75"/>`;
  });
  const key = leans.map(
    (lean, k) =>
      `<g transform="translate(${-98 + 34 * k} 110)"><circle r="2" fill="${COLOURS[k % COLOURS.length]}"/><text x="4" y="2" font-size="6" fill="#16202b">lean ${lean}°</text></g>`,
  );
  return `<svg viewBox="-104 -104 208 220" role="img" aria-label="Errors of touches in x and y">
<path d="M-100 0H100M0 -100V100" stroke="#d3dae2" stroke-width="0.6"/>${rings.join('')}
<circle r="${(limitMm * scale).toFixed(1)}" fill="none" stroke="#a3161d" stroke-width="0.9" stroke-dasharray="3 2"/>
${dots.join('')}${key.join('')}<text x="100" y="-2" font-size="6" text-anchor="end" fill="#566373">x</text><text x="-4" y="-98" font-size="6" text-anchor="end" fill="#566373">y</text></svg>`;
}
