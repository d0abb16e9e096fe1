import { type PoseView, point } from '@trocar/core';
import { zoneShapeOf } from '@trocar/core/guidance';
import {
  CoverageReadout,
  EntryLegend,
  EntryMap,
  type FiducialState,
  MarginLegend,
  MarginSurface,
  ProbeZones,
  SLICE_VIEWS,
  type Stage,
  type StageFiducial,
  type SurfaceMesh,
} from '@trocar/core/render';
import { resample, type Volume } from '@trocar/core/volume';
import { h } from '../../suite/page/dom.js';
import { speakWith } from '../../suite/page/speak.js';
import { CT } from '../src/frames.js';
import type { HeatPreview } from '../src/heat.js';
import { planningCovariance } from '../src/plan-step.js';
import { NECROSIS } from '../src/post-ct.js';
import type { Procedure } from '../src/procedure.js';
import type { Stage as ProcedureStage } from '../src/stages.js';

type Remove = () => void;
/** What is looked at from how near: so much the slices show across, and the 3D view around the tumour, mm. */
interface Look {
  readonly name: string;
  readonly acrossMm: number;
  readonly aroundMm: number;
}

const look = (name: string, acrossMm: number, aroundMm: number): Look => ({ name, acrossMm, aroundMm });
const PLAN = look('plan', 300, 190);
const MARKS = look('marks', 300, 280);
const WAY = look('way', 150, 95);
const PROPOSED = look('proposed', 170, 150);
const LOOKS: Readonly<Record<ProcedureStage, Look>> = {
  plan: PLAN,
  connect: PLAN,
  calibrate: PLAN,
  breathe: MARKS,
  collect: MARKS,
  review: look('review', 300, 280),
  verify: look('verify', 300, 280),
  guide: WAY,
  burn: WAY,
  assess: look('zone', 130, 95),
  confirm: look('before', 300, 190),
  finished: look('after', 130, 95),
};

/** Liver, vessels and necrosis apart: HU. */
export const LIVER_WINDOW = { width: 200, level: 90 } as const;
/** Of what the heat preview destroys: another colour than any zone. */
const HEAT_COLOUR = '#ff9f43';
/** Of the necrosis as it was drawn on the CT afterwards. */
const NECROSIS_COLOUR = '#56b4e9';

/**
 * What the pictures show of each step beside what the suite's guide draws: the map of entries, the tumour with its margins, the zones that
 * are planned, that would be burnt now, and that were, the marks on the skin, and the CT afterwards on the one before.
 */
export class Graphics {
  /** Legends for the free part of the panel, by what they are of. */
  readonly legends = { entries: h('div', {}), planned: h('div', {}), confirmed: h('div', {}), coverage: h('div', {}) };
  readonly #stage: Stage<'ct'>;
  readonly #procedure: Procedure;
  readonly #entries: EntryMap<'ct'>;
  readonly #planned: MarginSurface<'ct'>;
  readonly #plannedZone = new ProbeZones<'ct'>({ frame: CT, kind: 'planned' });
  readonly #achieved = new ProbeZones<'ct'>({ frame: CT, kind: 'achieved' });
  readonly #coverage: CoverageReadout;
  readonly #legend: EntryLegend<'ct'>;
  readonly #skin: SurfaceMesh;
  #projected: { readonly zone: ProbeZones<'ct'>; readonly probe: unknown } | undefined;
  #shown: readonly Remove[] = [];
  #key: readonly unknown[] = [];
  #marks = '';
  #looked: string | undefined;
  #images: Volume<'ct'>;
  #heat: HeatPreview | undefined;

