import { type FrameGraph, type Path, PoseView } from '@trocar/core';
import type { GuidanceLimits, StraightPlan } from '@trocar/core/guidance';
import {
  type AvoidLevel,
  AvoidStructure,
  Bullseye,
  DepthBar,
  DistanceLine,
  type InstrumentDescription,
  InstrumentGraphic,
  type Stage,
  type SurfaceMesh,
  type Tool,
  TrajectoryCorridor,
  towards,
} from '@trocar/core/render';
import { TRACKER } from '../src/frames.js';
import { h, live, setText } from './dom.js';
import { structureName } from './drawn-words.js';
import type { GuidePlaces } from './panel.js';
import { t } from './texts/index.js';

/** Something that the tip must not touch. */
export interface Structure {
  readonly name: string;
  /** A closed surface in the image's frame, mm. */
  readonly mesh: SurfaceMesh;
  /** How far the surface may lie from the structure, as one that was thinned does, mm: taken off every distance. Default 0. */
  readonly errorMm?: number;
}

/** What is guided: one tool along one plan. */
export interface Guided<F extends string> {
  readonly plan: StraightPlan<F>;
  /** When the tip counts as on the target. */
  readonly limits: GuidanceLimits;
  readonly graph: FrameGraph;
  /** The tip in the image, as of this frame. */
  readonly tip: PoseView;
  /** The tip's error stays below this with 95 % probability, mm; NaN where that is not known. */
  readonly tipError95Mm: number;
}

/** How it is drawn. */
export interface GuideLook {
  /** The tool, with its depth marks. */
  readonly instrument: InstrumentDescription;
  /** From where on a structure lights up, and alarms, mm. */
  readonly avoid?: { readonly warnMm: number; readonly dangerMm: number };
}

/** From where on a structure lights up where nothing else is said, mm. */
const AVOID = { warnMm: 15, dangerMm: 5 } as const;

/** As the stage has it by itself: what was not renewed for so long is stale, ms. */
const STALE_MS = 250;

/** What stands before a structure in the list: told apart without colour. */
const SIGNS: Readonly<Record<AvoidLevel, string>> = { unknown: '○', clear: '●', warn: '▲', danger: '!', inside: '!!' };

/** One structure in the list. */
interface AvoidRow {
  readonly graphic: AvoidStructure;
  readonly errorMm: number;
  readonly row: HTMLElement;
  readonly sign: HTMLElement;
  readonly figure: HTMLElement;
  /** Takes it off the stage. */
  readonly remove: () => void;
}

/** The graphics of one plan, which stand as long as it does. */
interface Graphics<F extends string> {
  readonly plan: StraightPlan<F>;
  readonly corridor: TrajectoryCorridor<F>;
  /** What goes with the tip, and takes its pose. */
  readonly followers: readonly (InstrumentGraphic | Bullseye<F> | DepthBar<F> | DistanceLine)[];
  avoid: readonly AvoidRow[];
  readonly patient: Path<F, 'tracker'>;
  /** Takes off the stage what was made for this plan. */
  remove(): void;
}

/**
 * The guidance graphics of a guided step: the way and how far it may really be from there, the target as large as it counts, the tool
 * with its depth marks, the line to the target, bullseye and depth bar beside the slices, and what must not be touched. They are made
 * when navigation begins, and the stage settles them with every frame: what is not renewed becomes unknown by itself.
 */
export class Guide<F extends string> {
  readonly #stage: Stage<F>;
  readonly #tool: Tool;
  readonly #places: GuidePlaces;
  readonly #look: GuideLook;
  readonly #patient = new PoseView();
  #structures: readonly Structure[] = [];
  #now: Graphics<F> | undefined;

  constructor(stage: Stage<F>, tool: Tool, places: GuidePlaces, look: GuideLook) {
    this.#stage = stage;
    this.#tool = tool;
    this.#places = places;
    this.#look = look;
  }

