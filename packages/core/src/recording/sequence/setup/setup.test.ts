import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { describe, expect, inject, it } from 'vitest';
import { isNavError, NavError } from '../../../base/index.js';
import { Random } from '../../../math/index.js';
import { readUltrasoundSetup, type UltrasoundSetup } from '../../index.js';
import { readXml } from './xml.js';

const FOLDER = join(
  resolve(process.env['TROCAR_DATA'] ?? join(import.meta.dirname, '../../../../../../../shared/data')),
  'tracked-ultrasound/config',
);
const read = (text: string): UltrasoundSetup => readUltrasoundSetup(new TextEncoder().encode(text), 'set.xml');

function refusal(run: () => unknown): string {
  try {
    run();
  } catch (error) {
    if (isNavError(error)) return `${error.code}: ${error.message}`;
    throw error;
  }
  return 'nothing';
}

describe.skipIf(!existsSync(FOLDER))("PLUS's device sets", () => {
  const files = existsSync(FOLDER) ? readdirSync(FOLDER).filter((file) => file.endsWith('.xml')) : [];
  const load = (file: string): UltrasoundSetup => readUltrasoundSetup(new Uint8Array(readFileSync(join(FOLDER, file))), file);

  it.each(files)('%s is read', (file) => {
    expect(load(file).name).toBe(file);
  });

  it('has the wires, the look for dots and the frames of a calibration', () => {
    const { phantom, segmentation, frames, transforms } = load('PlusDeviceSet_fCal_Sim_SpatialCalibration_1.2.xml');
    expect(phantom?.name).toBe('fCAL 1.2');
    expect(phantom?.patterns[0]?.[1]).toEqual({ name: '2:I2_f2', front: [40, 0, 10], back: [25, 40, 10] });
    expect(segmentation).toEqual({
      pixelMm: 0.078,
      clip: { origin: [27, 27], size: [766, 562] },
      discMm: 0.27,
      threshold: 0.1,
      lengthError: 0.1,
      offLineMm: 0.6,
      tiltDeg: 70,
      parallelDeg: 10,
      mostDots: 20,
    });
    expect(frames).toEqual({ image: 'Image', probe: 'Probe', reference: 'Reference', phantom: 'Phantom' });
    const phantomToReference = transforms.find((t) => t.from === 'Phantom');
    expect([...(phantomToReference?.matrix.slice(12) ?? [])]).toEqual([9.59137, 36.0012, 87.8909, 1]);
    expect(phantomToReference?.matrix[4]).toBe(-0.0136951);
  });

  it('has the older wiring, and a reconstruction of its own', () => {
    const { phantom, reconstruction } = load('PlusDeviceSet_NwirePhantomFreehand_vtkVolumeReconstructorTest2.xml');
    expect(phantom?.patterns.map((pattern) => pattern.map((w) => w.name))).toEqual([
      ['E3_e3', 'F3_j3', 'K3_k3'],
      ['E4_e4', 'J4_f4', 'K4_k4'],
    ]);
    expect(reconstruction).toEqual({
      spacingMm: [0.5, 0.5, 0.5],
      interpolation: 'linear',
      compounding: 'mean',
      optimization: 'none',
      skipInterval: 1,
      clip: { origin: [167, 62], size: [495, 488] },
      holeFilling: [],
    });
    const mean = load('PlusDeviceSet_VolumeReconstructionOnly_SonixRP_TRUS_D70mm_LN_MEAN.xml').reconstruction;
    expect(mean?.fan).toEqual({ apex: [380, 20], anglesDeg: [-45, 45], radii: [120, 360] });
    expect(mean?.holeFilling).toEqual([{ kind: 'stick', lengthLimit: 9, count: 1 }]);
    expect(load('PlusDeviceSet_VolumeReconstructionOnly_SpinePhantom_NN_MAXI.xml').reconstruction).toMatchObject({
      interpolation: 'nearest',
      compounding: 'maximum',
      optimization: 'full',
    });
  });
});

