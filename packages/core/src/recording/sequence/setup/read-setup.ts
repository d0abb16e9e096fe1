import { readPlusDeviceSet } from './plus-device-set.js';
import type { UltrasoundSetup } from './setup.js';
import { readSetupJson } from './setup-json.js';

/**
 * Reads an ultrasound set-up from its bytes: a PLUS device set (XML), or our own JSON with the fields of {@link UltrasoundSetup}.
 * Nothing is guessed: what is missing, contradictory or unknown is refused by the name of the element or field.
 * @param name what messages call the file
 * @throws NavError `setup/corrupt`, `setup/missing`, `setup/contradictory`, `setup/unsupported`
 */
export function readUltrasoundSetup(bytes: Uint8Array, name: string = 'the set-up'): UltrasoundSetup {
  const text = new TextDecoder().decode(bytes);
  return /^\s*</.test(text.replace(/^\ufeff/, '')) ? readPlusDeviceSet(text, name) : readSetupJson(text, name);
}
