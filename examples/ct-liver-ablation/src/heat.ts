import { point } from '@trocar/core';
import {
  type BioheatProblem,
  type BioheatRun,
  type HeatShape,
  heatSource,
  isodose,
  simulateBioheat,
  vesselHeatTransfer,
} from '@trocar/core/guidance';
import { Sampler, type Volume, volume } from '@trocar/core/volume';
import type { AblationCase } from './case.js';
import { CT } from './frames.js';
import { apart, type V3 } from './plan-geometry.js';
import type { PlannedAblation } from './plan-step.js';

/** Cells of the preview, mm, and so far it reaches around the probes: beyond, tissue stays as warm as it is. */
const CELL_MM = 2.5;
const AROUND_MM = 46;
/** Tissues of the preview. */
const [LIVER, VESSEL, OTHER] = [1, 2, 3];
/** Of a hepatic vein; a label map says where a vessel is, and its blood is taken to flow. Assumed, mm. */
const VEIN_MM = 7;
/**
 * So much of the generator's power warms tissue; the rest is lost in cable and shaft. Chosen so that far from any vessel the preview burns
 * about what the invented table says of its largest setting: it is no measurement.
 */
const POWER_SHARE = 0.5;
/** Half of the antenna's length, and how far its field reaches across, one standard deviation, mm: assumed. */
const ANTENNA_MM = 12;
const FIELD_SD_MM = 6;

/** What the heat of planned probes is expected to destroy. A preview, not a prediction to treat by. */
export interface HeatPreview {
  /** 1 where the dose reaches 240 equivalent minutes at 43 °C. */
  readonly mask: Volume<'ct'>;
  readonly ml: number;
  /** Where water boils, ml: there the equation is no longer true. */
  readonly boilingMl: number;
}

/**
 * The bioheat problem of planned probes that burn one after the other: liver, large vessels that cool, and what lies around. Plain data, to be
 * posted to a worker. Perfusion and properties are a textbook's, not this patient's.
 * @throws NavError `thermal/bad-problem`, `volume/bad-geometry`
 */
export function heatProblem(given: AblationCase, probes: readonly PlannedAblation[]): BioheatProblem<'ct'> {
  const labels = tissueAbout(given, probes.map(zoneCentre));
  const source = heatSource(
    labels,
    probes.map((probe) => antennaOf(probe)),
  );
  const longest = Math.max(...probes.map(({ setting }) => setting.minutes));
  return {
    labels,
    source,
    materials: {
      // Duck 1990, Physical Properties of Tissues; perfusion as in docs/thermal.md.
      [LIVER as number]: { conductivity: 0.52, density: 1079, heatCapacity: 3540, perfusionPerS: 0.0155 },
      [VESSEL as number]: { heatTransfer: vesselHeatTransfer(VEIN_MM) },
      [OTHER as number]: { conductivity: 0.4, density: 1000, heatCapacity: 3000, perfusionPerS: 0.001 },
    },
    power: [{ seconds: 60 * longest, factor: 1 }],
    coagulationCem43Min: 240,
  };
}

/** @throws NavError `thermal/aborted`, `thermal/bad-problem` */
export async function previewHeat(problem: BioheatProblem<'ct'>, run: BioheatRun = {}): Promise<HeatPreview> {
  const { dose, boilingMl } = await simulateBioheat(problem, run);
  const { mask, ml } = isodose(dose);
  return { mask, ml, boilingMl };
}

/** The middle of a probe's zone by its table, and the direction of its shaft. */
function zoneCentre({ entry, tip, probe }: PlannedAblation): V3 {
  const length = apart(entry.xyz, tip.xyz);
  return [0, 1, 2].map((k) => {
    const back = ((entry.xyz[k] as number) - (tip.xyz[k] as number)) / length;
    return (tip.xyz[k] as number) + probe.shape.centreMm * back;
  }) as unknown as V3;
}

function antennaOf(planned: PlannedAblation): HeatShape<'ct'> {
  const { entry, tip, setting } = planned;
  const centre = zoneCentre(planned);
  const length = apart(entry.xyz, tip.xyz);
  const end = (sign: number): number[] =>
    centre.map((v, k) => v + (sign * ANTENNA_MM * ((entry.xyz[k] as number) - (tip.xyz[k] as number))) / length);
  const watts = POWER_SHARE * setting.powerW;
  return { kind: 'line', from: point(CT, end(-1)), to: point(CT, end(1)), sdMm: FIELD_SD_MM, watts };
}

/** The label map's tissues on the preview's cells: each as the label at its middle. */
function tissueAbout({ labels, roles }: AblationCase, centres: readonly V3[]): Volume<'ct'> {
  const low = [0, 1, 2].map((k) => Math.min(...centres.map((c) => c[k] as number)) - AROUND_MM);
  const size = [0, 1, 2].map((k) => {
    const high = Math.max(...centres.map((c) => c[k] as number)) + AROUND_MM;
    return Math.ceil((high - (low[k] as number)) / CELL_MM) + 1;
  }) as [number, number, number];
  const burnable = new Set([...roles.liver, roles.tumour]);
  const vessels = new Set(roles.vessels);
  const tissueOf = (label: number): number =>
    vessels.has(label)
      ? (VESSEL as number)
      : roles.liver.length === 0 || burnable.has(label)
        ? (LIVER as number)
        : (OTHER as number);
  const { indexFromFrame: m } = new Sampler(labels);
  const [ni, nj, nk] = labels.size;
  const voxels = new Uint8Array(size[0] * size[1] * size[2]);
  for (let n = 0; n < voxels.length; n += 1) {
    const p = [n % size[0], Math.floor(n / size[0]) % size[1], Math.floor(n / (size[0] * size[1]))].map(
      (v, k) => (low[k] as number) + CELL_MM * v,
    );
    const [i, j, k] = [0, 1, 2].map((r) =>
      Math.round([0, 1, 2].reduce((s, a) => s + (m[4 * a + r] as number) * (p[a] as number), m[12 + r] as number)),
    ) as [number, number, number];
    const inside = i >= 0 && j >= 0 && k >= 0 && i < ni && j < nj && k < nk;
    voxels[n] = inside ? tissueOf(labels.voxels[i + ni * (j + nj * k)] as number) : (OTHER as number);
  }
  const frameFromIndex = Float64Array.from([CELL_MM, 0, 0, 0, 0, CELL_MM, 0, 0, 0, 0, CELL_MM, 0, ...low, 1]);
  return volume({ frame: CT, voxels, size, frameFromIndex, modality: 'SEG' });
}