const SPACING = 'OutputSpacing="1 1 1"';
const volume = (attributes: string, inside = ''): string =>
  `<PlusConfiguration><VolumeReconstruction ${attributes}>${inside}</VolumeReconstruction></PlusConfiguration>`;
const phantom = (patterns: string): string =>
  `<PlusConfiguration><PhantomDefinition><Geometry>${patterns}</Geometry></PhantomDefinition></PlusConfiguration>`;
const transforms = (...lines: readonly string[]): string =>
  `<PlusConfiguration><CoordinateDefinitions>${lines.join('')}</CoordinateDefinitions></PlusConfiguration>`;
const UNIT = '1 0 0 0 0 1 0 0 0 0 1 0 0 0 0 1';

describe('a device set', () => {
  it("has PLUS's defaults where it says nothing, and says which were taken", () => {
    const { reconstruction, notes, frames, segmentation } = read(volume(SPACING));
    expect(reconstruction).toEqual({
      spacingMm: [1, 1, 1],
      interpolation: 'nearest',
      compounding: 'mean',
      optimization: 'full',
      skipInterval: 1,
      holeFilling: [],
    });
    expect(notes.map((note) => note.code)).toEqual(['compounding']);
    expect([frames.image, segmentation]).toEqual(['Image', undefined]);
    expect(read(volume(`${SPACING} Compounding="OFF"`)).reconstruction?.compounding).toBe('latest');
    expect(read(volume(`${SPACING} CompoundingMode="Importance_Mask"`)).reconstruction?.compounding).toBe('importance');
    expect(read(volume(`${SPACING} Calculation="MAXIMUM"`)).reconstruction?.compounding).toBe('maximum');
    expect(read(volume(`${SPACING} FanAngles="-30 30" FanOrigin="1 2" FanDepth="400"`)).reconstruction?.fan).toEqual({
      apex: [1, 2],
      anglesDeg: [-30, 30],
      radii: [0, 400],
    });
  });

  it('says everything that changes a volume', () => {
    const text = volume(
      `${SPACING} Interpolation="linear" Optimization="PARTIAL" CompoundingMode="IMPORTANCE_MASK" ImportanceMaskFilename="m.png" SkipInterval="3"
       PixelRejectionThreshold="12.5" NumberOfThreads="2" OutputExtent="0 1 0 1 0 1" ImageCoordinateFrame="Img" ReferenceCoordinateFrame="Ref" FillHoles="ON"`,
      '<HoleFilling><HoleFillingElement Type="GAUSSIAN" Size="5" Stdev="0.6" MinimumKnownVoxelsRatio="0.5"/><HoleFillingElement Type="STICK" StickLengthLimit="7"/></HoleFilling>',
    );
    const { reconstruction, notes } = read(text);
    expect(reconstruction).toMatchObject({
      interpolation: 'linear',
      optimization: 'partial',
      compounding: 'importance',
      importanceFile: 'm.png',
      skipInterval: 3,
      rejectBelow: 12.5,
      imageFrame: 'Img',
      referenceFrame: 'Ref',
      holeFilling: [
        { kind: 'gaussian', size: 5, minKnownRatio: 0.5, stdev: 0.6 },
        { kind: 'stick', lengthLimit: 7, count: 1 },
      ],
    });
    expect(notes.map((note) => note.code)).toEqual(['output-box', 'threads']);
  });

  it.each([
    ['another root', '<Other/>', /^setup\/unsupported.*"Other"/],
    ['no spacing', volume(''), /^setup\/missing.*OutputSpacing/],
    ['a spacing of words', volume('OutputSpacing="a b c"'), /^setup\/corrupt.*OutputSpacing/],
    ['half a clip', volume(`${SPACING} ClipRectangleOrigin="1 2"`), /^setup\/missing.*ClipRectangleSize/],
    ['a fan without apex', volume(`${SPACING} FanAnglesDeg="-1 1"`), /^setup\/missing.*FanOriginPixel/],
    [
      'a fan of nothing',
      volume(`${SPACING} FanAnglesDeg="9 9" FanOriginPixel="1 1"`),
      /^setup\/contradictory.*encloses? nothing/,
    ],
    [
      'two reconstructions',
      `<PlusConfiguration><VolumeReconstruction ${SPACING}/><VolumeReconstruction ${SPACING}/></PlusConfiguration>`,
      /^setup\/contradictory/,
    ],
    ['an unknown mode', volume(`${SPACING} CompoundingMode="MEDIAN"`), /^setup\/unsupported.*MEDIAN.*LATEST/],
    [
      'fan detection',
      volume(`${SPACING} EnableFanAnglesAutoDetect="TRUE"`),
      /^setup\/missing.*FanAnglesDeg.*EnableFanAnglesAutoDetect/,
    ],
    ['holes without filling', volume(`${SPACING} FillHoles="ON"`), /^setup\/missing.*HoleFillingElement/],
    ['a pattern of parallels', phantom('<Pattern Type="CoplanarParallelWires"/>'), /^setup\/unsupported.*CoplanarParallelWires/],
    [
      'two wires',
      phantom('<Pattern Type="NWire"><Wire EndPointFront="0 0 0" EndPointBack="0 40 0"/></Pattern>'),
      /^setup\/corrupt.*1 wires/,
    ],
    ['half a wire', phantom('<Pattern Type="NWire"><Wire EndPointFront="0 0 0"/></Pattern>'), /^setup\/missing.*EndPointBack/],
    ['no wires', phantom(''), /^setup\/missing.*Pattern/],
    ['a matrix of 15', transforms(`<Transform From="A" To="B" Matrix="${UNIT.slice(2)}"/>`), /^setup\/corrupt.*16 numbers/],
    [
      'a projection',
      transforms(`<Transform From="A" To="B" Matrix="${UNIT.replace(/0 1$/, '1 1')}"/>`),
      /^setup\/corrupt.*last row/,
    ],
    [
      'two truths',
      transforms(`<Transform From="A" To="B" Matrix="${UNIT}"/>`, `<Transform From="B" To="A" Matrix="${UNIT}"/>`),
      /^setup\/contradictory.*B to A/,
    ],
    ['no pixel size', '<PlusConfiguration><Segmentation/></PlusConfiguration>', /^setup\/missing.*ApproximateSpacing/],
  ])('with %s is refused by name', (_, text, expected) => {
    expect(refusal(() => read(text))).toMatch(expected);
  });
});

