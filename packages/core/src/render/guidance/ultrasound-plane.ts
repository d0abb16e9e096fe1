import { BufferAttribute, BufferGeometry, DoubleSide, GLSL3, Group, Mesh, ShaderMaterial, Vector4 } from 'three';
import { NavError } from '../../base/index.js';
import type { PoseView, Status } from '../../frames/index.js';
import { multiply4, rigidityError } from '../../math/index.js';
import { DrawnStatus } from '../drawn-status.js';
import { statusStyle } from '../palette.js';
import { uniform } from '../uniform.js';
import { type DrawnWords, ENGLISH_WORDS } from '../words.js';
import { type FanShape, fanOutline, requireFan } from './fan.js';
import type { GuidanceGraphic } from './graphic.js';
import { dashed, Outline } from './outline.js';
import { SceneLabel } from './scene-label.js';
import type { UltrasoundImage } from './ultrasound-image.js';

const VERTEX = /* glsl */ `
out vec2 vUv, vMm;
void main() {
  vUv = uv;
  vMm = position.xy;
  gl_Position = projectionMatrix * modelViewMatrix * vec4(position, 1.0);
}`;

const FRAGMENT = /* glsl */ `
precision highp float;
uniform sampler2D uImage;
uniform float uOpacity;
uniform bool uGrey, uSector;
uniform vec4 uFan;  // sector: apex x and y, inner and outer radius; linear: corner x and y, width and depth
uniform float uHalfAngle;
in vec2 vUv, vMm;
out vec4 colour;
void main() {
  vec2 d = vMm - uFan.xy;
  bool inFan = uSector
    ? length(d) >= uFan.z && length(d) <= uFan.w && abs(atan(d.x, d.y)) <= uHalfAngle
    : all(greaterThanEqual(d, vec2(0.0))) && all(lessThanEqual(d, uFan.zw));
  if (!inFan) discard;
  vec4 texel = texture(uImage, vUv);
  colour = uGrey ? vec4(texel.rrr, uOpacity) : vec4(texel.rgb, texel.a * uOpacity);
  if (colour.a < 0.004) discard;
}`;

/** Where the pixels of an ultrasound image lie. */
export interface UltrasoundGeometry {
  /** From one column to the next, and from one row to the next, mm. */
  readonly spacingMm: readonly [number, number];
  /**
   * probe-from-image, column-major 4×4, rigid: the image's x runs along its rows and y down its columns, both in mm from the
   * centre of the first pixel. What a probe calibration gives. Default: identity.
   */
  readonly probeFromImage?: ArrayLike<number>;
  /** What the image shows; the rest is not drawn. Default: all of it. */
  readonly fan?: FanShape;
}

/** What {@link UltrasoundPlane} is made from. */
export interface UltrasoundPlaneOptions extends UltrasoundGeometry {
  readonly image: UltrasoundImage;
  /** 0 … 1. Default 1. */
  readonly opacity?: number;
}

/**
 * A live ultrasound image where it lies in the patient: textured, cut to its fan, with its outline, and a dot at the side of its
 * first column.
 *
 * The image is drawn only with a live pose AND a frame that is fresh. With any other pose, or with an old frame, there is only the
 * outline, broken and in the status's colour, and the word: an old image at an old place looks like anatomy. Without a pose: nothing.
 */
