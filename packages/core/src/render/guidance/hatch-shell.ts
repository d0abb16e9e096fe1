import { BufferAttribute, BufferGeometry, FrontSide, GLSL3, Mesh, ShaderMaterial, Vector3 } from 'three';
import { rgb } from '../palette.js';
import type { SurfaceMesh } from '../surface.js';
import { uniform } from '../uniform.js';
import { HATCH_GLSL, hatchNumber, type Ink } from './hatch.js';

const VERTEX = /* glsl */ `
out vec3 vNormal, vView;
void main() {
  vec4 p = modelViewMatrix * vec4(position, 1.0);
  vNormal = normalMatrix * normal;
  vView = -p.xyz;
  gl_Position = projectionMatrix * p;
}`;

const FRAGMENT = /* glsl */ `
precision highp float;
uniform vec3 uColour, uInk;
uniform int uHatch;
uniform float uDpr;
in vec3 vNormal, vView;
out vec4 colour;
${HATCH_GLSL}
void main() {
  float facing = clamp(dot(normalize(vNormal), normalize(vView)), 0.0, 1.0);
  float edge = 1.0 - facing;
  float ink = hatchInk(uHatch, gl_FragCoord.xy / uDpr);
  float alpha = mix(0.22, 0.95, edge * edge);
  colour = vec4(mix(uColour * (0.7 + 0.3 * facing), uInk, ink), max(alpha, 0.6 * ink));
}`;

/** A see-through shell with a hatch: what lies in it is seen, and its look is told without its colour. */
export class HatchShell {
  readonly object: Mesh<BufferGeometry, ShaderMaterial>;

  constructor({ positions, normals, indices }: SurfaceMesh, look: Ink) {
    const geometry = new BufferGeometry();
    geometry.setAttribute('position', new BufferAttribute(positions, 3));
    geometry.setAttribute('normal', new BufferAttribute(normals, 3));
    geometry.setIndex(new BufferAttribute(indices, 1));
    const material = new ShaderMaterial({
      glslVersion: GLSL3,
      vertexShader: VERTEX,
      fragmentShader: FRAGMENT,
      side: FrontSide,
      transparent: true,
      depthWrite: false,
      uniforms: {
        uColour: { value: new Vector3() },
        uInk: { value: new Vector3() },
        uHatch: { value: 0 },
        uDpr: { value: 1 },
      },
    });
    this.object = new Mesh(geometry, material);
    this.object.renderOrder = 9;
    this.look(look);
  }

  look({ colour, hatch, ink = colour }: Ink): void {
    const m = this.object.material;
    uniform<Vector3>(m, 'uColour').value.set(...rgb(colour));
    uniform<Vector3>(m, 'uInk').value.set(...rgb(ink));
    uniform<number>(m, 'uHatch').value = hatchNumber(hatch);
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