it('a transform that is said twice alike is said once', () => {
  const line = `<Transform From="A" To="B" Matrix="${UNIT}"/>`;
  expect(read(transforms(line, line)).transforms).toHaveLength(1);
});

describe('XML', () => {
  it('has elements, attributes, comments, CDATA and entities', () => {
    const root = readXml(
      `<?xml version="1.0"?><!-- a <b> -->\n<a x='1 &lt; 2 &#65;&#x42;' y=""><![CDATA[<c>]]>text<b.c-d z="3"/>\n</a>\n`,
      'x',
    );
    expect([root.name, root.line, root.attributes.get('x'), root.attributes.get('y')]).toEqual(['a', 2, '1 < 2 AB', '']);
    expect(root.children.map((child) => [child.name, child.attributes.get('z')])).toEqual([['b.c-d', '3']]);
  });

  it.each([
    ['<a>', 'line 1: "a" of line 1 is not closed'],
    ['<a>\n<b></a>', 'line 2: "b" of line 2 is closed by "a"'],
    ['<a x=1/>', 'no quotes'],
    ['<a x="1" x="2"/>', '"x" twice'],
    ['<a x="&bomb;"/>', 'no entity'],
    ['<!DOCTYPE a [<!ENTITY b "c">]><a/>', 'document type'],
    ['<a/><b/>', 'follows its last element'],
    ['', 'no element'],
    [`${'<a>'.repeat(200)}`, 'deep'],
    ['<a x="<b"/>', 'does not end'],
  ])('%s is refused', (text, expected) => {
    expect(refusal(() => readXml(text, 'x'))).toContain(expected);
  });

  it('mutated in any way is read or refused, never worse', () => {
    const random = new Random(inject('seed'));
    const whole = volume(
      `${SPACING} ClipRectangleOrigin="0 0" ClipRectangleSize="8 8" CompoundingMode="MEAN"`,
      '<!-- c --><HoleFilling/>',
    );
    let kept = 0;
    for (let round = 0; round < 3000 * inject('effort'); round += 1) {
      const letters = [...whole];
      for (let k = random.below(4); k >= 0; k -= 1)
        letters[random.below(letters.length)] = String.fromCharCode(random.below(128));
      try {
        read(letters.join(''));
        kept += 1;
      } catch (error) {
        if (!(error instanceof NavError)) throw error;
      }
    }
    expect(kept).toBeGreaterThan(30);
  });
});

