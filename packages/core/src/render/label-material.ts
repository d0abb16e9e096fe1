import { DataTexture, Mesh, PlaneGeometry, type Scene } from 'three';
import type { LabelLook } from './label-map.js';
import { rgb } from './palette.js';
import type { PlaneView } from './planes.js';
import { uniform } from './uniform.js';
import { STORED_GLSL, VolumeMaterial } from './volume-material.js';
import type { VolumeTexture } from './volume-texture.js';

const VERTEX = /* glsl */ `
uniform vec3 uOrigin, uAlongX, uAlongY;
out vec3 vIndex;
void main() {
  vIndex = uOrigin + position.x * uAlongX + position.y * uAlongY;
  gl_Position = vec4(position.xy, 1.0, 1.0);
}`;

/** The table's edge: 256 × 256 values. */
const TABLE_EDGE = 256;

/** The nearest voxel's segment; its outline where another segment, or none, is within the outline's width on the screen. */
const FRAGMENT = /* glsl */ `
${STORED_GLSL}
precision highp sampler2D;
uniform sampler2D uTable; // red, green, blue, whether it is drawn
uniform vec3 uRight, uUp; // the outline's width, index
uniform float uFill;
uniform bool uOutline;
in vec3 vIndex;
out vec4 colour;
int label(vec3 at) {
  if (outside(at)) return 0;
  ivec3 voxel = clamp(ivec3(floor(at + 0.5)), ivec3(0), ivec3(uSize) - 1);
  return int(texelFetch(uVolume, voxel, 0).r * uGain + 0.5);
}
void main() {
  int here = label(vIndex);
  if (here <= 0 || here > 65535) discard;
  vec4 segment = texelFetch(uTable, ivec2(here % ${TABLE_EDGE}, here / ${TABLE_EDGE}), 0);
  if (segment.a == 0.0) discard;
  float a = uFill;
  if (uOutline) {
    for (int n = 0; n < 8; n += 1) {
      float angle = float(n) * 0.78539816339;
      if (label(vIndex + cos(angle) * uRight + sin(angle) * uUp) != here) a = 1.0;
    }
  }
  if (a == 0.0) discard;
  colour = vec4(segment.rgb, a);
}`;

/** A label map on one slice: over the images and under everything else. */
export class LabelsOnSlice {
  readonly #cut: VolumeMaterial;
  readonly #quad: Mesh<PlaneGeometry, VolumeMaterial['material']>;
  readonly #right = new Float32Array(3);
  readonly #up = new Float32Array(3);
  #table: DataTexture | undefined;
  #outlinePx = 0;

  constructor(image: Scene) {
    this.#cut = new VolumeMaterial(VERTEX, FRAGMENT, {
      uTable: { value: null },
      uRight: { value: this.#right },
      uUp: { value: this.#up },
      uFill: { value: 0 },
      uOutline: { value: false },
    });
    const { material } = this.#cut;
    material.transparent = true;
    material.depthTest = false;
    material.depthWrite = false;
    this.#quad = new Mesh(new PlaneGeometry(2, 2), material);
    this.#quad.frustumCulled = false;
    this.#quad.visible = false;
    // After a second volume.
    this.#quad.renderOrder = 1;
    image.add(this.#quad);
  }

  /** Takes over the labels and how they look. */
  changed(labels: { readonly look: LabelLook; readonly uploaded: VolumeTexture } | undefined): void {
    this.#table?.dispose();
    this.#table = undefined;
    this.#quad.visible = labels !== undefined;
    if (labels === undefined) return;
    const { look, uploaded } = labels;
    const { material } = this.#cut;
    this.#cut.setVolume(look.volume, uploaded);
    this.#table = table(look);
    this.#outlinePx = look.outlinePx;
    uniform<unknown>(material, 'uTable').value = this.#table;
    uniform<number>(material, 'uGain').value = uploaded.storedPerTexel;
    uniform<number>(material, 'uFill').value = look.fill;
    uniform<boolean>(material, 'uOutline').value = look.outlinePx > 0;
  }

  /** Follows the view. */
  update(plane: PlaneView, alongX: ArrayLike<number>, alongY: ArrayLike<number>, dpr: number): void {
    if (!this.#quad.visible) return;
    this.#cut.setPlane(plane.centre, alongX, alongY);
    const wide = 2 * this.#outlinePx * dpr;
    const { alongX: x, alongY: y } = this.#cut;
    for (let k = 0; k < 3; k += 1) {
      this.#right[k] = ((x[k] as number) * wide) / plane.width;
      this.#up[k] = ((y[k] as number) * wide) / plane.height;
    }
  }

  dispose(): void {
    this.#table?.dispose();
    this.#quad.geometry.dispose();
    this.#cut.material.dispose();
  }
}

/** The colours of all values; one that has no segment, or whose segment is hidden, is not drawn. */
function table({ segments }: LabelLook): DataTexture {
  const data = new Uint8Array(4 * TABLE_EDGE * TABLE_EDGE);
  for (const { value, colour, visible } of segments) {
    data.set([...rgb(colour).map((c) => Math.round(255 * c)), visible ? 255 : 0], 4 * value);
  }
  const texture = new DataTexture(data, TABLE_EDGE, TABLE_EDGE);
  texture.needsUpdate = true;
  return texture;
}
