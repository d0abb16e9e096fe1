/** SOP classes of what this folder writes, or reads only (label maps) (PS3.4, B.5; PS3.6, A). */
export const SOP_CLASS: Readonly<
  Record<
    | 'secondaryCapture'
    | 'multiFrameGrayscaleByteSecondaryCapture'
    | 'multiFrameGrayscaleWordSecondaryCapture'
    | 'multiFrameTrueColorSecondaryCapture'
    | 'enhancedUsVolume'
    | 'spatialRegistration'
    | 'deformableSpatialRegistration'
    | 'segmentation'
    | 'labelMapSegmentation'
    | 'comprehensive3dSr'
    | 'keyObjectSelection',
    string
  >
> = {
  secondaryCapture: '1.2.840.10008.5.1.4.1.1.7',
  multiFrameGrayscaleByteSecondaryCapture: '1.2.840.10008.5.1.4.1.1.7.2',
  multiFrameGrayscaleWordSecondaryCapture: '1.2.840.10008.5.1.4.1.1.7.3',
  multiFrameTrueColorSecondaryCapture: '1.2.840.10008.5.1.4.1.1.7.4',
  enhancedUsVolume: '1.2.840.10008.5.1.4.1.1.6.2',
  spatialRegistration: '1.2.840.10008.5.1.4.1.1.66.1',
  deformableSpatialRegistration: '1.2.840.10008.5.1.4.1.1.66.3',
  segmentation: '1.2.840.10008.5.1.4.1.1.66.4',
  labelMapSegmentation: '1.2.840.10008.5.1.4.1.1.66.7',
  comprehensive3dSr: '1.2.840.10008.5.1.4.1.1.88.34',
  keyObjectSelection: '1.2.840.10008.5.1.4.1.1.88.59',
};

/** Explicit VR little endian (PS3.5, A.2): what this folder writes. */
export const EXPLICIT_LITTLE_ENDIAN: string = '1.2.840.10008.1.2.1';

/** Trocar's Implementation Class UID (PS3.7, D.3.3.2), under the root for UUIDs. */
export const IMPLEMENTATION_CLASS_UID: string = '2.25.115941527784034186650609314173639520460';

/** Trocar's Implementation Version Name: at most 16 characters. */
export const IMPLEMENTATION_VERSION_NAME: string = 'TROCAR_1';

/**
 * A new unique identifier: `2.25.` and a random UUID (RFC 4122, version 4) as one decimal number (PS3.5, B.2).
 * At most 44 characters.
 */
export function newUid(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[6] = ((bytes[6] as number) & 0x0f) | 0x40;
  bytes[8] = ((bytes[8] as number) & 0x3f) | 0x80;
  return `2.25.${bytes.reduce((sum, byte) => (sum << 8n) | BigInt(byte), 0n)}`;
}

/** Whether the text is a UID (PS3.5, 9.1): at most 64 characters, numbers without leading zeros joined by dots. */
export function isUid(text: string): boolean {
  return text.length <= 64 && /^(0|[1-9]\d*)(\.(0|[1-9]\d*))+$/.test(text);
}
