import type { ContentReader } from './reader.js';
import type { IgtlTimestamp } from './time.js';
import type { IgtlStorage } from './writer.js';

const ELEMENT = 260;

/** What a sender says of one image that can be asked for with GET_IMAGE. */
export interface ImageMeta {
  readonly name: string;
  /** The device name to ask for. */
  readonly id: string;
  readonly modality: string;
  readonly patientName: string;
  readonly patientId: string;
  readonly timestamp: IgtlTimestamp;
  readonly size: readonly [number, number, number];
  /** As in IMAGE; kept as sent. */
  readonly scalarType: number;
  /** The byte that the protocol reserves, where it is not 0: some senders leave there what their memory held. */
  readonly reserved?: number;
}

/** IMGMETA: the images that a sender has. */
export interface ImageMetaContent {
  readonly kind: 'imageMeta';
  readonly images: readonly ImageMeta[];
}

export function decodeImageMeta(r: ContentReader): ImageMetaContent {
  const images = Array.from({ length: r.elements(ELEMENT) }, () => {
    const image = {
      name: r.name(64),
      id: r.name(20),
      modality: r.name(32),
      patientName: r.name(64),
      patientId: r.name(64),
      timestamp: { seconds: r.u32(), fraction: r.u32() },
      size: r.size3(),
      scalarType: r.u8(),
    };
    return { ...image, ...r.reserved() };
  });
  return { kind: 'imageMeta', images };
}

export function encodeImageMeta(w: IgtlStorage, content: ImageMetaContent): void {
  for (const image of content.images) {
    w.name(image.name, 64);
    w.name(image.id, 20);
    w.name(image.modality, 32);
    w.name(image.patientName, 64);
    w.name(image.patientId, 64);
    w.u32(image.timestamp.seconds);
    w.u32(image.timestamp.fraction);
    w.size3(image.size);
    w.u8(image.scalarType);
    w.u8(image.reserved ?? 0);
  }
}
