import { GLSL3, Mesh, PlaneGeometry, ShaderMaterial, type Texture } from 'three';

const VERTEX = /* glsl */ `
out vec2 vUv;
void main() {
  vUv = 0.5 * position.xy + 0.5;
  gl_Position = vec4(position.xy, 1.0, 1.0);
}`;

const FRAGMENT = /* glsl */ `
precision highp float;
uniform sampler2D uPicture;
in vec2 vUv;
out vec4 colour;
void main() { colour = texture(uPicture, vUv); }`;

/** The rays' picture over a whole view: after what is opaque, before all that is transparent. Its uniform is `uPicture`. */
export function rayOverlay(picture: Texture | null): Mesh<PlaneGeometry, ShaderMaterial> {
  const material = new ShaderMaterial({
    glslVersion: GLSL3,
    vertexShader: VERTEX,
    fragmentShader: FRAGMENT,
    transparent: true,
    premultipliedAlpha: true,
    depthTest: false,
    depthWrite: false,
    uniforms: { uPicture: { value: picture } },
  });
  const overlay = new Mesh(new PlaneGeometry(2, 2), material);
  overlay.frustumCulled = false;
  overlay.renderOrder = -1000;
  return overlay;
}
