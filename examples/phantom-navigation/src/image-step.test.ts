import { isNavError, NavError, point } from '@trocar/core';
import type { PatientIdentity, Volume } from '@trocar/core/volume';
import { describe, expect, inject, it } from 'vitest';
import { phantomCase, withLimit } from './case.js';
import { CT } from './frames.js';
import { type ImageProgress, type ImageResult, ImageStep } from './image-step.js';
import { registerImages } from './register-images.js';
import { type SecondFault, secondErrorMm, simulatedSecond } from './second-image.js';

const effort = inject('effort');
const given = phantomCase(5, 3);
const { plan } = given;
const good = simulatedSecond(5, 'none', 3);

async function registered(second: Volume<'second'>): Promise<ImageStep> {
  const step = new ImageStep(given.volume, second, registerImages);
  await step.start();
  expect(step.stage).toBe('review');
  return step;
}

/** A registration that ends when it is told to. */
function pending(): {
  step: ImageStep;
  running: Promise<unknown>;
  how: ImageProgress;
  end(r: ImageResult): void;
  fail(e: unknown): void;
} {
  let how: ImageProgress | undefined;
  let end: (r: ImageResult) => void = () => undefined;
  let fail: (e: unknown) => void = () => undefined;
  const step = new ImageStep(given.volume, good.volume, (_, __, given) => {
    how = given;
    return new Promise<ImageResult>((resolve, reject) => {
      end = resolve;
      fail = reject;
    });
  });
  const running = step.start();
  return { step, running, how: how as unknown as ImageProgress, end, fail };
}

describe('a second image', () => {
  it('is found from anywhere, and accepted with an error bound that holds', async () => {
    const step = await registered(good.volume);
    expect(step.result?.outcome).toBe('ok');
    expect(step.accept(plan)).toBeUndefined();
    const { edge, how, at } = step.accepted as NonNullable<typeof step.accepted>;
    expect(how).toBe('checked');
    expect(edge.covariance).toBeDefined();
    expect(new Date(at).toISOString()).toBe(at);
    const error = secondErrorMm(edge, good.ctFromSecond, plan.target);
    expect(error).toBeLessThan(0.5);
    // Three times a 95 % radius is beyond one in a million for a Gaussian error.
    expect(error).toBeLessThan(3 * step.tre95Mm(plan.target));
    expect(step.tre95Mm(plan.target)).toBeLessThan(1.5);
    expect(step.isOpen).toBe(false);
    expect(step.takeBack()).toBeUndefined();
    expect(step).toMatchObject({ stage: 'left', accepted: undefined, pose: undefined, result: undefined });
    expect(step.tre95Mm(plan.target)).toBeNaN();
    expect(step.takeBack()).toMatchObject({ code: 'wrong-stage' });
    expect(step.reject()).toBeUndefined();
    expect(step).toMatchObject({ stage: 'waiting', isOpen: true });
  });

  it('is right on every seed, never right with left and right exchanged, and in noise never taken for proven', async () => {
    for (let seed = 1; seed <= 2 * effort; seed += 1) {
      const { volume: first, plan: way } = phantomCase(seed, 3);
      const outcome = async (fault: SecondFault): Promise<string> => {
        const { volume, ctFromSecond } = simulatedSecond(seed, fault, 3);
        const step = new ImageStep(first, volume, registerImages);
        await step.start();
        const result = step.result as ImageResult;
        if (result.outcome !== 'ok') return result.findings.some((f) => f.code === 'mirrored') ? 'mirrored' : result.outcome;
        const error = secondErrorMm(result.fixedFromMoving, ctFromSecond, way.target);
        return error <= 3 * step.tre95Mm(way.target) ? 'right' : `${error} mm off`;
      };
      expect(await outcome('none'), `seed ${seed}`).toBe('right');
      expect(await outcome('mirrored'), `seed ${seed}`).toBe('mirrored');
      expect(['ambiguous', 'failed', 'mirrored'], `seed ${seed}`).toContain(await outcome('noisy'));
    }
  });

  it('is not accepted beyond the limit of the plan', async () => {
    const step = await registered(good.volume);
    const strict = withLimit(given, step.tre95Mm(plan.target) * 0.9).plan;
    expect(step.accept(strict)).toMatchObject({ code: 'beyond-plan-limit' });
    expect(step.stage).toBe('review');
  });

  it('that shows too little is never accepted as checked, and by eye only with its own word and without a bound', async () => {
    const step = await registered(simulatedSecond(5, 'noisy', 3).volume);
    expect(step.result?.outcome).not.toBe('ok');
    expect(step.accept(plan)).toMatchObject({ code: step.result?.outcome });
    expect(step.tre95Mm(plan.target)).toBeNaN();
    expect(step.acceptByEye(false)).toMatchObject({ code: 'not-compared' });
    expect(step.stage).toBe('review');
    expect(step.acceptByEye(true)).toBeUndefined();
    const { edge, how, result } = step.accepted as NonNullable<typeof step.accepted>;
    expect(how).toBe('by-eye');
    expect(edge.covariance).toBeUndefined();
    expect(edge.provenance).toMatchObject({ method: 'by-eye' });
    expect(edge.provenance?.inputs).toContain(result.findings[0]?.code);
    expect([...(edge.matrix as Float64Array)]).toEqual([...(result.fixedFromMoving.matrix as Float64Array)]);
    expect(step.tre95Mm(plan.target)).toBeNaN();
  });

  it('with left and right exchanged is not accepted at all', async () => {
    const step = await registered(simulatedSecond(5, 'mirrored', 3).volume);
    expect(step.accept(plan)).toMatchObject({ code: 'failed' });
    expect(step.acceptByEye(true)).toMatchObject({ code: 'mirrored' });
    expect(step.stage).toBe('review');
    expect(step.leave()).toBeUndefined();
    expect(step.stage).toBe('left');
    expect(step.pose).toBeUndefined();
  });
});

