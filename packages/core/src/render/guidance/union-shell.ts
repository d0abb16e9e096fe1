import {
  type BufferGeometry,
  DoubleSide,
  FrontSide,
  GLSL3,
  Matrix4,
  Mesh,
  PlaneGeometry,
  ShaderMaterial,
  SphereGeometry,
  Vector2,
  Vector3,
} from 'three';
import { rgb } from '../palette.js';
import type { PlaneView } from '../planes.js';
import { onGlass, uniform } from '../uniform.js';
import { ALIKE, MOST_PROBES, type UnionOfEllipsoids } from './union-of-ellipsoids.js';

const INSIDE = /* glsl */ `
uniform mat4 uUnits[${MOST_PROBES}];
uniform int uCount;
bool within(int n, vec4 p, float limit) { vec3 q = (uUnits[n] * p).xyz; return dot(q, q) < limit; }`;

const SHELL_VERTEX = /* glsl */ `
out vec3 vNormal, vView, vUnit;
void main() {
  vec4 p = modelViewMatrix * vec4(position, 1.0);
  vUnit = position;
  vNormal = normalMatrix * normal;
  vView = -p.xyz;
  gl_Position = projectionMatrix * p;
}`;

const SHELL_FRAGMENT = /* glsl */ `
precision highp float;
${INSIDE}
uniform vec3 uColour;
uniform float uOpacity, uDpr;
uniform int uSelf;
uniform vec2 uRimDash;
uniform mat4 uOwn; // frame from its own unit ball
in vec3 vNormal, vView, vUnit;
out vec4 colour;
void main() {
  // On the ellipsoid itself: a triangle's middle lies inside it, and would count as hidden by an ellipsoid in the same place.
  vec4 place = uOwn * vec4(normalize(vUnit), 1.0);
  // What lies in another one is no boundary of the zone.
  for (int n = 0; n < ${MOST_PROBES}; n += 1) {
    if (n >= uCount || n == uSelf) continue;
    if (within(n, place, n < uSelf ? ${(1 + ALIKE).toFixed(5)} : ${(1 - ALIKE).toFixed(5)})) discard;
  }
  float facing = clamp(dot(normalize(vNormal), normalize(vView)), 0.0, 1.0);
  float edge = 1.0 - facing;
  vec2 px = gl_FragCoord.xy / uDpr;
  bool drawn = uRimDash.y == 0.0 || mod(px.x + px.y, uRimDash.x + uRimDash.y) < uRimDash.x;
  if (facing < 0.3) { if (!drawn && uOpacity == 0.0) discard; colour = vec4(uColour, drawn ? 1.0 : 0.15 * uOpacity); }
  else { if (uOpacity == 0.0) discard; colour = vec4(uColour * (0.5 + 0.5 * facing), uOpacity * mix(0.2, 1.0, edge * edge)); }
}`;

/** How a zone is drawn at this moment. */
export interface ZoneLook {
  readonly colour: string;
  /** Of the shell; 0: its rim alone. */
  readonly opacity: number;
  readonly dash: readonly [number, number] | undefined;
  /** Of the area on a slice; 0: none. */
  readonly fill: number;
}

function units(): Matrix4[] {
  return Array.from({ length: MOST_PROBES }, () => new Matrix4());
}

/** Copies what the shaders ask for. Allocates nothing. */
function tell(matrices: Matrix4[], union: UnionOfEllipsoids): void {
  for (let n = 0; n < union.count; n += 1) {
    const w = union.rows[n] as Float64Array;
    const e = (matrices[n] as Matrix4).elements;
    for (let r = 0; r < 3; r += 1) for (let c = 0; c < 4; c += 1) e[4 * c + r] = w[4 * r + c] as number;
  }
}

/** The outer boundary of a union of ellipsoids as a shell with a rim: each ellipsoid is drawn but where it lies in another, so no two surfaces meet in depth. */
export class UnionShell {
  readonly objects: readonly Mesh<BufferGeometry, ShaderMaterial>[];
  readonly #units = units();

