import type { ContentReader } from './reader.js';
import type { IgtlStorage } from './writer.js';

const ELEMENT = 116;

/** What a sender says of one label of a segmentation. */
export interface LabelMeta {
  readonly name: string;
  /** The device name to ask for. */
  readonly id: string;
  /** The voxel value of the structure. */
  readonly label: number;
  /** The byte that the protocol reserves, where it is not 0: some senders leave there what their memory held. */
  readonly reserved?: number;
  readonly rgba: readonly [number, number, number, number];
  readonly size: readonly [number, number, number];
  /** The id of the image that the labels belong to. */
  readonly owner: string;
}

/** LBMETA: the label images that a sender has. */
export interface LabelMetaContent {
  readonly kind: 'labelMeta';
  readonly labels: readonly LabelMeta[];
}

export function decodeLabelMeta(r: ContentReader): LabelMetaContent {
  const labels = Array.from({ length: r.elements(ELEMENT) }, () => {
    const name = r.name(64);
    const id = r.name(20);
    const label = r.u8();
    const reserved = r.reserved();
    return { name, id, label, ...reserved, rgba: r.rgba(), size: r.size3(), owner: r.name(20) };
  });
  return { kind: 'labelMeta', labels };
}

export function encodeLabelMeta(w: IgtlStorage, content: LabelMetaContent): void {
  for (const label of content.labels) {
    w.name(label.name, 64);
    w.name(label.id, 20);
    w.u8(label.label);
    w.u8(label.reserved ?? 0);
    w.rgba(label.rgba);
    w.size3(label.size);
    w.name(label.owner, 20);
  }
}