describe('a running registration', () => {
  it('tells how far it is and where the best pose so far lies, and is no result', async () => {
    const { step, running, how, end } = pending();
    expect(step.stage).toBe('running');
    expect(step.pose).toBeUndefined();
    const ok = (await registered(good.volume)).result as ImageResult;
    how.progress(0.4);
    how.preview(ok.fixedFromMoving);
    expect(step.fraction).toBe(0.4);
    expect(step.pose).toBe(ok.fixedFromMoving);
    expect(step.accept(plan)).toMatchObject({ code: 'wrong-stage' });
    expect(step.acceptByEye(true)).toMatchObject({ code: 'wrong-stage' });
    expect(step.tre95Mm(plan.target)).toBeNaN();
    end(ok);
    await running;
    expect(step.stage).toBe('review');
  });

  it('is stopped at once, and nothing that comes later counts', async () => {
    const { step, running, how, end } = pending();
    const ok = (await registered(good.volume)).result as ImageResult;
    how.preview(ok.fixedFromMoving);
    step.abort();
    expect(how.signal.aborted).toBe(true);
    expect(step.stage).toBe('waiting');
    expect(step.pose).toBeUndefined();
    how.progress(0.9);
    how.preview(ok.fixedFromMoving);
    end(ok);
    await running;
    expect(step).toMatchObject({ stage: 'waiting', pose: undefined, result: undefined, fraction: 0 });
    expect(step.refusal?.code).toBe('aborted');
  });

  it('stops with the real registration too, which then ends by itself', async () => {
    const step = new ImageStep(given.volume, good.volume, registerImages);
    const running = step.start();
    step.abort();
    await running;
    expect(step).toMatchObject({ stage: 'waiting', result: undefined });
    await step.start();
    expect(step.stage).toBe('review');
  });

  it('that cannot be done is a refusal, and a fault of the program is not hidden', async () => {
    const first = pending();
    first.fail(new NavError('registration/failed', 'The image shows nothing.'));
    await first.running;
    expect(first.step).toMatchObject({ stage: 'waiting', refusal: { code: 'registration/failed' } });
    const second = pending();
    second.fail(new TypeError('a fault'));
    await expect(second.running).rejects.toThrow('a fault');
    expect(second.step.stage).toBe('waiting');
  });
});

describe('the wrong image', () => {
  const start = async (a: PatientIdentity, b: PatientIdentity): Promise<string | undefined> => {
    let asked = false;
    const step = new ImageStep({ ...given.volume, patient: a }, { ...good.volume, patient: b }, () => {
      asked = true;
      return Promise.reject(new NavError('registration/failed', 'no matter'));
    });
    await step.start();
    return asked ? undefined : step.refusal?.code;
  };

  it('of another patient is not registered', async () => {
    expect(await start({ id: 'A' }, { id: 'B' })).toBe('other-patient');
    expect(await start({ id: 'A', birthDate: '19500101' }, { id: 'A', birthDate: '19500102' })).toBe('other-patient');
    expect(await start({ sex: 'F' }, { sex: 'M' })).toBe('other-patient');
    expect(await start({ id: 'A', birthDate: '19500101' }, { id: 'B', birthDate: '19500101' })).toBeUndefined();
    expect(await start({ id: 'A' }, {})).toBeUndefined();
  });

  it('that shows nothing is a refusal of the registration itself', async () => {
    const nothing = { ...good.volume, voxels: good.volume.voxels.slice().fill(0) };
    const step = new ImageStep(given.volume, nothing, registerImages);
    const answer = await step.start();
    expect(answer?.code).toBe('registration/failed');
    expect(step.stage).toBe('waiting');
  });

  it('that is not there is no step', async () => {
    const step = new ImageStep(given.volume, undefined, registerImages);
    expect(step.stage).toBe('absent');
    expect(await step.start()).toMatchObject({ code: 'wrong-stage' });
    expect(step.leave()).toMatchObject({ code: 'wrong-stage' });
    expect(step.tre95Mm(point(CT, [0, 0, 0]))).toBeNaN();
    expect(isNavError(step.refusal)).toBe(false);
  });
});
