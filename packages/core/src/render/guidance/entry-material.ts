import { FrontSide, GLSL3, ShaderMaterial, Vector3 } from 'three';
import { rgb } from '../palette.js';
import { ENTRY_KINDS, ENTRY_LOOKS, SCORE_COLOURS } from './entry-looks.js';
import { HATCH_GLSL, hatchNumber } from './hatch.js';

const VERTEX = /* glsl */ `
in vec4 aFirst;
in vec4 aRest; // two more kinds, and the score
out vec3 vNormal, vView, vRest;
out vec4 vFirst;
void main() {
  vec4 p = modelViewMatrix * vec4(position, 1.0);
  vNormal = normalMatrix * normal;
  vView = -p.xyz;
  vFirst = aFirst;
  vRest = aRest.xyz;
  gl_Position = projectionMatrix * p;
}`;

const FRAGMENT = /* glsl */ `
precision highp float;
uniform vec3 uColours[6], uLeast, uBest;
uniform int uHatches[6];
uniform float uOpacities[6];
uniform float uDpr, uSearched;
in vec3 vNormal, vView, vRest;
in vec4 vFirst;
out vec4 colour;
${HATCH_GLSL}
void main() {
  vec2 px = gl_FragCoord.xy / uDpr;
  float facing = clamp(dot(normalize(vNormal), normalize(vView)), 0.0, 1.0);
  float edge = 1.0 - facing;
  if (uSearched < 0.5) {
    colour = vec4(vec3(0.55) * (0.5 + 0.5 * facing), max(0.16 + 0.6 * edge * edge, 0.5 * hatchInk(4, px * 0.5)));
    return;
  }
  // Of the kinds at the three corners, the one with the most weight: its border runs within the triangle.
  float weights[6] = float[6](vFirst.x, vFirst.y, vFirst.z, vFirst.w, vRest.x, vRest.y);
  int at = 0;
  float most = weights[0];
  for (int n = 1; n < 6; n += 1) if (weights[n] > most) { most = weights[n]; at = n; }
  vec3 base = uColours[0];
  float opacity = uOpacities[0];
  int form = uHatches[0];
  for (int n = 1; n < 6; n += 1) if (n == at) { base = uColours[n]; opacity = uOpacities[n]; form = uHatches[n]; }
  vec3 dark = vec3(0.04, 0.055, 0.07);
  float ink = hatchInk(form, px);
  if (at == 0) {
    // The mean of the corners that can be used.
    float score = vRest.z / max(weights[0], 1e-4);
    base = mix(uLeast, uBest, clamp(score, 0.0, 1.0));
    // Lines at each quarter between the least and the best.
    float q = 4.0 * score, perPx = max(fwidth(q) * uDpr, 1e-6);
    float line = abs(q - floor(q + 0.5)) / perPx;
    if (q > 0.5 && q < 3.5 && perPx < 0.2) base = mix(base, dark, 0.7 * (1.0 - smoothstep(0.5, 1.3, line)));
  }
  base *= 0.62 + 0.38 * facing;
  base = mix(base, dark, 0.75 * ink);
  colour = vec4(base, min(1.0, opacity * (1.0 + 0.5 * edge * edge)));
}`;

/** Draws a skin by what of it can be an entry. */
export function entryMaterial(): ShaderMaterial {
  const looks = ENTRY_KINDS.map((kind) => ENTRY_LOOKS[kind]);
  const vector = (hex: string): Vector3 => new Vector3(...rgb(hex));
  return new ShaderMaterial({
    glslVersion: GLSL3,
    vertexShader: VERTEX,
    fragmentShader: FRAGMENT,
    side: FrontSide,
    transparent: true,
    depthWrite: false,
    uniforms: {
      uColours: { value: looks.map(({ colour }) => vector(colour)) },
      uHatches: { value: looks.map(({ hatch }) => hatchNumber(hatch)) },
      uOpacities: { value: looks.map(({ opacity }) => opacity) },
      uLeast: { value: vector(SCORE_COLOURS[0]) },
      uBest: { value: vector(SCORE_COLOURS[1]) },
      uDpr: { value: 1 },
      uSearched: { value: 0 },
    },
  });
}
