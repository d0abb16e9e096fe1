import { BufferAttribute, BufferGeometry, type Camera, Group, Mesh, type ShaderMaterial } from 'three';
import { NavError } from '../../base/index.js';
import type { Status } from '../../frames/index.js';
import { formatDegrees, formatMm, type TrajectorySearch } from '../../guidance/index.js';
import type { Mesh as Skin } from '../../volume/index.js';
import { PALETTE } from '../palette.js';
import { uniform } from '../uniform.js';
import { type DrawnWords, ENGLISH_WORDS } from '../words.js';
import { ENTRY_KINDS, type EntryKind, entryKind } from './entry-looks.js';
import { entryMaterial } from './entry-material.js';
import { ALARM_TEXT, type GuidanceGraphic } from './graphic.js';
import { ScenePin } from './scene-pin.js';
import { drawable, meanOf } from './step-surface.js';

/** What {@link EntryMap} is made from. */
export interface EntryMapOptions<F extends string> {
  /** The skin that was searched, in the stage's frame: each of its vertices is an entry. */
  readonly skin: Skin<F>;
  /** The structures that the search was given, in its order: what an entry is too near is then called by its name. */
  readonly structures?: readonly { readonly name: string }[];
}

/** How far the pin of the chosen entry stands out of the skin, mm. */
const PIN_MM = 25;

/**
 * From where on the skin a target can be reached, as `searchTrajectories` found it: entries that can be used in green, the lighter the better (with a
 * line at each quarter between the least and the best score), the others hatched by the reason. The chosen entry is pinned, with what is known of
 * its way; one that cannot be used says why. Where the chosen entry is on the far side of the body, its pin is broken.
 *
 * A skin that was not searched is grey with lines: not known, which is not the same as refused. Between two vertices the map is that of the nearer.
 */