  constructor(stage: Stage<'ct'>, procedure: Procedure) {
    this.#stage = stage;
    this.#procedure = procedure;
    this.#images = procedure.case.volume;
    const { planning } = procedure;
    this.#entries = new EntryMap({ skin: procedure.case.skin, structures: planning.structures });
    this.#planned = new MarginSurface({ kind: 'planned', surface: planning.target.surface });
    this.#coverage = new CoverageReadout(this.legends.coverage, [0, planning.demands.marginMm]);
    speakWith(this.#coverage);
    this.#legend = new EntryLegend(this.legends.entries, this.#entries);
    this.#skin = drawn(procedure.case.skin);
  }

  /** Brings the pictures up to date: once per frame. @param heat what the heat of this plan is expected to do, while it is previewed */
  show(heat: HeatPreview | undefined): void {
    if (heat !== this.#heat) {
      this.#heat = heat;
      this.#stage.setLabels(
        heat && { volume: heat.mask, segments: [{ value: 1, colour: HEAT_COLOUR }], fill: 0.08, outlinePx: 2 },
      );
    }
    const { stage, planning, burning, confirming, probe } = this.#procedure;
    const key = [stage, planning.search, planning.plan, planning.entry, burning.burns.length, confirming.stage, probe];
    if (key.some((v, n) => v !== this.#key[n])) {
      this.#key = key;
      this.#build(stage);
    }
    const { zone } = this.#projected ?? {};
    if (zone !== undefined) zone.update(0, this.#procedure.tipInImage as PoseView);
    this.#fiducials(stage);
  }

  #build(stage: ProcedureStage): void {
    for (const remove of this.#shown) remove();
    this.#projected = undefined;
    const { planning, burning } = this.#procedure;
    const add: Parameters<Stage<'ct'>['addGraphic']>[0][] = [];
    const probes = planning.plan?.probes.map(({ probe }) => probe) ?? [];
    if (stage === 'plan') {
      if (planning.search !== undefined) {
        this.#entries.setSearch(planning.search);
        const first = planning.plan?.probes[0];
        this.#entries.choose(planning.entry ?? (first && this.#entries.nearestTo(first.entry.xyz)) ?? planning.search.ranked[0]);
      }
      add.push(this.#entries, this.#legend);
    }
    // The map is the skin where there is one; on the way in, the skin would hide what is approached.
    const seen = stage === 'collect' || stage === 'review' || stage === 'verify' || stage === 'breathe' || stage === 'calibrate';
    this.#stage.setSurface(seen ? this.#skin : undefined);
    if (stage === 'plan' || stage === 'connect' || stage === 'calibrate' || stage === 'breathe') {
      this.#planned.show(planning.plan?.proposal.map, { covariance: planningCovariance() });
      this.#plannedZone.setProbes(probes);
      add.push(this.#planned, this.#plannedZone);
    }
    if (stage === 'guide' || stage === 'burn') add.push(...this.#guided());
    if (burning.achieved !== undefined && stage !== 'finished' && stage !== 'confirm') {
      this.#achieved.setProbes(burning.achieved.zone.probes);
      this.#coverage.show([burning.achieved.complete, burning.achieved.withMargin]);
      add.push(this.#achieved);
    }
    if (stage === 'confirm' || stage === 'finished') add.push(...this.#confirmed());
    this.#shown = add.map((graphic) => this.#stage.addGraphic(graphic));
    this.#look(stage);
  }

  /** The tumour as it lies, and what the applicator would burn where it is now. */
  #guided(): Parameters<Stage<'ct'>['addGraphic']>[0][] {
    const { probe, planning } = this.#procedure;
    this.#planned.show(planning.plan?.proposal.map, { covariance: planningCovariance() });
    if (probe === undefined) return [this.#planned];
    const { applicator, powerW, minutes } = probe.setting;
    const zone = new ProbeZones<'ct'>({ frame: CT, kind: 'projected', shapes: [zoneShapeOf(applicator, powerW, minutes)] });
    this.#projected = { zone, probe };
    return [this.#planned, zone];
  }

  /** The margins that the CT afterwards shows, on that CT. */
  #confirmed(): Parameters<Stage<'ct'>['addGraphic']>[0][] {
    const { confirming, planning, case: given } = this.#procedure;
    const { confirmation, result, post } = confirming;
    const surface = new MarginSurface<'ct'>({ kind: 'confirmed', surface: planning.target.surface });
    if (confirmation === undefined || result === undefined || post === undefined) {
      this.#see(given.volume);
      return [surface];
    }
    const { size, frameFromIndex } = given.volume;
    const grid = { frame: CT, size, frameFromIndex };
    const postFromCt = result.movingFromFixed;
    this.#see(resample(post.volume, grid, postFromCt));
    const necrosis = resample(post.necrosis, grid, postFromCt);
    this.#stage.setLabels({ volume: necrosis, segments: [{ value: NECROSIS, colour: NECROSIS_COLOUR }], fill: 0.12 });
    surface.show(confirmation.map, result.fixedFromMoving as { covariance: ArrayLike<number> });
    this.legends.confirmed.replaceChildren();
    const legend = new MarginLegend(this.legends.confirmed, surface);
    return [surface, legend];
  }

  /** Other images than before: where one looks, one looks anew. */
  #see(images: Volume<'ct'>): void {
    if (this.#images === images) return;
    this.#images = images;
    this.#stage.setLabels(undefined);
    this.#stage.setVolume(images, LIVER_WINDOW);
    this.#looked = undefined;
  }

  /** Near enough to see what the step is about, whenever it is about something else than before. */
  #look(stage: ProcedureStage): void {
    const { planning, confirming } = this.#procedure;
    const told = stage === 'confirm' && confirming.confirmation !== undefined;
    const proposed = stage === 'plan' && planning.plan !== undefined;
    const group = proposed ? PROPOSED : LOOKS[told ? 'finished' : stage];
    if (group.name === this.#looked) return;
    this.#looked = group.name;
    const { centre } = planning;
    for (const view of SLICE_VIEWS) this.#stage.slice(view).lookAt(centre.xyz, group.acrossMm);
    // Of a confirmed margin the slices show the place where it is least.
    const { map } = confirming.confirmation ?? {};
    const worst = map && Array.from(map.surface.positions.subarray(3 * map.worstVertex, 3 * map.worstVertex + 3));
    this.#stage.setCrosshair(worst === undefined ? centre : point(CT, worst));
    this.#stage.orbit.target.set(centre.xyz);
    this.#stage.orbit.reset(group.aroundMm);
  }

  #fiducials(stage: ProcedureStage): void {
    const { case: given, touches, verifying, touching, registration } = this.#procedure;
    const verify = stage === 'verify';
    const marks = verify ? given.landmarks : given.fiducials;
    const shown = verify || stage === 'collect' || stage === 'review' || stage === 'breathe';
    const states = marks.map((_, n): FiducialState => {
      if (touching?.index === n) return 'active';
      const touched = verify ? verifying.touches[n] : touches[n];
      if (touched === undefined) return 'pending';
      return !verify && registration.isExcluded(n) ? 'rejected' : 'done';
    });
    const key = shown ? `${stage}${states.join()}` : '';
    if (key === this.#marks) return;
    this.#marks = key;
    const label = (n: number): string => (verify ? `L${n + 1}` : String(n + 1));
    this.#stage.setFiducials(
      shown
        ? marks.map((mark, n): StageFiducial<'ct'> => ({ point: mark.at, state: states[n] as FiducialState, label: label(n) }))
        : [],
    );
    const active = marks[touching?.index ?? -1];
    if (shown) this.#stage.setCrosshair(active?.at ?? this.#procedure.planning.centre);
  }
}

/** A surface with the normals that it is drawn with. */
function drawn({ positions, triangles }: Procedure['case']['skin']): SurfaceMesh {
  const normals = new Float32Array(positions.length);
  for (let t = 0; t < triangles.length; t += 3) {
    const [a, b, c] = [triangles[t], triangles[t + 1], triangles[t + 2]] as [number, number, number];
    const side = (to: number, k: number): number => (positions[3 * to + k] as number) - (positions[3 * a + k] as number);
    for (let k = 0; k < 3; k += 1) {
      const [y, z] = [(k + 1) % 3, (k + 2) % 3];
      const n = side(b, y) * side(c, z) - side(b, z) * side(c, y);
      for (const v of [a, b, c]) normals[3 * v + k] = (normals[3 * v + k] as number) + n;
    }
  }
  for (let v = 0; v < normals.length; v += 3) {
    const length = Math.hypot(normals[v] as number, normals[v + 1] as number, normals[v + 2] as number) || 1;
    for (let k = 0; k < 3; k += 1) normals[v + k] = (normals[v + k] as number) / length;
  }
  return { positions: Float32Array.from(positions), normals, indices: triangles };
}
