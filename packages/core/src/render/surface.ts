import { BufferAttribute, BufferGeometry, FrontSide, GLSL3, Mesh, ShaderMaterial, Vector3 } from 'three';
import { rgb } from './palette.js';

/** A triangle mesh in a volume's frame. */
export interface SurfaceMesh {
  /** x, y, z of each vertex, mm. */
  readonly positions: Float32Array;
  /** Unit normals, outward, one a vertex. */
  readonly normals: Float32Array;
  /** Three vertices a triangle, anticlockwise seen from outside. */
  readonly indices: Uint32Array;
}

/** How a surface is drawn. */
export interface SurfaceStyle {
  /** `#rrggbb` */
  readonly colour?: string;
  /** 0 … 1 where it is seen edge-on; seen face-on it is a fifth of that, so that one looks into it. Default 0.8. */
  readonly opacity?: number;
}

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
uniform vec3 uColour;
uniform float uOpacity;
in vec3 vNormal, vView;
out vec4 colour;
void main() {
  vec3 n = normalize(vNormal), v = normalize(vView);
  float facing = clamp(dot(n, v), 0.0, 1.0);
  float edge = 1.0 - facing;
  float light = 0.35 + 0.65 * clamp(dot(n, normalize(vec3(-0.4, 0.6, 0.7))), 0.0, 1.0);
  float shine = pow(clamp(dot(reflect(-normalize(vec3(-0.4, 0.6, 0.7)), n), v), 0.0, 1.0), 24.0) * 0.25;
  colour = vec4(uColour * light + shine, uOpacity * mix(0.2, 1.0, edge * edge));
}`;

/** A see-through shell: clear where it faces the eye, dense at its outline, with a headlight. */
export class Surface {
  readonly object: Mesh<BufferGeometry, ShaderMaterial>;

  constructor(mesh: SurfaceMesh, colour: string, opacity: number) {
    const geometry = new BufferGeometry();
    geometry.setAttribute('position', new BufferAttribute(mesh.positions, 3));
    geometry.setAttribute('normal', new BufferAttribute(mesh.normals, 3));
    geometry.setIndex(new BufferAttribute(mesh.indices, 1));
    this.object = new Mesh(
      geometry,
      new ShaderMaterial({
        glslVersion: GLSL3,
        vertexShader: VERTEX,
        fragmentShader: FRAGMENT,
        side: FrontSide,
        transparent: true,
        depthWrite: false,
        uniforms: { uColour: { value: new Vector3(...rgb(colour)) }, uOpacity: { value: opacity } },
      }),
    );
    this.object.renderOrder = 10;
  }

  dispose(): void {
    this.object.removeFromParent();
    this.object.geometry.dispose();
    this.object.material.dispose();
  }
}
