import type { Transform } from '@trocar/core';
import type { Fusion, FusionLook, Stage } from '@trocar/core/render';
import type { Volume } from '@trocar/core/volume';
import { h, setText } from '../../suite/page/dom.js';
import { withUnknown } from '../src/compound.js';
import type { Procedure } from '../src/procedure.js';
import { t } from './texts/index.js';

/** How both images are looked at, in the order that the button goes through; undefined: the MR alone. */
const WAYS: readonly { readonly name: () => string; readonly look: FusionLook | undefined }[] = [
  { name: () => t('MR + US mixed'), look: { mode: 'blend', fraction: 0.5 } },
  { name: () => t('MR + US in squares'), look: { mode: 'checkerboard', squareMm: 10 } },
  { name: () => t('MR alone'), look: undefined },
];
const ALONE = WAYS.length - 1;
/** Where echoes averaged over a sweep lie. The second image is tinted, so that nobody takes it for the first. */
const ULTRASOUND = { window: { level: 120, width: 170 }, colour: '#ffc98a' } as const;

/**
 * The swept ultrasound over the MR's slices, where the registration under review, or the accepted one, puts it. From the needle on the MR
 * stands alone until a person asks for both again.
 */
export class FusedView {
  readonly button: HTMLButtonElement;
  readonly #stage: Stage<'mr'>;
  #way = 0;
  #fusion: Fusion<'mr', 'reference'> | undefined;
  #us: Volume<'reference'> | undefined;
  #unknown: Volume<'reference'> | undefined;
  #edge: Transform<'mr', 'reference'> | undefined;
  #atNeedle = false;

  constructor(stage: Stage<'mr'>) {
    this.#stage = stage;
    const next = (): void => {
      this.#way = (this.#way + 1) % WAYS.length;
      this.#take(this.#edge);
      setText(this.button, this.#chosen.name());
    };
    this.button = h('button', { id: 'fused', type: 'button', 'data-action': 'fused', hidden: true, onclick: next });
  }

  /** Once per drawn frame. */
  show({ us, registration, proposal, stage }: Procedure): void {
    const atNeedle = stage === 'biopsy' || stage === 'finished';
    if (atNeedle !== this.#atNeedle) this.#way = atNeedle ? ALONE : 0;
    const changed = us !== this.#us || atNeedle !== this.#atNeedle;
    this.#atNeedle = atNeedle;
    if (us !== this.#us) {
      this.#remove();
      this.#us = us;
      this.#unknown = undefined;
    }
    const edge = us === undefined ? undefined : (registration ?? proposal?.edge);
    if (changed || edge !== this.#edge) this.#take(edge);
    setText(this.button, this.#chosen.name());
  }

  get #chosen(): (typeof WAYS)[number] {
    return WAYS[this.#way] as (typeof WAYS)[number];
  }

  #take(edge: Transform<'mr', 'reference'> | undefined): void {
    this.#edge = edge;
    const { look } = this.#chosen;
    this.button.hidden = edge === undefined;
    if (edge === undefined || look === undefined || this.#us === undefined) {
      this.#remove();
      return;
    }
    if (this.#fusion === undefined) {
      this.#unknown ??= withUnknown(this.#us);
      this.#fusion = this.#stage.fuse(this.#unknown, edge, { ...ULTRASOUND, ...look });
      return;
    }
    this.#fusion.move(edge);
    this.#fusion.setLook(look);
  }

  #remove(): void {
    this.#fusion?.remove();
    this.#fusion = undefined;
  }
}
