import { type AnyBioheatProblem, type HeatBorder, isVessel, metresOf, type Tissue, type Vessel } from './problem.js';
import { wallWeights } from './wall.js';

/**
 * Pennes' equation on cells (finite volumes): C dT/dt = Σ G (T' − T) + fixed − loss · T + perfusion · f(T) (Tₐ − T) + heat.
 *
 * What flows through a face is one number for both its cells, so energy is kept to rounding. Between two tissues the resistances of
 * the two half cells add up; at a wall or border the half cell's and 1/h.
 *
 * All arrays have one plane of nothing before the first cell and after the last, so that no cell needs to ask where it is.
 */
export interface HeatModel {
  readonly size: readonly [number, number, number];
  /** Cells of padding at either end: one plane. */
  readonly pad: number;
  /** Cells. */
  readonly cells: number;
  /** From a cell to the next along i, j, k, W/K; 0 at the grid's end. */
  readonly gi: Float32Array;
  readonly gj: Float32Array;
  readonly gk: Float32Array;
  /** K/J: 1 / heat capacity of the cell; 0 in vessels, whose temperature is given. */
  readonly perJoule: Float32Array;
  /** To borders, W/K. */
  readonly loss: Float32Array;
  /** From borders, W: their conductance times their temperature. */
  readonly fixed: Float32Array;
  /** Perfusion's, W/K, before its factor by temperature. Written to where tissue coagulates. */
  readonly perfusion: Float32Array;
  /** The source at factor 1, W. */
  readonly heat: Float32Array;
  /** Pairs of cells (tissue, vessel; counted with the padding) that share a wall, and the wall's W/K. */
  readonly walls: { readonly tissue: Int32Array; readonly vessel: Int32Array; readonly wattsPerK: Float32Array };
  /** °C at the start. */
  readonly initial: Float64Array;
  readonly arterialC: number;
  /** Of one cell, ml. */
  readonly cellMl: number;
}

interface Building {
  readonly problem: AnyBioheatProblem;
  readonly materials: readonly (Tissue | Vessel)[];
  readonly arterialC: number;
  readonly metres: readonly [number, number, number];
  readonly pairs: [number, number, number][];
}

/** @param problem checked */
export function heatModel(problem: AnyBioheatProblem): HeatModel {
  const { labels, materials: table } = problem;
  const [ni, nj, nk] = labels.size;
  const pad = ni * nj;
  const cells = pad * nk;
  const array = (): Float32Array => new Float32Array(cells + 2 * pad);
  const model = {
    size: labels.size,
    pad,
    cells,
    gi: array(),
    gj: array(),
    gk: array(),
    perJoule: array(),
    loss: array(),
    fixed: array(),
    perfusion: array(),
    heat: array(),
    initial: new Float64Array(cells + 2 * pad),
    arterialC: problem.blood?.temperatureC ?? 37,
    cellMl: metresOf(labels).reduce((a, b) => a * b, 1e6),
  };
  const materials = Array.from(labels.voxels, (label) => table[label] as Tissue | Vessel);
  const building: Building = { problem, materials, arterialC: model.arterialC, metres: metresOf(labels), pairs: [] };
  fillCells(model, building);
  const weights = wallWeights(labels.size, building.metres, (n) => isVessel(materials[n] as Tissue | Vessel));
  for (const axis of [0, 1, 2] as const) fillFaces(model, building, weights, axis);
  const { pairs } = building;
  return {
    ...model,
    walls: {
      tissue: Int32Array.from(pairs, (p) => p[0]),
      vessel: Int32Array.from(pairs, (p) => p[1]),
      wattsPerK: Float32Array.from(pairs, (p) => p[2]),
    },
  };
}

type Arrays = Omit<HeatModel, 'walls'>;

