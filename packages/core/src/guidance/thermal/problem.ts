import { NavError } from '../../base/index.js';
import { type AnyVolume, requireNoShear, spacingOf, type Volume } from '../../volume/index.js';
import type { DoseConvention } from './dose.js';

/** A tissue's thermal properties, taken as constant. */
export interface Tissue {
  /** W/(m·K). */
  readonly conductivity: number;
  /** kg/m³. */
  readonly density: number;
  /** J/(kg·K). */
  readonly heatCapacity: number;
  /** Blood that perfuses it, m³ per m³ of tissue and second (liver about 0.015). Default 0. */
  readonly perfusionPerS?: number;
}

/** A vessel large enough that its blood keeps its temperature: a heat sink. */
export interface Vessel {
  /** Between the wall and the flowing blood, W/(m²·K): {@link vesselHeatTransfer}. Infinity holds the wall at the blood's temperature. */
  readonly heatTransfer: number;
  /** °C. Default: the blood's. */
  readonly temperatureC?: number;
}

/** What a face of the grid meets. */
export interface HeatBorder {
  /** W/(m²·K): 0 insulates, Infinity holds the face at `temperatureC`. */
  readonly heatTransfer: number;
  /** °C. Default: the blood's. */
  readonly temperatureC?: number;
}

/** The blood that perfuses. */
export interface Blood {
  /** Arterial, °C. Default 37. */
  readonly temperatureC?: number;
  /** kg/m³. Default 1050. */
  readonly density?: number;
  /** J/(kg·K). Default 3617. */
  readonly heatCapacity?: number;
}

/** A stretch of time with a steady power. */
export interface PowerPiece {
  readonly seconds: number;
  /** What the source is multiplied by: 1 on, 0 off. */
  readonly factor: number;
}

/** A {@link BioheatProblem} whose frame is only known at run time. */
export interface AnyBioheatProblem {
  /** A label for each voxel; the grid of the computation. Right-angled. */
  readonly labels: AnyVolume;
  /** What each label that occurs is. */
  readonly materials: Readonly<Record<number, Tissue | Vessel>>;
  /** Heat put into each voxel, W/m³, as {@link heatSource} makes it. */
  readonly source: Float32Array;
  /** What is done with it, one after another. */
  readonly power: readonly PowerPiece[];
  readonly blood?: Blood;
  /** °C at the start: one number, or one for each voxel. Default: the blood's. */
  readonly initialC?: number | Float32Array;
  /** All six faces of the grid, or −i, +i, −j, +j, −k, +k. Default: held at the blood's temperature. */
  readonly border?: HeatBorder | readonly HeatBorder[];
  /**
   * What perfusion is multiplied by at a temperature: pairs of °C and factor, by rising temperature, straight between them and
   * constant beyond. Default: 1 everywhere.
   */
  readonly perfusionByTemperature?: readonly (readonly [number, number])[];
  /** From this dose on (equivalent minutes at 43 °C) a voxel is coagulated, and its perfusion stays 0. Default: never. */
  readonly coagulationCem43Min?: number;
  /** What the dose is counted by. */
  readonly convention?: DoseConvention;
  /** The error of one time step, root mean square over the cells that change, K. Default 0.05. */
  readonly toleranceK?: number;
  /** The longest time step, s. Default 10. */
  readonly maxStepS?: number;
}

/** What {@link simulateBioheat} works out. Plain data: it can be posted to a worker as it is. */
export interface BioheatProblem<F extends string> extends AnyBioheatProblem {
  readonly labels: Volume<F>;
}

/**
 * The heat transfer coefficient between the wall of a round vessel and its blood, W/(m²·K), for developed laminar flow: Nu · k / d
 * with Nu = 3.66 (Incropera & DeWitt, Fundamentals of Heat and Mass Transfer, table 8.1, constant wall temperature). Turbulence,
 * pulsation and the entry of a branch raise it.
 * @param diameterMm inner diameter, mm
 * @param conductivity of blood, W/(m·K). Default 0.52
 * @throws NavError `thermal/bad-option`
 */
export function vesselHeatTransfer(diameterMm: number, conductivity = 0.52): number {
  const h = (3.66 * conductivity) / (diameterMm / 1000);
  if (diameterMm > 0 && conductivity > 0 && Number.isFinite(h)) return h;
  throw new NavError('thermal/bad-option', `A vessel of ${diameterMm} mm and ${conductivity} W/(m·K) has no heat transfer.`);
}