export class UltrasoundPlane implements GuidanceGraphic {
  readonly image: UltrasoundImage;
  readonly object: Group = new Group();
  /** stage-from-image as last given, column-major, mm. */
  readonly matrix: Float64Array = new Float64Array(16).fill(Number.NaN);
  readonly #probeFromImage: Float64Array;
  readonly #pose = new DrawnStatus();
  readonly #frame = new DrawnStatus();
  readonly #quad: Mesh<BufferGeometry, ShaderMaterial>;
  readonly #outline: Outline;
  readonly #word = new SceneLabel();
  readonly labels: readonly SceneLabel[] = [this.#word];
  #drawn: Status = 'missing';
  #words = ENGLISH_WORDS;
  #dpr = 0;

  /** @throws NavError `pose/bad-option` */
  constructor({ image, opacity = 1, ...geometry }: UltrasoundPlaneOptions) {
    const { spacing, fan, probeFromImage } = imagePlane(image, geometry);
    this.image = image;
    this.#probeFromImage = probeFromImage;
    this.#quad = quadOf(image, spacing, fan);
    this.opacity = opacity;
    this.#quad.onBeforeRender = (renderer) => image.upload(renderer);
    this.#outline = outlineOf(fan);
    this.#quad.renderOrder = 21;
    this.object.add(this.#quad, this.#outline.object, this.#word.object);
    this.object.matrixAutoUpdate = false;
    this.object.visible = false;
    const corners = fanOutline(fan);
    this.#word.at(corners[0] as number, corners[1] as number, 0, 10, -14);
  }

  /** Of the image, 0 … 1. */
  set opacity(value: number) {
    uniform<number>(this.#quad.material, 'uOpacity').value = Math.min(1, Math.max(0, value));
  }

  get opacity(): number {
    return uniform<number>(this.#quad.material, 'uOpacity').value;
  }

  /** Takes over a pose: stage-from-probe. Allocates nothing. */
  update(view: PoseView): void {
    this.#pose.give(view);
    multiply4(this.matrix, view.matrix, this.#probeFromImage);
    this.object.matrix.fromArray(this.matrix);
    this.object.matrixWorldNeedsUpdate = true;
  }

  /** What is drawn: of the pose, or `stale` where the frame is old. */
  get status(): Status {
    return this.#drawn;
  }

  settle(now: Float64Array, staleAfterMs: number): void {
    this.#frame.giveStatus('ok', this.image.takenAt);
    this.#frame.settle(now, staleAfterMs);
    this.#pose.settle(now, staleAfterMs);
    const status = this.#pose.live && !this.#frame.live ? 'stale' : this.#pose.status;
    this.object.visible = this.#pose.shown;
    this.#quad.visible = this.#pose.live && this.#frame.live;
    if (status === this.#drawn) return;
    this.#drawn = status;
    this.#look();
  }

  inScene(width: number, height: number, dpr: number): void {
    this.#outline.viewport(width, height);
    this.#word.viewport(width, height);
    if (dpr === this.#dpr) return;
    this.#dpr = dpr;
    this.#look();
  }

  setWords(words: DrawnWords): void {
    this.#words = words;
    this.#look();
  }

  /** Leaves the image, which is its owner's. */
  dispose(): void {
    this.object.removeFromParent();
    this.#quad.geometry.dispose();
    this.#quad.material.dispose();
    this.#outline.dispose();
    this.#word.dispose();
  }

  #look(): void {
    const dpr = this.#dpr;
    const { colour, dash } = statusStyle(this.#drawn);
    const solid = this.#quad.visible;
    this.#outline.style(colour, (solid ? 2.5 : 3) * dpr, dashed(dash, dpr));
    this.#word.set(this.#words.status[this.#drawn], { sizePx: Math.round(18 * dpr), colour, anchor: 'left', weight: 700 });
  }
}

/**
 * The plane of an image, checked.
 * @throws NavError `pose/bad-option`
 */
export function imagePlane(
  image: UltrasoundImage,
  { spacingMm, probeFromImage, fan }: UltrasoundGeometry,
): { readonly spacing: readonly [number, number]; readonly fan: FanShape; readonly probeFromImage: Float64Array } {
  const [sx, sy] = spacingMm;
  if (!(sx > 0 && sy > 0 && sx < 100 && sy < 100)) {
    throw new NavError('pose/bad-option', `An ultrasound image needs spacings above 0 mm, got ${sx} and ${sy}.`);
  }
  const m = Float64Array.from(probeFromImage ?? [1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1]);
  if (m.length !== 16 || !(rigidityError(m) < 1e-3)) {
    throw new NavError(
      'pose/bad-option',
      'probeFromImage must be rigid, 16 numbers, column-major: put the scale into spacingMm.',
    );
  }
  const whole: FanShape = {
    kind: 'linear',
    cornerMm: [-sx / 2, -sy / 2],
    widthMm: sx * image.width,
    depthMm: sy * image.height,
  };
  return { spacing: spacingMm, fan: fan === undefined ? whole : requireFan(fan), probeFromImage: m };
}

/** The image's rectangle, from edge to edge of its outermost pixels, mm of its own plane. */
function quadOf(
  image: UltrasoundImage,
  [sx, sy]: readonly [number, number],
  fan: FanShape,
): Mesh<BufferGeometry, ShaderMaterial> {
  const geometry = new BufferGeometry();
  const [l, t, r, b] = [-sx / 2, -sy / 2, (image.width - 0.5) * sx, (image.height - 0.5) * sy];
  geometry.setAttribute('position', new BufferAttribute(Float32Array.of(l, t, 0, r, t, 0, l, b, 0, r, b, 0), 3));
  // The first row of the buffer is at v = 0, and the first row is the one nearest to the probe.
  geometry.setAttribute('uv', new BufferAttribute(Float32Array.of(0, 0, 1, 0, 0, 1, 1, 1), 2));
  geometry.setIndex([0, 1, 2, 2, 1, 3]);
  const sector = fan.kind === 'sector';
  const material = new ShaderMaterial({
    glslVersion: GLSL3,
    vertexShader: VERTEX,
    fragmentShader: FRAGMENT,
    transparent: true,
    side: DoubleSide,
    depthWrite: false,
    uniforms: {
      uImage: { value: image.texture },
      uOpacity: { value: 1 },
      uGrey: { value: image.format === 'grey' },
      uSector: { value: sector },
      uFan: {
        value: sector
          ? new Vector4(...fan.apexMm, fan.innerMm, fan.outerMm)
          : new Vector4(...fan.cornerMm, fan.widthMm, fan.depthMm),
      },
      uHalfAngle: { value: sector ? (fan.halfAngleDeg * Math.PI) / 180 : 0 },
    },
  });
  const mesh = new Mesh(geometry, material);
  mesh.frustumCulled = false;
  return mesh;
}

/** The fan's outline, and a short bar out of its first corner: the side of the first column, as the probe's own mark. */
function outlineOf(fan: FanShape): Outline {
  const corners = fanOutline(fan);
  const outline = new Outline(corners.length / 2 + 1, 22);
  const count = outline.closed(corners);
  const [x, y] = [corners[0] as number, corners[1] as number];
  outline.segment(count, x - 5, y - 1, 0, x - 1.5, y - 1, 0, 0);
  outline.show(count + 1);
  return outline;
}
