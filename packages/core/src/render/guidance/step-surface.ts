import { BufferAttribute, BufferGeometry, FrontSide, GLSL3, Mesh, ShaderMaterial, Vector2, Vector3 } from 'three';
import { rgb } from '../palette.js';
import { uniform } from '../uniform.js';
import { HATCH_GLSL, hatchNumber, type Ink } from './hatch.js';

const VERTEX = /* glsl */ `
in float aValue;
out vec3 vNormal, vView;
out float vValue;
void main() {
  vec4 p = modelViewMatrix * vec4(position, 1.0);
  vNormal = normalMatrix * normal;
  vView = -p.xyz;
  vValue = aValue;
  gl_Position = projectionMatrix * p;
}`;

const FRAGMENT = /* glsl */ `
precision highp float;
uniform vec3 uColours[4], uInks[4], uLimits, uRim;
uniform int uHatches[4];
uniform float uDpr;
uniform vec2 uRimDash; // on and off, CSS pixels; off 0: whole
in vec3 vNormal, vView;
in float vValue;
out vec4 colour;
${HATCH_GLSL}
void main() {
  vec2 px = gl_FragCoord.xy / uDpr;
  float facing = clamp(dot(normalize(vNormal), normalize(vView)), 0.0, 1.0);
  int at = vValue < uLimits.x ? 0 : vValue < uLimits.y ? 1 : vValue < uLimits.z ? 2 : 3;
  vec3 base = uColours[0], ink = uInks[0];
  int form = uHatches[0];
  for (int n = 1; n < 4; n += 1) if (at == n) { base = uColours[n]; ink = uInks[n]; form = uHatches[n]; }
  // Little shading: the colour is a reading.
  base *= 0.8 + 0.2 * facing;
  base = mix(base, ink, 0.8 * hatchInk(form, px));
  // The border between two steps.
  float perPx = max(fwidth(vValue) * uDpr, 1e-6);
  float away = min(abs(vValue - uLimits.x), min(abs(vValue - uLimits.y), abs(vValue - uLimits.z))) / perPx;
  base = mix(base, vec3(0.04, 0.055, 0.07), 1.0 - smoothstep(0.9, 1.7, away));
  float along = mod(px.x + px.y, uRimDash.x + uRimDash.y);
  bool drawn = uRimDash.y == 0.0 || along < uRimDash.x;
  if (facing < 0.34) base = drawn ? uRim : vec3(0.04, 0.055, 0.07);
  colour = vec4(base, 1.0);
}`;

/**
 * A closed surface coloured and hatched by a value at its vertices, in four steps with a dark line between them, and a rim in a colour and dash
 * of its own where it is seen edge-on. Opaque.
 */
export class StepSurface {
  readonly object: Mesh<BufferGeometry, ShaderMaterial>;
  readonly #values: BufferAttribute;

  /** @param positions x, y, z, mm. @param limits three values between the four steps */
  constructor(
    positions: Float32Array,
    normals: Float32Array,
    indices: Uint32Array,
    steps: readonly Ink[],
    limits: readonly number[],
  ) {
    const geometry = new BufferGeometry();
    geometry.setAttribute('position', new BufferAttribute(positions, 3));
    geometry.setAttribute('normal', new BufferAttribute(normals, 3));
    this.#values = new BufferAttribute(new Float32Array(positions.length / 3), 1);
    geometry.setAttribute('aValue', this.#values);
    geometry.setIndex(new BufferAttribute(indices, 1));
    const vector = (hex: string): Vector3 => new Vector3(...rgb(hex));
    const material = new ShaderMaterial({
      glslVersion: GLSL3,
      vertexShader: VERTEX,
      fragmentShader: FRAGMENT,
      side: FrontSide,
      uniforms: {
        uColours: { value: steps.map(({ colour }) => vector(colour)) },
        uInks: { value: steps.map(({ ink = '#0b0e12' }) => vector(ink)) },
        uHatches: { value: steps.map(({ hatch }) => hatchNumber(hatch)) },
        uLimits: { value: new Vector3(...limits) },
        uRim: { value: new Vector3() },
        uRimDash: { value: new Vector2(1, 0) },
        uDpr: { value: 1 },
      },
    });
    this.object = new Mesh(geometry, material);
  }

  /** Takes the values over; as many as there are vertices. */
  setValues(values: ArrayLike<number>): void {
    (this.#values.array as Float32Array).set(values);
    this.#values.needsUpdate = true;
  }

  /** The rim's colour and how it is broken, CSS pixels; undefined: whole. */
  rim(colour: string, dash: readonly [number, number] | undefined): void {
    const m = this.object.material;
    uniform<Vector3>(m, 'uRim').value.set(...rgb(colour));
    uniform<Vector2>(m, 'uRimDash').value.set(...((dash ?? [1, 0]) as [number, number]));
  }

  /** Device pixels per CSS pixel. */
  ratio(dpr: number): void {
    uniform<number>(this.object.material, 'uDpr').value = dpr;
  }

  dispose(): void {
    this.object.removeFromParent();
    this.object.geometry.dispose();
    this.object.material.dispose();
  }
}

/** Positions as the GPU takes them, with normals that are the mean of the triangles' about each vertex, by their area. */
export function drawable(
  positions: ArrayLike<number>,
  triangles: Uint32Array,
): { positions: Float32Array; normals: Float32Array; indices: Uint32Array } {
  const geometry = new BufferGeometry();
  const floats = Float32Array.from(positions);
  geometry.setAttribute('position', new BufferAttribute(floats, 3));
  geometry.setIndex(new BufferAttribute(triangles, 1));
  geometry.computeVertexNormals();
  const normals = geometry.getAttribute('normal').array as Float32Array;
  geometry.dispose();
  return { positions: floats, normals, indices: triangles };
}

/** The mean of all vertices: about the middle of a surface. */
export function meanOf(positions: ArrayLike<number>): Float64Array {
  const sum = new Float64Array(3);
  for (let n = 0; n < positions.length; n += 1)
    sum[n % 3] = (sum[n % 3] as number) + (3 * (positions[n] as number)) / positions.length;
  return sum;
}
