import { HEADER } from './frame.js';
import type { ContentReader } from './reader.js';
import type { IgtlStorage } from './writer.js';

/** CAPABILITY: the message types that a peer understands. */
export interface CapabilityContent {
  readonly kind: 'capability';
  readonly types: readonly string[];
}

export function decodeCapability(r: ContentReader): CapabilityContent {
  return { kind: 'capability', types: Array.from({ length: r.elements(HEADER.typeWidth) }, () => r.name(HEADER.typeWidth)) };
}

export function encodeCapability(w: IgtlStorage, content: CapabilityContent): void {
  for (const type of content.types) w.name(type, HEADER.typeWidth);
}
