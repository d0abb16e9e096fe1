import {
  Camera,
  Data3DTexture,
  FloatType,
  GLSL3,
  LinearFilter,
  Mesh,
  PlaneGeometry,
  RedFormat,
  Scene,
  ShaderMaterial,
  type WebGLRenderer,
  WebGLRenderTarget,
} from 'three';

const VERTEX = /* glsl */ `
void main() { gl_Position = vec4(position.xy, 0.0, 1.0); }`;

/** 1/1024 past half-way between texels of 0 and 1, magnified 256 times about one half. */
const FRAGMENT = /* glsl */ `
precision highp float;
precision highp sampler3D;
uniform sampler3D uPair;
out vec4 colour;
void main() {
  float between = texture(uPair, vec3(0.5 + 1.0 / 2048.0, 0.5, 0.5)).r;
  colour = vec4((between - 0.5) * 256.0, 0.0, 0.0, 1.0);
}`;

/**
 * Whether this GPU interpolates float textures to full precision, found out by asking it.
 *
 * Many place a sample between two texels in steps of 1/256 only. Between air and bone a step is 8 HU: several grey
 * levels of a narrow window. Where that is so the shader interpolates by itself.
 */
export function filtersExactly(renderer: WebGLRenderer): boolean {
  const pair = new Data3DTexture(Float32Array.of(0, 1), 2, 1, 1);
  pair.format = RedFormat;
  pair.type = FloatType;
  pair.minFilter = LinearFilter;
  pair.magFilter = LinearFilter;
  pair.unpackAlignment = 1;
  pair.needsUpdate = true;
  const material = new ShaderMaterial({
    glslVersion: GLSL3,
    vertexShader: VERTEX,
    fragmentShader: FRAGMENT,
    depthTest: false,
    uniforms: { uPair: { value: pair } },
  });
  const quad = new Mesh(new PlaneGeometry(2, 2), material);
  quad.frustumCulled = false;
  const scene = new Scene().add(quad);
  const target = new WebGLRenderTarget(1, 1, { depthBuffer: false });
  const pixel = new Uint8Array(4);
  renderer.setRenderTarget(target);
  renderer.render(scene, new Camera());
  renderer.readRenderTargetPixels(target, 0, 0, 1, 1, pixel);
  renderer.setRenderTarget(null);
  for (const used of [pair, material, quad.geometry, target]) used.dispose();
  // A quarter of the range where it is exact; none or all of it where the step is 1/256.
  return Math.abs((pixel[0] as number) - 64) <= 4;
}
