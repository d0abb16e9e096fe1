import { NavError } from '@trocar/core';
import { STRUCTURE } from '@trocar/core/dicom';
import { type Volume, volume } from '@trocar/core/volume';
import type { StudyStructure } from '../../suite/src/node/study-structures.js';
import type { LabelRoles } from './case.js';

/** What a drawn structure is in this procedure. */
type Part = 'tumour' | 'vessels' | 'liver' | 'outline' | 'avoid';

/** By the code, where a segment has one that says it, else by the name. The tumour of a liver is no liver. */
const CODED: Readonly<Record<string, Part>> = {
  [STRUCTURE.neoplasm.value]: 'tumour',
  [STRUCTURE.lesion.value]: 'tumour',
  [STRUCTURE.bloodVessel.value]: 'vessels',
  [STRUCTURE.liver.value]: 'liver',
  GTV: 'tumour',
  EXTERNAL: 'outline',
};
const NAMED: readonly (readonly [RegExp, Part])[] = [
  [/tumou?r|lesion|metast|\bgtv\b|\bhcc\b/i, 'tumour'],
  [/vessel|vein|arter|portal|cava/i, 'vessels'],
  [/liver|hepar/i, 'liver'],
  [/^(skin|body|external)$/i, 'outline'],
];

/** Room to large vessels, and to every other organ that a study names, mm: an assumption, which is told. */
const VESSEL_MARGIN_MM = 2;
const ORGAN_MARGIN_MM = 5;

/** A label map with what its labels mean. */
export interface DrawnLabels {
  readonly labels: Volume<'ct'>;
  readonly roles: LabelRoles;
  readonly warnings: readonly string[];
}

/**
 * The label map of what a study has drawn on its CT. The tumour is what is coded or named as one; where that is not exactly one structure, a
 * person names it by its number.
 * @param tumour the number of the tumour, where a person named it
 * @throws NavError `guidance/bad-plan` where none or several could be the tumour: all are listed
 */
export function labelsFrom(image: Volume<'ct'>, structures: readonly StudyStructure[], tumour?: number): DrawnLabels {
  const parts = structures.map((s) => ({ ...s, part: partOf(s, tumour) }));
  const tumours = parts.filter(({ part }) => part === 'tumour');
  if (tumours.length !== 1) {
    const lines = structures.map(({ number, name }) => `\n  ${number}: "${name}"`).join('');
    const what =
      tumours.length === 0 ? 'Nothing drawn on these images is' : `${tumours.length} structures drawn on these images could be`;
    throw new NavError('guidance/bad-plan', `${what} the tumour. Name it with --tumour N.${lines}`, {
      detail: { structures: structures.map(({ number }) => number) },
    });
  }
  if (parts.length > 250) throw new NavError('guidance/bad-plan', `${parts.length} structures are too many for one label map.`);
  const of = (part: Part): number[] => parts.flatMap((p, n) => (p.part === part ? [n + 1] : []));
  const [own] = of('tumour') as [number];
  const avoid = parts.flatMap(({ part, name }, n) => {
    if (part !== 'vessels' && part !== 'avoid') return [];
    return [{ name, label: n + 1, marginMm: part === 'vessels' ? VESSEL_MARGIN_MM : ORGAN_MARGIN_MM }];
  });
  const liver = of('liver');
  return {
    labels: mapOf(image, parts),
    roles: { tumour: own, vessels: of('vessels'), liver: liver.length > 0 ? [...liver, own] : [], avoid },
    warnings: avoid.length === 0 ? ['The study names nothing to keep clear of.'] : [roomOf(avoid)],
  };
}

function roomOf(avoid: LabelRoles['avoid']): string {
  return `Room that is kept, assumed: ${avoid.map(({ name, marginMm }) => `${name} ${marginMm} mm`).join(', ')}.`;
}

function partOf({ number, name, type }: StudyStructure, tumour: number | undefined): Part {
  const part = CODED[type ?? ''] ?? NAMED.find(([test]) => test.test(name))?.[1] ?? 'avoid';
  if (tumour === undefined) return part;
  if (number === tumour) return 'tumour';
  return part === 'tumour' ? 'avoid' : part;
}

/** Where structures overlap, the tumour goes before all, and everything before the liver and the outline it lies in. */
const ORDER: readonly Part[] = ['outline', 'liver', 'avoid', 'vessels', 'tumour'];

function mapOf(image: Volume<'ct'>, parts: readonly (StudyStructure & { readonly part: Part })[]): Volume<'ct'> {
  const { frame, size, frameFromIndex, frameOfReferenceUid, patient } = image;
  const voxels = new Uint8Array(size[0] * size[1] * size[2]);
  const sorted = parts.map((p, n) => ({ ...p, label: n + 1 })).sort((a, b) => ORDER.indexOf(a.part) - ORDER.indexOf(b.part));
  for (const { voxels: own, label } of sorted) for (let n = 0; n < own.length; n += 1) if (own[n] !== 0) voxels[n] = label;
  return volume({
    frame,
    voxels,
    size,
    frameFromIndex,
    modality: 'SEG',
    patient,
    ...(frameOfReferenceUid && { frameOfReferenceUid }),
  });
}