/** Whether a material is a vessel. */
export function isVessel(material: Tissue | Vessel): material is Vessel {
  return 'heatTransfer' in material;
}

/** @throws NavError `thermal/bad-problem`, `volume/sheared` */
export function checkProblem(problem: AnyBioheatProblem): void {
  const { labels, source, power, initialC, border } = problem;
  requireNoShear(labels, 'Simulating heat');
  const n = labels.voxels.length;
  if (source.length !== n) throw bad(`The source has ${source.length} voxels, and the labels ${n}. Make it with heatSource().`);
  if (initialC instanceof Float32Array && initialC.length !== n) {
    throw bad(`There are ${initialC.length} initial temperatures for ${n} voxels.`);
  }
  if (!source.every(Number.isFinite)) throw bad('The source holds a value that is not finite.');
  const temperatures = initialC instanceof Float32Array ? initialC : [initialC ?? 37];
  if (!temperatures.every(Number.isFinite)) throw bad('An initial temperature is not finite.');
  if (power.length === 0 || !power.every((p) => p.seconds > 0 && Number.isFinite(p.seconds) && Number.isFinite(p.factor))) {
    throw bad('The power needs at least one piece, each with a length above 0 s and a finite factor.');
  }
  const borders = Array.isArray(border) ? border : border === undefined ? [] : [border as HeatBorder];
  if (Array.isArray(border) && border.length !== 6) throw bad(`There are ${border.length} borders for six faces.`);
  if (!borders.every((b: HeatBorder) => b.heatTransfer >= 0)) throw bad('The heat transfer of a border must not be negative.');
  checkNumbers(problem);
  const seen = new Set<number>();
  for (let i = 0; i < n; i += 1) seen.add(labels.voxels[i] as number);
  for (const label of seen) checkMaterial(label, problem.materials[label]);
}

function checkNumbers({
  toleranceK = 0.05,
  maxStepS = 10,
  perfusionByTemperature: curve = [],
  blood = {},
}: AnyBioheatProblem): void {
  if (!(toleranceK > 0 && toleranceK <= 1)) throw bad(`The tolerance must be above 0 and at most 1 K, got ${toleranceK}.`);
  if (!(maxStepS > 0)) throw bad(`The longest step must be above 0 s, got ${maxStepS}.`);
  const rising = curve.every(([c, f], n) => f >= 0 && Number.isFinite(c + f) && (n === 0 || c > (curve[n - 1]?.[0] as number)));
  if (!rising) throw bad('Perfusion by temperature needs pairs of °C and a factor not below 0, by rising temperature.');
  const { temperatureC = 37, density = 1050, heatCapacity = 3617 } = blood;
  if (!(Number.isFinite(temperatureC) && density > 0 && heatCapacity > 0))
    throw bad('Blood needs a temperature, density and heat capacity.');
}

function checkMaterial(label: number, material: Tissue | Vessel | undefined): void {
  if (material === undefined) throw bad(`Label ${label} occurs in the volume, but has no material. Add it to materials.`);
  if (isVessel(material)) {
    if (!(material.heatTransfer >= 0)) throw bad(`The vessel of label ${label} has a heat transfer of ${material.heatTransfer}.`);
    return;
  }
  const { conductivity, density, heatCapacity, perfusionPerS = 0 } = material;
  const positive = [conductivity, density, heatCapacity].every((v) => v > 0 && Number.isFinite(v));
  if (!positive || !(perfusionPerS >= 0 && Number.isFinite(perfusionPerS))) {
    throw bad(
      `The tissue of label ${label} needs a conductivity, density and heat capacity above 0, and a perfusion not below 0.`,
    );
  }
  if (perfusionPerS > 0.5) {
    throw bad(
      `The tissue of label ${label} has a perfusion of ${perfusionPerS} per s. It is m³ of blood per m³ and second, not ml/min/100 g.`,
    );
  }
}

function bad(message: string): NavError<'thermal/bad-problem'> {
  return new NavError('thermal/bad-problem', message);
}

/** Edge lengths of a cell in metres. */
export function metresOf(labels: AnyVolume): [number, number, number] {
  return spacingOf(labels).map((mm) => mm / 1000) as [number, number, number];
}
