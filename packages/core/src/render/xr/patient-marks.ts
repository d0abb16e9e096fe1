import { Group, type Object3D } from 'three';
import type { AnyVolume } from '../../volume/index.js';
import { SceneLabel } from '../guidance/scene-label.js';
import type { LabelStyle } from '../label.js';
import type { FiducialMark, StageModel } from '../model.js';
import { PALETTE } from '../palette.js';
import { type Extent, extentOf, outOf, patientAxes } from '../planes.js';
import { fiducialColour } from '../slice-marks.js';

/** From the volume's border out to the middle of a letter, mm. */
const MARGIN_MM = 12;
/** From a fiducial up to its number, in heights of the text. */
const ABOVE = 0.9;
/** Height of the text as a part of an eye's picture (some 3° of 90°), and at least, px. */
const [PART, LEAST_PX] = [0.032, 15];

/** Where each letter stands: the axis of the patient's frame (LPS) and the way along it. */
const LETTERS = [
  ['L', 0, 1],
  ['R', 0, -1],
  ['P', 1, 1],
  ['A', 1, -1],
  ['S', 2, 1],
  ['I', 2, -1],
] as const;

/**
 * Letters and numbers that stand at the patient in a headset: the six directions around the volume, and the fiducials' numbers. They
 * hang on points of the patient, so that each eye sees them at their depth, upright and over everything; the page has them on its
 * glass, and a headset has none.
 */
export class PatientMarks {
  readonly #group = new Group();
  readonly #letters: readonly SceneLabel[] = LETTERS.map(() => new SceneLabel());
  #numbers: readonly { readonly mark: FiducialMark; readonly label: SceneLabel }[] = [];
  #volume: AnyVolume | undefined;
  #revision = -1;
  #sizePx = 0;

  /** @param patient what the patient is drawn under: mm of the stage's frame */
  constructor(patient: Object3D) {
    for (const { object } of this.#letters) this.#group.add(object);
    patient.add(this.#group);
  }

  /** Before a frame is drawn. @param width pixels of an eye's picture, as height */
  update({ volume, fiducials, fiducialsRevision }: StageModel, width: number, height: number): void {
    const sizePx = Math.max(LEAST_PX, Math.round(PART * height));
    const resized = sizePx !== this.#sizePx;
    this.#sizePx = sizePx;
    if (resized || volume !== this.#volume) this.#placeLetters(volume);
    if (resized || fiducialsRevision !== this.#revision) this.#placeNumbers(fiducials);
    this.#volume = volume;
    this.#revision = fiducialsRevision;
    for (let n = 0; n < this.#letters.length; n += 1) this.#letters[n]?.viewport(width, height);
    for (let n = 0; n < this.#numbers.length; n += 1) this.#numbers[n]?.label.viewport(width, height);
  }

  dispose(): void {
    this.#group.removeFromParent();
    for (const letter of this.#letters) letter.dispose();
    for (const { label } of this.#numbers) label.dispose();
  }

  #placeLetters(volume: AnyVolume | undefined): void {
    const reach = volume && reachOf(volume);
    for (const [n, [text, axis, way]] of LETTERS.entries()) {
      const letter = this.#letters[n] as SceneLabel;
      letter.set(reach === undefined ? '' : text, this.#style(PALETTE.text));
      if (reach === undefined) continue;
      const at = reach.low.map((low, k) => (low + (reach.high[k] as number)) / 2) as [number, number, number];
      at[axis] = way > 0 ? reach.high[axis] + MARGIN_MM : reach.low[axis] - MARGIN_MM;
      letter.at(...at, 0, 0);
    }
  }

  #placeNumbers(fiducials: readonly FiducialMark[]): void {
    for (const { label } of this.#numbers) label.dispose();
    this.#numbers = fiducials.map((mark) => {
      const label = new SceneLabel();
      const [x, y, z] = mark.xyz as unknown as [number, number, number];
      label.set(mark.label, this.#style(fiducialColour(mark.state)));
      label.at(x, y, z, 0, -ABOVE * this.#sizePx);
      this.#group.add(label.object);
      return { mark, label };
    });
  }

  #style(colour: string): LabelStyle {
    return { sizePx: this.#sizePx, colour, weight: 700 };
  }
}

/** How far a volume reaches along x, y and z of its frame, mm. */
function reachOf(volume: AnyVolume): Extent {
  const axes = patientAxes('axial');
  const { low, high } = extentOf(volume, axes);
  const out: { low: [number, number, number]; high: [number, number, number] } = { low: [0, 0, 0], high: [0, 0, 0] };
  for (const [n, direction] of [axes.right, axes.up, outOf(axes)].entries()) {
    // Each of a patient's axes runs along one of the frame's, this way or that.
    const axis = [0, 1, 2].findIndex((k) => Math.abs(direction[k] as number) > 0.5) as 0 | 1 | 2;
    const along = (direction[axis] as number) > 0;
    out.low[axis] = along ? (low[n] as number) : -(high[n] as number);
    out.high[axis] = along ? (high[n] as number) : -(low[n] as number);
  }
  return out;
}
