import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { isNavError } from '../base/index.js';
import { frame } from '../frames/index.js';
import { readPicture, readVolume } from './index.js';
import { dataPath } from './test-support/real-data.js';

/** What each single file of the shared DICOM data gives: as a volume, and as a picture. The archives have tests of their own. */
const OUTCOMES: Readonly<Record<string, readonly [string, string]>> = {
  'syntaxes/CTImage.dcm': ['512×512×1 CT', 'grey 512×512×1 patient'],
  'syntaxes/CTImage.dcm_BigEndianExplicitTransferSyntax_1.2.840.10008.1.2.2.dcm': ['512×512×1 CT', 'grey 512×512×1 patient'],
  'syntaxes/CTImage.dcm_DeflatedExplicitVRLittleEndianTransferSyntax_1.2.840.10008.1.2.1.99.dcm': [
    '512×512×1 CT',
    'grey 512×512×1 patient',
  ],
  'syntaxes/CTImage.dcm_JPEG2000LosslessOnlyTransferSyntax_1.2.840.10008.1.2.4.90.dcm': [
    '512×512×1 CT',
    'grey 512×512×1 patient',
  ],
  'syntaxes/CTImage.dcm_JPEGLSLosslessTransferSyntax_1.2.840.10008.1.2.4.80.dcm': ['512×512×1 CT', 'grey 512×512×1 patient'],
  'syntaxes/CTImage.dcm_JPEGProcess14SV1TransferSyntax_1.2.840.10008.1.2.4.70.dcm': ['512×512×1 CT', 'grey 512×512×1 patient'],
  'syntaxes/CTImage.dcm_RLELosslessTransferSyntax_1.2.840.10008.1.2.5.dcm': ['512×512×1 CT', 'grey 512×512×1 patient'],
  'syntaxes/TestPattern_Palette.dcm': ['dicom/unsupported-object', 'rgb 640×400×1 patient'],
  'syntaxes/TestPattern_RGB.dcm': ['dicom/unsupported-object', 'rgb 640×400×1 patient'],
  'syntaxes/US-YBR_FULL_422-EVRLE.dcm': ['dicom/missing-geometry', 'rgb 800×555×1 regions 1'],
  'syntaxes/no-pixel-data.dcm': ['dicom/no-pixel-data', 'dicom/no-pixel-data'],
  'syntaxes/no-pixel-spacing.dcm': ['dicom/missing-geometry', 'rgb 800×600×1 regions 3'],
  'enhanced/US1_UNCI.dcm': ['dicom/missing-geometry', 'rgb 640×480×1 regions 0'],
  'enhanced/bad_sequence.dcm': ['512×512×1 CT', 'grey 512×512×1 patient'],
  'enhanced/emri_small.dcm': ['dicom/missing-geometry', 'grey 64×64×10 regions 0'],
  'enhanced/emri_small_RLE.dcm': ['dicom/missing-geometry', 'grey 64×64×10 regions 0'],
  'enhanced/emri_small_jpeg_2k_lossless.dcm': ['dicom/missing-geometry', 'grey 64×64×10 regions 0'],
  'enhanced/liver.dcm': ['dicom/unsupported-object', 'dicom/unsupported-object'],
};

const root = dataPath('dicom');

const orCode = (outcome: Promise<string>): Promise<string> =>
  outcome.catch((error: unknown) => {
    if (!isNavError(error)) throw error;
    return error.code;
  });

it.skipIf(root.absent)(
  'every file of the shared DICOM data is read or refused by name',
  async () => {
    const found: Record<string, readonly [string, string]> = {};
    for (const folder of ['syntaxes', 'enhanced']) {
      for (const name of readdirSync(join(root.path, folder)).filter((n) => n.endsWith('.dcm'))) {
        const path = join(root.path, folder, name);
        const volume = readVolume(path, { frame: frame('image') }).then((v) => `${v.size.join('×')} ${v.modality}`);
        const picture = readPicture(path).then(
          (p) => `${p.kind} ${p.columns}×${p.rows}×${p.frames} ${p.spacing?.meaning ?? `regions ${p.regions.length}`}`,
        );
        // Both are awaited at once: one that is refused while the other is awaited would be an error of nobody's.
        found[`${folder}/${name}`] = await Promise.all([orCode(volume), orCode(picture)]);
      }
    }
    expect(found).toEqual(OUTCOMES);
  },
  30_000,
);