  constructor() {
    const ball = new SphereGeometry(1, 64, 44);
    this.objects = Array.from({ length: MOST_PROBES }, (_, n) => {
      const material = new ShaderMaterial({
        glslVersion: GLSL3,
        vertexShader: SHELL_VERTEX,
        fragmentShader: SHELL_FRAGMENT,
        side: FrontSide,
        transparent: true,
        depthWrite: false,
        uniforms: {
          uUnits: { value: this.#units },
          uCount: { value: 0 },
          uSelf: { value: n },
          uColour: { value: new Vector3() },
          uOpacity: { value: 0 },
          uDpr: { value: 1 },
          uRimDash: { value: new Vector2(1, 0) },
        },
      });
      const mesh = new Mesh(ball, material);
      material.uniforms['uOwn'] = { value: mesh.matrix };
      mesh.renderOrder = 10;
      mesh.matrixAutoUpdate = false;
      mesh.visible = false;
      return mesh;
    });
  }

  /** Takes over where the ellipsoids lie. Allocates nothing. */
  place(union: UnionOfEllipsoids): void {
    tell(this.#units, union);
    for (let n = 0; n < this.objects.length; n += 1) {
      const mesh = this.objects[n] as Mesh<BufferGeometry, ShaderMaterial>;
      mesh.visible = n < union.count;
      if (!mesh.visible) continue;
      uniform<number>(mesh.material, 'uCount').value = union.count;
      const e = mesh.matrix.elements;
      const axes = union.axes[n] as Float64Array;
      const centre = union.centres[n] as Float64Array;
      for (let k = 0; k < 3; k += 1) {
        for (let a = 0; a < 3; a += 1) e[4 * a + k] = axes[3 * a + k] as number;
        e[12 + k] = centre[k] as number;
      }
      mesh.matrixWorldNeedsUpdate = true;
    }
  }

  look({ colour, opacity, dash }: ZoneLook, dpr: number): void {
    for (const { material } of this.objects) {
      uniform<Vector3>(material, 'uColour').value.set(...rgb(colour));
      uniform<number>(material, 'uOpacity').value = opacity;
      uniform<number>(material, 'uDpr').value = dpr;
      uniform<Vector2>(material, 'uRimDash').value.set(...((dash ?? [1, 0]) as [number, number]));
    }
  }

  dispose(): void {
    this.objects[0]?.geometry.dispose();
    for (const mesh of this.objects) {
      mesh.removeFromParent();
      mesh.material.dispose();
    }
  }
}

const FILL_VERTEX = /* glsl */ `
uniform vec2 uSize;
uniform mat4 uPlane; // frame from pixel
out vec4 vPlace;
void main() {
  vec2 px = (position.xy + 0.5) * uSize;
  vPlace = uPlane * vec4(px, 0.0, 1.0);
  gl_Position = projectionMatrix * viewMatrix * vec4(px, 0.0, 1.0);
}`;

const FILL_FRAGMENT = /* glsl */ `
precision highp float;
${INSIDE}
uniform vec3 uColour;
uniform float uOpacity;
in vec4 vPlace;
out vec4 colour;
void main() {
  bool any = false;
  for (int n = 0; n < ${MOST_PROBES}; n += 1) any = any || (n < uCount && within(n, vPlace, 1.0));
  if (!any) discard;
  colour = vec4(uColour, uOpacity);
}`;

/** The area of a slice that lies in a union of ellipsoids: each pixel once, however many hold it. */
export class UnionFill {
  readonly object: Mesh<PlaneGeometry, ShaderMaterial>;
  readonly #units = units();
  readonly #plane = new Matrix4();

  constructor() {
    const material = new ShaderMaterial({
      glslVersion: GLSL3,
      vertexShader: FILL_VERTEX,
      fragmentShader: FILL_FRAGMENT,
      transparent: true,
      side: DoubleSide,
      depthTest: false,
      depthWrite: false,
      uniforms: {
        uUnits: { value: this.#units },
        uCount: { value: 0 },
        uColour: { value: new Vector3() },
        uOpacity: { value: 0 },
        uSize: { value: new Vector2(1, 1) },
        uPlane: { value: this.#plane },
      },
    });
    this.object = onGlass(new Mesh(new PlaneGeometry(1, 1), material));
    this.object.renderOrder = -1;
  }

  /** Takes over where the ellipsoids and the slice lie. Allocates nothing. */
  place(union: UnionOfEllipsoids, { axes, centre, mmPerPx, width, height }: PlaneView): void {
    tell(this.#units, union);
    const { material } = this.object;
    uniform<number>(material, 'uCount').value = union.count;
    uniform<Vector2>(material, 'uSize').value.set(width, height);
    const e = this.#plane.elements;
    for (let k = 0; k < 3; k += 1) {
      e[k] = mmPerPx * (axes.right[k] as number);
      e[4 + k] = -mmPerPx * (axes.up[k] as number);
      e[12 + k] = (centre[k] as number) - (width / 2) * (e[k] as number) - (height / 2) * (e[4 + k] as number);
    }
  }

  look({ colour, fill }: ZoneLook): void {
    uniform<Vector3>(this.object.material, 'uColour').value.set(...rgb(colour));
    uniform<number>(this.object.material, 'uOpacity').value = fill;
    this.object.visible = fill > 0;
  }

  dispose(): void {
    this.object.removeFromParent();
    this.object.geometry.dispose();
    this.object.material.dispose();
  }
}
