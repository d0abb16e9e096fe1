import { type Path, PoseView } from '@trocar/core';
import {
  type AvoidLevel,
  AvoidStructure,
  Bullseye,
  DepthBar,
  DistanceLine,
  InstrumentGraphic,
  instrumentFromJson,
  type Stage,
  type Tool,
  TrajectoryCorridor,
  towards,
} from '@trocar/core/render';
import { TRACKER } from '../../suite/src/frames.js';
import { CT } from '../src/frames.js';
import type { Procedure } from '../src/procedure.js';
import type { Structure } from '../src/structures.js';
import { h, setText } from './dom.js';

/** The stylus as it is drawn, with a mark every centimetre. */
export const STYLUS_MM = { lengthMm: 160, radiusMm: 2 } as const;
const STYLUS = instrumentFromJson({ name: 'stylus', kind: 'stylus', ...STYLUS_MM, depthMarks: { everyMm: 10, boldEvery: 5 } });

/** From where on a structure lights up, mm: here the way ends 20 mm before the ventricles. */
const AVOID = { warnMm: 15, dangerMm: 5 } as const;

/** As the stage has it by itself: what was not renewed for so long is stale, ms. */
const STALE_MS = 250;

/** What stands before a structure in the list: told apart without colour. */
const SIGNS: Readonly<Record<AvoidLevel, string>> = { unknown: '○', clear: '●', warn: '▲', danger: '!', inside: '!!' };

/** Where the page has room for the guidance. */
export interface GuidePlaces {
  readonly bullseye: HTMLElement;
  readonly depth: HTMLElement;
  readonly avoid: HTMLElement;
}

/** One structure in the list. */
interface AvoidRow {
  readonly graphic: AvoidStructure;
  readonly row: HTMLElement;
  readonly sign: HTMLElement;
  readonly figure: HTMLElement;
  /** Takes it off the stage. */
  readonly remove: () => void;
}

/** The graphics of one plan, which stand as long as it does. */
interface Graphics {
  readonly corridor: TrajectoryCorridor<'ct'>;
  /** What goes with the tip, and takes its pose. */
  readonly followers: readonly (InstrumentGraphic | Bullseye<'ct'> | DepthBar<'ct'> | DistanceLine)[];
  avoid: readonly AvoidRow[];
  readonly patient: Path<'ct', 'tracker'>;
}

/**
 * The guidance graphics of the navigation step: the way and how far it may really be from there, the target as large as it counts, the stylus
 * with its depth marks, the line to the target, bullseye and depth bar beside the slices, and what must not be touched. They are made
 * when navigation begins, and the stage settles them with every frame: what is not renewed becomes unknown by itself.
 */
export class Guide {
  readonly #stage: Stage<'ct'>;
  readonly #stylus: Tool;
  readonly #places: GuidePlaces;
  readonly #patient = new PoseView();
  #structures: readonly Structure[] = [];
  #now: Graphics | undefined;

  constructor(stage: Stage<'ct'>, stylus: Tool, places: GuidePlaces) {
    this.#stage = stage;
    this.#stylus = stylus;
    this.#places = places;
  }

  /** What must not be touched, whenever it is made out: it is drawn and listed from the next frame of navigation on. */
  avoid(structures: readonly Structure[]): void {
    this.#structures = structures;
    if (this.#now !== undefined) this.#now.avoid = this.#makeAvoid(this.#now.avoid);
  }

  /** Takes the poses of this frame to what is drawn. Nothing before the navigation step. */
  update(procedure: Procedure): void {
    if (procedure.stage !== 'navigate' && procedure.stage !== 'finished') return;
    // A plan cannot be changed from here on, nor a registration: what was made stands.
    this.#now ??= this.#make(procedure);
    const { corridor, followers, avoid, patient } = this.#now;
    const view = this.#patient;
    patient.read(view);
    // Where the patient is not tracked now, nothing is known of how far the way is from where it is drawn.
    corridor.update(view.isLive && view.covarianceKnown ? view.covariance : undefined, view.degreesOfFreedom);
    const tip = procedure.tipInImage;
    for (let n = 0; n < followers.length; n += 1) followers[n]?.update(tip);
    const bound = procedure.deviation.tipError95Mm;
    for (let n = 0; n < avoid.length; n += 1) {
      const row = avoid[n] as AvoidRow;
      row.graphic.update(tip, bound);
      // The list is written before the stage settles what is drawn: it must not be a frame behind the numbers beside it.
      row.graphic.settle(tip.times, STALE_MS);
      say(row);
    }
  }

  #make(procedure: Procedure): Graphics {
    const { plan, limits } = procedure;
    const { bullseye, depth } = this.#places;
    const onTargetMm = limits.onTargetMm ?? 1;
    const corridor = new TrajectoryCorridor({ plan });
    // The corridor with its error is drawn in place of the plain one.
    this.#stage.setPlan({ ...plan, targetRadiusMm: onTargetMm, corridorRadiusMm: 0 });
    const followers = [
      new InstrumentGraphic(STYLUS),
      new Bullseye(bullseye, { plan, targetRadiusMm: onTargetMm }),
      new DepthBar(depth, { plan, limits }),
      new DistanceLine(towards(plan.target.xyz)),
    ];
    const avoid = this.#makeAvoid([]);
    for (const graphic of [corridor, ...followers]) this.#stage.addGraphic(graphic);
    // The stylus with its depth marks stands in the 3D view in place of the stage's own.
    this.#stylus.bodyInScene = false;
    return { corridor, followers, avoid, patient: procedure.graph.path(CT, TRACKER) };
  }

  /** Draws and lists the structures in place of those before. */
  #makeAvoid(before: readonly AvoidRow[]): readonly AvoidRow[] {
    for (const { remove } of before) remove();
    const avoid = this.#structures.map(({ name, mesh }) => {
      const graphic = new AvoidStructure({ name, mesh, ...AVOID });
      return rowOf(graphic, this.#stage.addGraphic(graphic));
    });
    // Nothing known to be kept clear of is not the same as nothing there.
    const none = h('li', { 'data-level': 'unknown' }, h('span', {}, 'not segmented'));
    this.#places.avoid.replaceChildren(...(avoid.length > 0 ? avoid.map(({ row }) => row) : [none]));
    return avoid;
  }
}

function rowOf(graphic: AvoidStructure, remove: () => void): AvoidRow {
  const sign = h('span', { class: 'sign', 'aria-hidden': 'true' });
  const figure = h('span', { class: 'figure' });
  const row = h('li', { 'data-structure': graphic.name }, sign, h('span', {}, graphic.name), figure);
  return { graphic, row, sign, figure, remove };
}

/** Writes how near the tip may be, where that has changed. */
function say({ graphic, row, sign, figure }: AvoidRow): void {
  const { level } = graphic;
  if (row.dataset['level'] !== level) {
    row.dataset['level'] = level;
    setText(sign, SIGNS[level]);
  }
  setText(figure, graphic.distanceText);
}