export class EntryMap<F extends string> implements GuidanceGraphic {
  readonly object: Group = new Group();
  readonly #skin: Skin<F>;
  readonly #structures: readonly { readonly name: string }[];
  readonly #mesh: Mesh<BufferGeometry, ShaderMaterial>;
  readonly #first: BufferAttribute;
  readonly #rest: BufferAttribute;
  readonly #normals: Float32Array;
  readonly #pin = new ScenePin(PIN_MM);
  readonly labels: readonly [ScenePin['figure'], ScenePin['words']] = [this.#pin.figure, this.#pin.words];
  readonly #counts = new Uint32Array(ENTRY_KINDS.length);
  #search: TrajectorySearch | undefined;
  #chosen: number | undefined;
  #words = ENGLISH_WORDS;
  #dpr = 1;

  constructor({ skin, structures = [] }: EntryMapOptions<F>) {
    this.#skin = skin;
    this.#structures = structures;
    const { positions, normals, indices } = drawable(skin.positions, skin.triangles);
    this.#normals = normals;
    const vertices = positions.length / 3;
    this.#first = new BufferAttribute(new Uint8Array(4 * vertices), 4, true);
    this.#rest = new BufferAttribute(new Uint8Array(4 * vertices), 4, true);
    const geometry = new BufferGeometry();
    geometry.setAttribute('position', new BufferAttribute(positions, 3));
    geometry.setAttribute('normal', new BufferAttribute(normals, 3));
    geometry.setAttribute('aFirst', this.#first);
    geometry.setAttribute('aRest', this.#rest);
    geometry.setIndex(new BufferAttribute(indices, 1));
    this.#mesh = new Mesh(geometry, entryMaterial());
    // Under the shells of what lies inside.
    this.#mesh.renderOrder = 8;
    this.#mesh.onBeforeRender = (_renderer, _scene, camera) => this.#pin.facing(this.#faces(camera));
    this.object.add(this.#mesh, this.#pin.object);
    this.#mark();
  }

  /**
   * Shows what a search found; `undefined`: the skin was not searched. The chosen entry is let go.
   * @throws NavError `pose/bad-option` for a search of another skin
   */
  setSearch(search: TrajectorySearch | undefined): void {
    const vertices = this.#skin.positions.length / 3;
    if (search !== undefined && search.refusals.length !== vertices) {
      throw new NavError(
        'pose/bad-option',
        `A search of ${search.refusals.length} entries is not of this skin of ${vertices} vertices. Search it, or show the skin that was searched.`,
      );
    }
    this.#search = search;
    this.#counts.fill(0);
    if (search !== undefined) this.#colour(search);
    uniform<number>(this.#mesh.material, 'uSearched').value = search === undefined ? 0 : 1;
    this.choose(undefined);
  }

  /**
   * Pins an entry, by its number; `undefined` takes the pin off.
   * @throws NavError `pose/bad-option` for a number that is no vertex of the skin
   */
  choose(entry: number | undefined): void {
    if (entry !== undefined && !(Number.isInteger(entry) && entry >= 0 && 3 * entry < this.#skin.positions.length)) {
      throw new NavError('pose/bad-option', `There is no entry ${entry}: the skin has ${this.#skin.positions.length / 3}.`);
    }
    this.#chosen = entry;
    this.#mark();
  }

  /** The chosen entry. */
  get chosen(): number | undefined {
    return this.#chosen;
  }

  /** `ok` for a skin that was searched, otherwise `unknown`. */
  get status(): Status {
    return this.#search === undefined ? 'unknown' : 'ok';
  }

  /** How many entries are of a kind. */
  count(kind: EntryKind): number {
    return this.#counts[ENTRY_KINDS.indexOf(kind)] as number;
  }

  /** The least and the best score of those that can be used; NaN without any. */
  get scores(): readonly [least: number, best: number] {
    const { ranked, scores } = this.#search ?? { ranked: [], scores: [] };
    return [scores[ranked[ranked.length - 1] ?? -1] ?? Number.NaN, scores[ranked[0] ?? -1] ?? Number.NaN];
  }

  /** The vertex nearest to a point of the frame, mm: which entry a person pointed at. Looks at every vertex. */
  nearestTo(xyz: ArrayLike<number>): number {
    const { positions } = this.#skin;
    let [best, least] = [0, Number.POSITIVE_INFINITY];
    for (let n = 0; n < positions.length; n += 3) {
      let d = 0;
      for (let k = 0; k < 3; k += 1) d += ((positions[n + k] as number) - (xyz[k] as number)) ** 2;
      if (d < least) [best, least] = [n / 3, d];
    }
    return best;
  }

  settle(): void {}

  inScene(width: number, height: number, dpr: number): void {
    if (dpr !== this.#dpr) {
      this.#dpr = dpr;
      uniform<number>(this.#mesh.material, 'uDpr').value = dpr;
      this.#mark();
    }
    this.#pin.viewport(width, height);
  }

  setWords(words: DrawnWords): void {
    this.#words = words;
    this.#mark();
  }

  dispose(): void {
    this.object.removeFromParent();
    this.#mesh.geometry.dispose();
    this.#mesh.material.dispose();
    this.#pin.dispose();
  }

  #colour({ refusals, scores }: TrajectorySearch): void {
    const first = this.#first.array as Uint8Array;
    const rest = this.#rest.array as Uint8Array;
    const [least, best] = this.scores;
    first.fill(0);
    rest.fill(0);
    for (let n = 0; n < refusals.length; n += 1) {
      const kind = entryKind(refusals[n] as number);
      this.#counts[kind] = (this.#counts[kind] as number) + 1;
      if (kind < 4) first[4 * n + kind] = 255;
      else rest[4 * n + kind - 4] = 255;
      // All alike are all the best.
      if (kind === 0) rest[4 * n + 2] = best > least ? Math.round((255 * ((scores[n] as number) - least)) / (best - least)) : 255;
    }
    this.#first.needsUpdate = true;
    this.#rest.needsUpdate = true;
  }

  #faces(camera: Camera): boolean {
    if (this.#chosen === undefined) return true;
    const eye = camera.matrixWorld.elements;
    let sum = 0;
    for (let k = 0; k < 3; k += 1) {
      const n = 3 * this.#chosen + k;
      sum += (this.#normals[n] as number) * ((eye[12 + k] as number) - (this.#skin.positions[n] as number));
    }
    return sum > 0;
  }

  #mark(): void {
    const at = this.#chosen;
    if (at === undefined) {
      const none = this.#search === undefined ? this.#words.entries.noneSearched : '';
      this.#pin.place(meanOf(this.#skin.positions), undefined);
      this.#pin.write('', none, PALETTE.text, PALETTE.text, this.#dpr);
      return;
    }
    this.#pin.place(this.#skin.positions.subarray(3 * at, 3 * at + 3), this.#normals.subarray(3 * at, 3 * at + 3));
    const bits = this.#search?.refusals[at] ?? -1;
    if (bits === 0) this.#pin.write(...this.#wayOf(at), PALETTE.text, PALETTE.text, this.#dpr);
    else this.#pin.write(...this.#refusalOf(bits, at), ALARM_TEXT, ALARM_TEXT, this.#dpr);
  }

  #wayOf(at: number): [string, string] {
    const { depthMm, spareMm, skinAngleDeg } = this.#search as TrajectorySearch;
    const spare = spareMm[at] as number;
    const words = this.#words.entries;
    const room = Number.isFinite(spare) ? words.spare(formatMm(Math.floor(10 * spare) / 10)) + this.#by(at) : words.nothingNear;
    const angle = words.toSkin(formatDegrees(skinAngleDeg[at] as number, 0));
    return [formatMm(depthMm[at] as number, 0), `${words.entry} · ${room} · ${angle}`];
  }

  #refusalOf(bits: number, at: number): [string, string] {
    const { entry, kinds, refused, notSearched } = this.#words.entries;
    if (bits < 0) return ['!', `${entry} · ${notSearched}`];
    const kind = ENTRY_KINDS[entryKind(bits)] as EntryKind;
    return [`! ${refused}`, `${entry} · ${kinds[kind]}${kind === 'tooNear' ? this.#by(at) : ''}`];
  }

  /** The structure that leaves the least room. */
  #by(at: number): string {
    const name = this.#structures[this.#search?.tightest[at] ?? -1]?.name;
    return name === undefined ? '' : `: ${this.#words.named(name)}`;
  }
}
