import {
  type EncodedObject,
  type Equipment,
  encodeKeyImage,
  type InstanceReference,
  type ObjectInit,
  type StudyReference,
} from '@trocar/core/dicom';
import type { AnyVolume } from '@trocar/core/volume';

/** What results join: the study of the images that a case was made of. */
export interface ResultStudy {
  readonly study: StudyReference;
  readonly frameOfReferenceUid: string | undefined;
  /** The images of the case; none where they are no DICOM. */
  readonly images: readonly InstanceReference[];
  /** The image of each slice of the volume, in its order; undefined where slices have none of their own. */
  readonly slices: readonly InstanceReference[] | undefined;
}

/** What a procedure can send back, by what it is. */
export type ResultKind = 'registration' | 'registration-after' | 'segmentation' | 'report' | 'picture';

/** An object to be kept and sent. */
export interface ResultObject {
  readonly kind: ResultKind;
  readonly object: EncodedObject;
  /** How many images of the study it refers to. */
  readonly images: number;
}

/** A picture as a canvas gives it: RGBA, 8 bits each, top row first, opaque. */
export interface ResultPicture {
  readonly width: number;
  readonly height: number;
  readonly pixels: Uint8Array | Uint8ClampedArray;
  /** Whether words are part of the pixels. */
  readonly withWords: boolean;
  /** What it shows, in English. */
  readonly shows: string;
}

/** A picture of the screen: what it shows is said by the procedure. */
export type ScreenPicture = Omit<ResultPicture, 'shows'>;

/** How results came to be. */
export interface Making {
  readonly origin: ResultStudy;
  /** The session that they are of. */
  readonly session: string;
  /** Tells one state of the procedure from another: the same state gives the same UIDs, so that nothing is kept or sent twice. */
  readonly state: string;
  readonly at: Date;
  /** Who accepted them, as the session's log names them. */
  readonly by: string;
  /** The example, as `ct-liver-ablation`. */
  readonly application: string;
}

/** Of everything that shaped the results. */
const VERSION = '0.1.0';

/** What every object of a procedure is written with. @param method as the provenance names it */
export async function objectInit(making: Making, kind: ResultKind, description: string, method: string): Promise<ObjectInit> {
  const { origin, session, state, at, by, application } = making;
  const when = at.toISOString().replace(/Z$/, '+00:00');
  const uid = (what: string): Promise<string> => uidFrom(`${session}|${state}|${kind}|${what}`);
  const equipment: Equipment = {
    manufacturer: 'Trocar',
    model: application,
    serialNumber: 'simulation',
    softwareVersions: [`${application} ${VERSION}`, `trocar ${VERSION}`],
  };
  return {
    study: origin.study,
    series: { uid: await uid('series'), number: SERIES_NUMBERS[kind], description },
    instance: { uid: await uid('instance') },
    equipment,
    provenance: { method, version: VERSION, createdAt: when, inputs: await inputsOf(origin), acceptedBy: { name: by, at: when } },
  };
}

const SERIES_NUMBERS: Readonly<Record<ResultKind, number>> = {
  registration: 9001,
  'registration-after': 9002,
  segmentation: 9003,
  report: 9004,
  picture: 9005,
};

async function inputsOf({ images }: ResultStudy): Promise<string> {
  return `sha256:${await sha256Hex(images.map((i) => i.sopInstanceUid).join(' '))}`;
}

/** The UID of a name: the same name gives the same. A UUID of version 8 (RFC 9562) under 2.25 (PS3.5, B.2). */
export async function uidFrom(name: string): Promise<string> {
  const hex = (await sha256Hex(name)).slice(0, 32).split('');
  hex[12] = '8';
  hex[16] = ((Number.parseInt(hex[16] as string, 16) & 3) | 8).toString(16);
  return `2.25.${BigInt(`0x${hex.join('')}`)}`;
}

async function sha256Hex(text: string): Promise<string> {
  const digest = new Uint8Array(await crypto.subtle.digest('SHA-256', new TextEncoder().encode(text)));
  return Array.from(digest, (byte) => byte.toString(16).padStart(2, '0')).join('');
}

/** A picture as an object. @throws NavError `dicom/bad-object` for pixels that are transparent */
export async function pictureObject(making: Making, picture: ResultPicture): Promise<ResultObject> {
  const { width, height, pixels, withWords, shows } = picture;
  const { images } = making.origin;
  const object = encodeKeyImage({
    ...(await objectInit(making, 'picture', 'Picture of the procedure', 'picture')),
    ...{ width, height, pixels, derivation: shows, burnedInAnnotation: withWords, sources: images },
  });
  return { kind: 'picture', object, images: images.length };
}

/** The planning images of a study that is no DICOM, as a phantom's: results stand by themselves. */
export function originOf({ patient, series, frameOfReferenceUid }: AnyVolume): ResultStudy | undefined {
  if (series.studyUid === undefined) return undefined;
  const { id, name, sex, birthDate } = patient;
  return {
    study: { studyUid: series.studyUid, patient: { id, name, sex, birthDate } },
    frameOfReferenceUid,
    images: [],
    slices: undefined,
  };
}

/** Grey values that a picture is drawn in, of the volume's own unit: black up to `low`, white from `high`. */
export interface GreyWindow {
  readonly low: number;
  readonly high: number;
}

/** Colour of an outline. */
const OUTLINE = [255, 176, 0] as const;

/**
 * A slice of a volume as a picture, with the outline of a label on it: for who has no screen.
 * @param k the slice, from 0
 * @param label 1 where it is, on the volume's own grid
 */
export function slicePicture(
  image: AnyVolume,
  k: number,
  { low, high }: GreyWindow,
  label: Uint8Array,
  shows: string,
): ResultPicture {
  const [width, height] = image.size;
  const { slope, intercept } = image.rescale;
  const from = k * width * height;
  const pixels = new Uint8Array(4 * width * height);
  const inside = (i: number, j: number): boolean =>
    i >= 0 && j >= 0 && i < width && j < height && label[from + i + width * j] === 1;
  for (let j = 0, n = 0; j < height; j += 1) {
    for (let i = 0; i < width; i += 1, n += 1) {
      const edge = inside(i, j) && !(inside(i - 1, j) && inside(i + 1, j) && inside(i, j - 1) && inside(i, j + 1));
      const value = slope * (image.voxels[from + n] as number) + intercept;
      const grey = 255 * Math.min(1, Math.max(0, (value - low) / (high - low)));
      pixels.set(edge ? [...OUTLINE, 255] : [grey, grey, grey, 255], 4 * n);
    }
  }
  return { width, height, pixels, withWords: false, shows };
}