describe('a set-up in JSON', () => {
  const ROWS = [
    [0.1, 0, 0, 5],
    [0, 0.2, 0, 6],
    [0, 0, 1, 7],
    [0, 0, 0, 1],
  ];

  it('says the same', () => {
    const wires = [0, 1, 2].map((n) => ({ name: `w${n}`, front: [10 * n, 0, 0], back: [n === 1 ? 15 : 10 * n, 40, 0] }));
    const text = JSON.stringify({
      frames: { probe: 'Transducer' },
      probeFromImage: ROWS,
      transforms: [{ from: 'Phantom', to: 'Reference', matrix: ROWS }],
      phantom: { name: 'mine', patterns: [wires] },
      segmentation: { pixelMm: 0.1, threshold: 0.2 },
      reconstruction: {
        spacingMm: [1, 1, 1],
        fan: { apex: [1, 2], anglesDeg: [-30, 30], radii: [0, 50] },
        sticks: [{ lengthLimit: 9 }],
      },
      temporalClip: { origin: [1, 2], size: [3, 4] },
    });
    const setup = read(text);
    expect(setup.frames).toEqual({ image: 'Image', probe: 'Transducer', reference: 'Reference', phantom: 'Phantom' });
    expect(setup.transforms.map(({ from, to }) => `${from}To${to}`)).toEqual(['PhantomToReference', 'ImageToTransducer']);
    expect([...(setup.transforms[1]?.matrix ?? [])]).toEqual([0.1, 0, 0, 0, 0, 0.2, 0, 0, 0, 0, 1, 0, 5, 6, 7, 1]);
    expect(setup.phantom?.patterns[0]?.[1]?.back).toEqual([15, 40, 0]);
    expect(setup.segmentation).toEqual({ pixelMm: 0.1, threshold: 0.2 });
    expect(setup.reconstruction).toMatchObject({
      interpolation: 'linear',
      compounding: 'mean',
      holeFilling: [{ kind: 'stick', count: 1 }],
    });
    expect(setup.temporalClip).toEqual({ origin: [1, 2], size: [3, 4] });
  });

  it.each([
    ['neither', 'hello', /^setup\/corrupt.*neither XML nor JSON/],
    ['a list', '[]', /^setup\/corrupt.*no object/],
    ['a short matrix', JSON.stringify({ probeFromImage: ROWS.slice(1) }), /^setup\/corrupt.*"probeFromImage"/],
    [
      'no name of a frame',
      JSON.stringify({ transforms: [{ from: 'A', matrix: ROWS }] }),
      /^setup\/missing.*"transforms\[0\]" has no "to"/,
    ],
    [
      'a wrong word',
      JSON.stringify({ reconstruction: { spacingMm: [1, 1, 1], compounding: 'median' } }),
      /^setup\/corrupt.*one of latest/,
    ],
    ['a negative voxel', JSON.stringify({ reconstruction: { spacingMm: [1, -1, 1] } }), /^setup\/corrupt.*spacingMm/],
    [
      'two truths',
      JSON.stringify({ probeFromImage: ROWS, transforms: [{ from: 'Image', to: 'Probe', matrix: ROWS }] }),
      /^setup\/contradictory/,
    ],
  ])('with %s is refused by name', (_, text, expected) => {
    expect(refusal(() => read(text))).toMatch(expected);
  });
});