  /** What must not be touched, whenever it is made out: it is drawn and listed from the next frame of navigation on. */
  avoid(structures: readonly Structure[]): void {
    this.#structures = structures;
    if (this.#now !== undefined) this.#now.avoid = this.#makeAvoid(this.#now.avoid);
  }

  /** Takes the poses of this frame to what is drawn; undefined while nothing is guided. */
  update(guided: Guided<F> | undefined): void {
    if (guided === undefined) {
      this.#end();
      return;
    }
    if (this.#now?.plan !== guided.plan) {
      this.#end();
      this.#now = this.#make(guided);
    }
    const { corridor, followers, avoid, patient } = this.#now;
    const view = this.#patient;
    patient.read(view);
    // Where the patient is not tracked now, nothing is known of how far the way is from where it is drawn.
    corridor.update(view.isLive && view.covarianceKnown ? view.covariance : undefined, view.degreesOfFreedom);
    const { tip, tipError95Mm: bound } = guided;
    for (let n = 0; n < followers.length; n += 1) followers[n]?.update(tip);
    for (let n = 0; n < avoid.length; n += 1) {
      const row = avoid[n] as AvoidRow;
      row.graphic.update(tip, bound + row.errorMm);
      // The list is written before the stage settles what is drawn: it must not be a frame behind the numbers beside it.
      row.graphic.settle(tip.times, STALE_MS);
      say(row);
    }
  }

  #end(): void {
    const now = this.#now;
    if (now === undefined) return;
    this.#now = undefined;
    now.remove();
    for (const { remove } of now.avoid) remove();
    this.#places.avoid.replaceChildren();
    this.#tool.bodyInScene = true;
  }

  #make({ plan, limits, graph }: Guided<F>): Graphics<F> {
    const { bullseye, depth } = this.#places;
    const onTargetMm = limits.onTargetMm ?? 1;
    const corridor = new TrajectoryCorridor({ plan });
    // The corridor with its error is drawn in place of the plain one.
    this.#stage.setPlan({ ...plan, targetRadiusMm: onTargetMm, corridorRadiusMm: 0 });
    const followers = [
      new InstrumentGraphic(this.#look.instrument),
      new Bullseye(bullseye, { plan, targetRadiusMm: onTargetMm }),
      new DepthBar(depth, { plan, limits }),
      new DistanceLine(towards(plan.target.xyz)),
    ];
    const avoid = this.#makeAvoid([]);
    const off = [corridor, ...followers].map((graphic) => this.#stage.addGraphic(graphic));
    // The tool with its depth marks stands in the 3D view in place of the stage's own.
    this.#tool.bodyInScene = false;
    const remove = (): void => {
      for (const take of off) take();
      for (const f of followers) if (f instanceof Bullseye || f instanceof DepthBar) f.dispose();
    };
    return { plan, corridor, followers, avoid, patient: graph.path(this.#stage.frame, TRACKER), remove };
  }

  /** Draws and lists the structures in place of those before. */
  #makeAvoid(before: readonly AvoidRow[]): readonly AvoidRow[] {
    for (const { remove } of before) remove();
    const avoid = this.#structures.map(({ name, mesh, errorMm = 0 }) => {
      const graphic = new AvoidStructure({ name, mesh, ...(this.#look.avoid ?? AVOID) });
      return rowOf(graphic, errorMm, this.#stage.addGraphic(graphic));
    });
    // Nothing known to be kept clear of is not the same as nothing there.
    const none = h(
      'li',
      { 'data-level': 'unknown' },
      h(
        'span',
        {},
        live(() => t('not segmented')),
      ),
    );
    this.#places.avoid.replaceChildren(...(avoid.length > 0 ? avoid.map(({ row }) => row) : [none]));
    return avoid;
  }
}

function rowOf(graphic: AvoidStructure, errorMm: number, remove: () => void): AvoidRow {
  const sign = h('span', { class: 'sign', 'aria-hidden': 'true' });
  const figure = h('span', { class: 'figure' });
  const name = h(
    'span',
    {},
    live(() => structureName(graphic.name, t)),
  );
  const row = h('li', { 'data-structure': graphic.name }, sign, name, figure);
  return { graphic, errorMm, row, sign, figure, remove };
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
