import { afterEach, describe, expect, it } from 'vitest';
import { frame, PoseView } from '../frames/index.js';
import { systemClock } from '../time/index.js';
import { volume } from '../volume/index.js';
import { createStage, markOf, type Stage, singleLayout, type Tool } from './index.js';

const CT = frame('ct');
const ends: (() => void)[] = [];

afterEach(() => {
  for (const end of ends.splice(0)) end();
});

function stageWithTool(): { stage: Stage<'ct'>; tool: Tool } {
  const canvas = document.createElement('canvas');
  canvas.width = 256;
  canvas.height = 256;
  const stage = createStage(canvas, { frame: CT, layout: singleLayout('axial'), pixelRatio: 1, antialias: false });
  ends.push(() => stage.dispose());
  const frameFromIndex = Float64Array.of(2, 0, 0, 0, 0, 2, 0, 0, 0, 0, 2, 0, -40, -40, -40, 1);
  stage.setVolume(volume({ frame: CT, voxels: new Uint8Array(40 ** 3).fill(90), size: [40, 40, 40], frameFromIndex }));
  const tool = stage.addTool({ name: 'needle', geometry: { kind: 'needle', lengthMm: 80, radiusMm: 1 } });
  stage.latency.tool = tool;
  return { stage, tool };
}

const view = new PoseView();

/** Gives the tool a pose that was measured then. */
function give(tool: Tool, measured: number, status: 'ok' | 'missing' = 'ok'): void {
  view.status = status;
  view.times[0] = systemClock().now();
  view.times[1] = measured;
  view.matrix.set([1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 10 * Math.sin(measured / 300), 5, 3, 1]);
  tool.update(view);
}

describe('the number of a pose in the picture', () => {
  it('is read back as it was written, all 24 bits of it, and again after its round', () => {
    const { stage, tool } = stageWithTool();
    for (const measured of [0, 0.1, 12.8, 25.6, 6553.5, 6553.6, 1_234_567.8, 1_677_721.4, 1_677_721.6, 9e8 + 0.25]) {
      give(tool, measured);
      stage.render();
      expect(stage.latency.read(), String(measured)).toBe(markOf(measured));
    }
    expect(markOf(25.6)).toBe(256);
  });

  it('is none where no pose is drawn, and where nothing is measured', () => {
    const { stage, tool } = stageWithTool();
    give(tool, 12.3);
    give(tool, 12.4, 'missing');
    stage.render();
    expect(stage.latency.read()).toBeNaN();
    give(tool, Number.NaN);
    stage.render();
    expect(stage.latency.read()).toBeNaN();
    stage.latency.tool = undefined;
    give(tool, 12.5);
    stage.render();
    expect(stage.latency.read()).toBeNaN();
  });
});

/**
 * Of so many frames, the share that shows a pose at least as new as the newest that had arrived when the frame began. Poses come
 * about every 4 ms; `latch` decides when the tool is given the newest.
 */
async function newestShare(frames: number, latch: 'last thing before drawing' | 'with the frame before'): Promise<number> {
  const { stage, tool } = stageWithTool();
  const arrived: number[] = [];
  const timer = setInterval(() => arrived.push(performance.now()), 4);
  ends.push(() => clearInterval(timer));
  let next = Number.NaN;
  stage.start(() => {
    const newest = arrived.at(-1) ?? Number.NaN;
    give(tool, latch === 'last thing before drawing' ? newest : next);
    next = newest;
  });
  let shown = 0;
  let counted = 0;
  await new Promise<void>((done) => {
    // Asked for after the stage's, so called after it in each frame; `began` is when the browser began the frame.
    const look = (began: number): void => {
      const newest = arrived.findLast((t) => t <= began);
      if (newest !== undefined && arrived.length > 20) {
        counted += 1;
        // Numbers of poses some ms apart; what is drawn may be newer still.
        if (stage.latency.read() >= markOf(newest)) shown += 1;
      }
      if (counted < frames) requestAnimationFrame(look);
      else done();
    };
    requestAnimationFrame(look);
  });
  stage.stop();
  return shown / counted;
}

it('is that of the newest pose that had arrived when the frame began, in 99 % of frames', async () => {
  expect(await newestShare(200, 'last thing before drawing')).toBeGreaterThanOrEqual(0.99);
});

it('tells where a pose is given a frame too late', async () => {
  expect(await newestShare(60, 'with the frame before')).toBeLessThan(0.5);
});
