import { afterEach, describe, expect, it } from 'vitest';
import { frame } from '../../frames/index.js';
import { manualClock } from '../../testing/index.js';
import { volume } from '../../volume/index.js';
import { createStage, PALETTE, type Stage, singleLayout, type ViewName } from '../index.js';
import { AvoidStructure, BiopsyCores, EntryMap, type GuidanceGraphic, MARGIN_STEPS, MarginSurface, ProbeZones } from './index.js';
import { ball, placed } from './test-support/cases.js';
import { coreOf, MARGINS, SEARCH, SKIN, TUMOUR, zoneProbes } from './test-support/procedure-scenes.js';
import { host, poseOf } from './test-support/rig.js';

const CT = frame('ct');
const ends: (() => void)[] = [];
afterEach(() => {
  for (const end of ends.splice(0)) end();
});

/** A stage of one view that has drawn some frames of a volume, with rays (which hide the standing slices) or not, before anything else comes. */
function running(view: ViewName, rays = false): { stage: Stage<'ct'>; now: () => number } {
  const there = host();
  const clock = manualClock(1000);
  const stage = createStage(there, { frame: CT, clock, pixelRatio: 1, antialias: false, layout: singleLayout(view) });
  ends.push(() => {
    stage.dispose();
    there.remove();
  });
  const m = Float64Array.of(4, 0, 0, 0, 0, 4, 0, 0, 0, 0, 4, 0, -62, -62, -62, 1);
  stage.setVolume(volume({ frame: CT, voxels: new Int16Array(32 ** 3).fill(-1000), size: [32, 32, 32], frameFromIndex: m }));
  if (rays) stage.renderVolume({ transfer: 'ctBone' });
  for (let n = 0; n < 5; n += 1) {
    clock.advance(16);
    stage.render();
  }
  return { stage, now: () => clock.now() };
}

/** How many pixels have a hue, within 45 of 255 a channel, after one more frame. */
function count(stage: Stage<'ct'>, hex: string): number {
  stage.render();
  const { width, height } = stage.canvas;
  const gl = stage.canvas.getContext('webgl2') as WebGL2RenderingContext;
  const data = new Uint8Array(4 * width * height);
  gl.readPixels(0, 0, width, height, gl.RGBA, gl.UNSIGNED_BYTE, data);
  const wanted = [1, 3, 5].map((k) => Number.parseInt(hex.slice(k, k + 2), 16));
  let found = 0;
  for (let n = 0; n < data.length; n += 4) if (wanted.every((c, k) => Math.abs(c - (data[n + k] as number)) <= 45)) found += 1;
  return found;
}

const STEP = (MARGIN_STEPS[2] as { colour: string }).colour;

describe('what comes late to a stage that runs is drawn with the next frame', () => {
  it('a structure to avoid, the first time and after one was taken off', () => {
    const { stage, now } = running('3d', true);
    for (let n = 0; n < 2; n += 1) {
      expect(count(stage, PALETTE.alarm)).toBe(0);
      const structure = new AvoidStructure({ name: 'VESSEL', mesh: ball(0, 0, 0, 25) });
      structure.update(poseOf('ok', placed([26, 0, 0], [0, 0, 1]), now()));
      const off = stage.addGraphic(structure);
      expect(count(stage, PALETTE.alarm)).toBeGreaterThan(200);
      off();
      structure.dispose();
    }
  });

  it.each(['3d', 'coronal'] as const)('margins, added late, and those that are found only after that: %s', (view) => {
    const { stage } = running(view);
    const g = new MarginSurface({ kind: 'planned', surface: TUMOUR.surface });
    stage.addGraphic(g);
    expect(count(stage, STEP)).toBe(0);
    g.show(MARGINS);
    expect(count(stage, STEP)).toBeGreaterThan(25);
    g.show(undefined);
    expect(count(stage, STEP)).toBe(0);
  });

  it.each(['3d', 'coronal'] as const)('a core that is taken after the targets were shown: %s', (view) => {
    const { stage } = running(view);
    const g = new BiopsyCores({ frame: CT, coreRadiusMm: 2 });
    stage.addGraphic(g);
    expect(count(stage, PALETTE.fiducial)).toBe(0);
    g.setCores([coreOf('K', [-20, 0, 0], [20, 0, 0])]);
    expect(count(stage, PALETTE.fiducial)).toBeGreaterThan(100);
    g.setCores([]);
    expect(count(stage, PALETTE.fiducial)).toBe(0);
  });

  it.each(['3d', 'coronal'] as const)('zones that were achieved later: %s', (view) => {
    const { stage } = running(view, view === '3d');
    const g = new ProbeZones({ frame: CT, kind: 'achieved' });
    stage.addGraphic(g);
    expect(count(stage, PALETTE.fiducial)).toBe(0);
    g.setProbes(zoneProbes());
    expect(count(stage, PALETTE.fiducial)).toBeGreaterThan(100);
  });

  it('entries that were searched after the skin was shown', () => {
    const { stage } = running('3d');
    const g = new EntryMap({ skin: SKIN });
    stage.addGraphic(g);
    const before = count(stage, '#7f3806');
    g.setSearch(SEARCH);
    expect(count(stage, '#7f3806')).toBeGreaterThan(before + 200);
  });
});

it('the new graphics give back what they took of the GPU, as often as they come and go', () => {
  const { stage } = running('3d');
  stage.setLayout(singleLayout('coronal'));
  stage.render();
  stage.setLayout(singleLayout('3d'));
  stage.render();
  const before = stage.resources();
  for (let n = 0; n < 3; n += 1) {
    const margins = new MarginSurface({ kind: 'planned', surface: TUMOUR.surface });
    margins.show(MARGINS);
    const cores = new BiopsyCores({ frame: CT, targets: [{ name: 'A', shape: TUMOUR.surface }] });
    cores.setCores([coreOf('K', [-20, 0, 0], [20, 0, 0])]);
    cores.setCores([coreOf('L', [-20, 0, 0], [20, 0, 0])]);
    const zones = new ProbeZones({ frame: CT, kind: 'achieved' });
    zones.setProbes(zoneProbes());
    const entries = new EntryMap({ skin: SKIN });
    entries.setSearch(SEARCH);
    entries.choose(5);
    const all: GuidanceGraphic[] = [margins, cores, zones, entries];
    const off = all.map((g) => stage.addGraphic(g));
    for (const view of ['3d', 'coronal'] as const) {
      stage.setLayout(singleLayout(view));
      stage.render();
    }
    expect(stage.resources().geometries).toBeGreaterThan(before.geometries);
    for (const takeOff of off) takeOff();
    for (const g of [...all, ...all]) g.dispose();
    stage.setLayout(singleLayout('3d'));
    stage.render();
    expect(stage.resources()).toEqual(before);
  }
});
