import { NavError, type Point, point } from '@trocar/core';
import type { Side } from '@trocar/core/guidance';
import { liverAblationPhantom, type Phantom } from '@trocar/core/testing';
import { type Mesh, requireNoShear, spacingOf, type Volume, volume } from '@trocar/core/volume';
import { CT } from './frames.js';
import { openSkin, skinOf } from './skin-mesh.js';

type V3 = readonly [number, number, number];

/** Something that the shaft must keep clear of, as the label map has it. */
export interface AvoidedOrgan {
  readonly name: string;
  readonly label: number;
  /** Room to be left between shaft and organ beyond the error, mm. */
  readonly marginMm: number;
}

/** What each label means. Every other label, and 0, is tissue that a needle may cross. */
export interface LabelRoles {
  /** What is to be destroyed. */
  readonly tumour: number;
  /** What cools: large vessels. */
  readonly vessels: readonly number[];
  /** What may be burnt around the tumour; empty: not known, and then all that is not avoided counts. */
  readonly liver: readonly number[];
  readonly avoid: readonly AvoidedOrgan[];
}

/** A place that is touched and also marked in the image. Image frame, LPS mm. */
export interface Marked {
  readonly at: Point<'ct'>;
  /** Outward unit normal of the skin there. */
  readonly normal: V3;
}

/** What a procedure starts from. Everything in the image's frame, LPS mm. */
export interface AblationCase {
  readonly volume: Volume<'ct'>;
  /** On the volume's own grid. */
  readonly labels: Volume<'ct'>;
  readonly roles: LabelRoles;
  /** The side that the request names: a person confirms it at the patient. */
  readonly side: Side;
  /** Places on the skin from which a needle may go in: the outward surface, open where the image ends. */
  readonly skin: Mesh<'ct'>;
  /** Registered by these. */
  readonly fiducials: readonly Marked[];
  /** Checked by these: the registration never sees them. */
  readonly landmarks: readonly Marked[];
  /** Places inside the body that are found again in a CT afterwards: held against its registration, never used to make it. */
  readonly anatomy: readonly Point<'ct'>[];
  /** What a person must know of how it was made. */
  readonly warnings: readonly string[];
}

/** The rest of the phantom's ten markers are checked by: two at the front, one on the flank, about the liver. */
const HELD_OUT: readonly number[] = [0, 3, 9];
/** Forks and ends of vessels and the gallbladder's tip in the phantom, LPS mm: what one finds again in a CT. */
const PHANTOM_ANATOMY: readonly V3[] = [
  [-26, 0, 22],
  [-60, -8, 36],
  [-20, 26, 84],
  [-52, 12, 64],
  [6, -24, 48],
  [-40, -40, -31],
];

/** Room that is left to what a needle must not touch, mm. */
const PHANTOM_AVOID: readonly (readonly [part: string, name: string, marginMm: number])[] = [
  ['vessels', 'Vessels', 2],
  ['gallbladder', 'Gallbladder', 5],
  ['bone', 'Bone', 1],
  ['kidneys', 'Kidneys', 5],
  ['stomach', 'Stomach', 8],
];

/**
 * The case that needs no file: an upper abdomen with a tumour of 26 × 34 mm in the right lobe, a hepatic vein that passes it, and ten
 * markers on the skin.
 * @param spacingMm of the image; default 2
 */
export function phantomCase(seed: number, spacingMm = 2): AblationCase {
  const phantom = liverAblationPhantom({ seed, spacingMm });
  const label = (part: string): number => phantom.labelNames.indexOf(part);
  // The phantom's images name no series; a plan is bound to one.
  const series = { ...phantom.volume.series, studyUid: '2.25.77201', seriesUid: `2.25.77202.${seed}` };
  const image = { ...phantom.volume, series };
  const roles: LabelRoles = {
    tumour: label('tumour'),
    vessels: [label('vessels')],
    liver: [label('liver'), label('tumour')],
    avoid: PHANTOM_AVOID.map(([part, name, marginMm]) => ({ name, label: label(part), marginMm })),
  };
  const marked = phantom.fiducials.map((at, n): Marked => ({ at, normal: phantom.fiducialNormals[n] as V3 }));
  return checkedCase({
    volume: image,
    labels: labelVolume(image, phantom.labels),
    roles,
    side: 'right',
    skin: phantomSkin(phantom),
    fiducials: marked.filter((_, n) => !HELD_OUT.includes(n)),
    landmarks: marked.filter((_, n) => HELD_OUT.includes(n)),
    anatomy: PHANTOM_ANATOMY.map((xyz) => point(CT, xyz)),
    warnings: [],
  });
}

/** A label map as a volume on another one's grid. */
function labelVolume(on: Volume<'ct'>, voxels: Uint8Array): Volume<'ct'> {
  const { size, frameFromIndex, frameOfReferenceUid, patient } = on;
  return volume({
    frame: CT,
    voxels,
    size,
    frameFromIndex,
    modality: 'SEG',
    patient,
    ...(frameOfReferenceUid !== undefined && { frameOfReferenceUid }),
  });
}

/** Without its markers: nobody punctures through one. */
function phantomSkin({ volume: image, signedDistance }: Phantom): Mesh<'ct'> {
  return openSkin(
    image,
    skinOf(image, (x, y, z) => signedDistance('skin', x, y, z)),
  );
}

/**
 * A case that may be begun with: images that say whose they are, in which frame and series, that are not sheared, and a label map of
 * the same grid in the same frame of reference in which the tumour is drawn.
 * @throws NavError `volume/sheared`, `guidance/bad-plan` for images that do not say whose and which they are, or a tumour that is not
 *   drawn, `guidance/wrong-frame-of-reference` for a label map of other images
 */
export function checkedCase(given: AblationCase): AblationCase {
  const { volume: image, labels, roles } = given;
  requireNoShear(image, 'Planning an ablation');
  if (image.modality !== 'CT') {
    throw new NavError('guidance/bad-plan', `The images are of modality "${image.modality}", not CT. Load the planning CT.`);
  }
  if (!image.patient.id || !image.series.seriesUid || !image.frameOfReferenceUid) {
    throw new NavError(
      'guidance/bad-plan',
      'The images do not say whose they are, or in which series and frame of reference: a plan cannot be bound to them. Load the DICOM series.',
    );
  }
  requireSameGrid(image, labels);
  if (!labels.voxels.some((v) => v === roles.tumour)) {
    throw new NavError(
      'guidance/bad-plan',
      `No voxel has the tumour's label ${roles.tumour}. Draw the tumour, or name its label.`,
    );
  }
  return given;
}

/** A label map drawn on other images would put the tumour elsewhere, and look right. */
function requireSameGrid(image: Volume<'ct'>, labels: Volume<'ct'>): void {
  const uid = labels.frameOfReferenceUid;
  const other = uid !== undefined && uid !== image.frameOfReferenceUid;
  const spacing = Math.min(...spacingOf(image));
  const same =
    labels.size.every((n, k) => n === image.size[k]) &&
    Array.from(labels.frameFromIndex).every((v, k) => Math.abs(v - (image.frameFromIndex[k] as number)) < 0.01 * spacing);
  if (!other && same) return;
  throw new NavError(
    'guidance/wrong-frame-of-reference',
    other
      ? 'The label map was drawn in another frame of reference than that of the images. Load the label map of these images.'
      : 'The label map lies on another grid than the images. Resample it onto them, or load the one that was drawn on them.',
  );
}
