import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { isNavError } from '../base/index.js';
import { frame } from '../frames/index.js';
import { type Picture, readPicture, readVolume } from './index.js';
import { pythonWith } from './test-support/real-data.js';

/**
 * The files that pydicom is tested with, where its package brings them: odd, old and broken ones of many writers. Each is refused by name,
 * or its pixels are those that pydicom has, where pydicom decodes them itself (native and run lengths).
 */
const pydicom = pythonWith('pydicom');
const folder = mkdtempSync(join(tmpdir(), 'trocar-others-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const PYDICOM = `
import glob, json, os, sys, warnings
warnings.simplefilter('ignore')
import numpy as np, pydicom
from pydicom.pixel_data_handlers.util import convert_color_space
root = os.path.join(os.path.dirname(pydicom.__file__), 'data')
out = []
for n, path in enumerate(sorted(glob.glob(os.path.join(root, '*', '**', '*.dcm'), recursive=True))):
    said = None
    try:
        d = pydicom.dcmread(path)
        compressed = d.file_meta.TransferSyntaxUID.is_compressed and d.file_meta.TransferSyntaxUID != '1.2.840.10008.1.2.5'
        if not compressed and d.PhotometricInterpretation != 'PALETTE COLOR':
            p = d.pixel_array
            if d.PhotometricInterpretation.startswith('YBR'): p = convert_color_space(p, 'YBR_FULL', 'RGB')
            p.astype('<i4').tofile(os.path.join(sys.argv[1], '%d.raw' % n))
            said = '%d.raw' % n
    except Exception: pass
    out.append([path, said])
print(json.dumps(out))
`;

type Outcome = Picture | string;
const orCode = async <T>(reading: Promise<T>): Promise<T | string> =>
  reading.catch((error: unknown) => {
    if (!isNavError(error)) throw error;
    return error.code;
  });

describe.skipIf(pydicom === undefined)('the files of others', () => {
  it('are read as their own reader reads them, or refused by name', async () => {
    const files = pydicom?.(PYDICOM, folder) as [string, string | null][];
    const seen = { refused: 0, alike: 0, alone: 0 };
    for (const [path, raw] of files) {
      // A volume or a refusal: what else comes out fails here.
      await orCode(readVolume(path, { frame: frame('image') }));
      const picture: Outcome = await orCode(readPicture(path));
      if (typeof picture === 'string') seen.refused += 1;
      else if (raw === null) seen.alone += 1;
      else {
        const theirs = new Int32Array(new Uint8Array(readFileSync(join(folder, raw))).buffer);
        expect(picture.pixels.length, path).toBe(theirs.length);
        expect(
          picture.pixels.every((v, i) => v === theirs[i]),
          path,
        ).toBe(true);
        seen.alike += 1;
      }
    }
    // Debian's package has 94 of them; those of another release differ.
    if (files.length === 94) expect(seen).toEqual({ refused: 41, alike: 31, alone: 22 });
    else expect(seen.alike).toBeGreaterThan(files.length / 5);
  }, 60_000);
});