function fillCells(model: Arrays, { problem, materials, metres, arterialC }: Building): void {
  const { density = 1050, heatCapacity = 3617 } = problem.blood ?? {};
  const { initialC = arterialC } = problem;
  const volume = metres[0] * metres[1] * metres[2];
  for (let n = 0; n < model.cells; n += 1) {
    const at = n + model.pad;
    const material = materials[n] as Tissue | Vessel;
    if (isVessel(material)) {
      model.initial[at] = material.temperatureC ?? arterialC;
      continue;
    }
    model.initial[at] = typeof initialC === 'number' ? initialC : (initialC[n] as number);
    model.perJoule[at] = 1 / (material.density * material.heatCapacity * volume);
    model.perfusion[at] = (material.perfusionPerS ?? 0) * density * heatCapacity * volume;
    model.heat[at] = (problem.source[n] as number) * volume;
  }
}

function fillFaces(model: Arrays, building: Building, weights: WallWeights, axis: 0 | 1 | 2): void {
  const { materials, metres } = building;
  const g = [model.gi, model.gj, model.gk][axis] as Float32Array;
  const step = [1, model.size[0], model.pad][axis] as number;
  const count = model.size[axis];
  const depth = metres[axis];
  const area = (metres[0] * metres[1] * metres[2]) / depth;
  for (let n = 0; n < model.cells; n += 1) {
    const place = Math.floor(n / step) % count;
    const a = materials[n] as Tissue | Vessel;
    if (place === 0) addBorder(model, building, n, 2 * axis, area, depth);
    if (place === count - 1) {
      addBorder(model, building, n, 2 * axis + 1, area, depth);
      continue;
    }
    const b = materials[n + step] as Tissue | Vessel;
    if (isVessel(a) && isVessel(b)) continue;
    const wall = isVessel(a) || isVessel(b);
    const watts = (area * (wall ? weights(n, step, axis) : 1)) / (resistance(a, depth) + resistance(b, depth));
    const at = n + model.pad;
    g[at] = watts;
    if (wall) building.pairs.push(isVessel(a) ? [at + step, at, watts] : [at, at + step, watts]);
  }
}

/** Weight of the wall between a cell and the next along an axis. */
type WallWeights = (cell: number, step: number, axis: 0 | 1 | 2) => number;

/** m²K/W from a cell's centre to its face, or through a vessel's wall. */
function resistance(material: Tissue | Vessel, depth: number): number {
  return isVessel(material) ? 1 / material.heatTransfer : depth / 2 / material.conductivity;
}

function addBorder(
  model: Arrays,
  { problem, materials, arterialC }: Building,
  n: number,
  face: number,
  area: number,
  depth: number,
): void {
  const material = materials[n] as Tissue | Vessel;
  if (isVessel(material)) return;
  const given = problem.border ?? { heatTransfer: Number.POSITIVE_INFINITY };
  const border = (Array.isArray(given) ? given[face] : given) as HeatBorder;
  const watts = area / (resistance(material, depth) + 1 / border.heatTransfer);
  const at = n + model.pad;
  model.loss[at] = (model.loss[at] as number) + watts;
  model.fixed[at] = (model.fixed[at] as number) + watts * (border.temperatureC ?? arterialC);
}

/** An upper bound of the fastest rate in the model, 1/s, by Gershgorin's theorem. @param perfusionFactor the largest there is */
export function fastestRate(model: HeatModel, perfusionFactor: number): number {
  const { pad, cells, gi, gj, gk, perJoule, loss, perfusion, size } = model;
  const ni = size[0];
  let most = 0;
  for (let n = pad; n < pad + cells; n += 1) {
    const i = (gi[n] as number) + (gi[n - 1] as number);
    const j = (gj[n] as number) + (gj[n - ni] as number);
    const k = (gk[n] as number) + (gk[n - pad] as number);
    const rest = (loss[n] as number) + perfusionFactor * (perfusion[n] as number);
    most = Math.max(most, (perJoule[n] as number) * (2 * (i + j + k) + rest));
  }
  return most;
}
