import { generateKeyPairSync } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { faultsOf, injectFaults } from './faults/inject.js';
import { figuresOf } from './figures.js';
import { blockPhantom } from './phantom.js';
import { LIMITS, measureAccuracy } from './protocol.js';
import { reportHtml } from './report.js';
import { signFiles, signingKey, wrongWith } from './sign.js';
import { simulatedStation, USUAL } from './simulated.js';

const phantom = blockPhantom();
const facts = { madeAt: 'now', source: 'a <test>', keyFingerprint: 'abcd', keyMadeForThisReport: true, limits: LIMITS };

describe('the accuracy test on a phantom', () => {
  const good = measureAccuracy(phantom, simulatedStation(21));

  it('finds the noise that the station has, and passes it', () => {
    expect(good.failures).toEqual([]);
    // 0.1 mm along each of three axes; 0.08 mm of seating, with what is left of a mean of 30 poses and the tip's lever.
    expect(Math.abs(good.staticNoise.positionRmsMm / (0.1 * Math.sqrt(3)) - 1)).toBeLessThan(0.1);
    expect(Math.abs(good.precisionMm / (0.08 * Math.sqrt(3)) - 1)).toBeLessThan(0.2);
    expect(good.tre.rms).toBeLessThan(3 * good.expectedTreRmsMm);
    expect(good.touches).toHaveLength(12 * 9);
    expect(good.distances.count).toBe(66);
  });

  it('finds a bent tip by the lean, as large as it is', () => {
    // The tip's error along the shaft adds a bias; across it the place moves with the direction of the lean.
    const bent = measureAccuracy(phantom, simulatedStation(22, { ...USUAL, bentMm: [2, 0, 0] }));
    expect(bent.angleSensitivityMm).toBeGreaterThan(3 * good.angleSensitivityMm);
  });

  it('finds a scale of 1 % and says so', () => {
    const scaled = measureAccuracy(phantom, simulatedStation(23, { ...USUAL, scale: 1.01 }));
    expect(scaled.pass).toBe(false);
    expect(scaled.failures.join()).toContain('Distances are');
    expect(Math.abs(1 / scaled.registration.scale - 1.01)).toBeLessThan(0.002);
    expect(scaled.registration.findings.length + scaled.failures.length).toBeGreaterThan(0);
  });

  it('writes a report of its own figures that loads nothing, with its words escaped', () => {
    const html = reportHtml(good, facts);
    expect(html).toContain(good.points.p95.toFixed(2));
    expect(html).toContain('a &lt;test&gt;');
    expect(html).not.toMatch(/<script|https?:|@import|url\(/u);
  });
});

describe('fault injection into a station that is fed with the poses', () => {
  it('is answered by its alarm in time; without a fault none comes; and the report says so', async () => {
    const names = 'occlusion,bumped reference,swapped tool,axis flip,scale of 1 %,frozen poses,crash at step "touch"';
    const results = await injectFaults(faultsOf(names), phantom, simulatedStation(24), 24);
    expect(results.map((r) => r.fault)).toEqual(['no fault', ...names.split(',')]);
    for (const r of results) {
      expect(r, r.fault).toMatchObject({ inTime: true });
      if (r.alarm === 'none') expect(r.raised).toEqual([]);
      else expect(r.raised).toContain(r.alarm);
    }
    expect(results[1]?.afterMs).toBeLessThan(120);
    const accuracy = measureAccuracy(phantom, simulatedStation(24));
    const html = reportHtml(accuracy, facts, results);
    expect(html).toContain('<code>reference-moved</code>');
    expect(html).toContain('Within all limits');
    const late = reportHtml(accuracy, facts, [{ ...results[1], inTime: false } as (typeof results)[number]]);
    expect(late).toContain('Not within the limits');
    expect(late).toContain('&quot;occlusion&quot; was not');
    expect(reportHtml(accuracy, facts)).toContain('No fault was injected');
  });

  it('finds that an alarm is missing where the fault is none, and that one comes without a fault', async () => {
    const harmless = { name: 'nothing', rule: 'pose-lost', of: () => ({}) };
    expect((await injectFaults([harmless], phantom, simulatedStation(25), 25))[1]).toMatchObject({
      inTime: false,
      afterMs: null,
    });
    // The clean procedure with a pointer whose scale is off.
    const off = simulatedStation(26, { ...USUAL, scale: 1.01 });
    const [clean] = await injectFaults([harmless], phantom, off, 26);
    expect(clean).toMatchObject({ fault: 'no fault', inTime: false, raised: ['scale-wrong'] });
  });

  it('refuses a fault that there is none of, and recordings without the pointer', async () => {
    expect(faultsOf('none')).toEqual([]);
    expect(() => faultsOf('ocklusion')).toThrow(/No fault is called "ocklusion".*occlusion/u);
    await expect(injectFaults(faultsOf('occlusion'), phantom, () => [], 1)).rejects.toThrow(/"pivot" the pointer was seen in 0/u);
  });
});

describe('the signature', () => {
  const files = { 'a.json': '{"x":1}', 'b.html': '<p>' };

  it('holds for what was signed, and for no changed, missing or added file', () => {
    const { key, made } = signingKey();
    const signed = signFiles(files, key, made);
    expect(wrongWith(files, signed)).toEqual([]);
    expect(wrongWith({ ...files, 'a.json': '{"x":2}' }, signed)).toHaveLength(1);
    expect(wrongWith({ 'a.json': files['a.json'] }, signed)).toHaveLength(1);
    expect(wrongWith({ ...files, 'c.txt': '' }, signed)).toHaveLength(1);
    const other = signFiles(files, signingKey().key, true);
    expect(wrongWith(files, { ...signed, signature: other.signature })).toHaveLength(1);
    expect(wrongWith(files, other, signed.publicKey)).toEqual(['It is signed with another key.']);
  });

  it('takes a key that is given, and no key of another kind', () => {
    const pem = (type: 'ed25519' | 'x25519'): string =>
      (type === 'ed25519' ? generateKeyPairSync('ed25519') : generateKeyPairSync('x25519')).privateKey
        .export({ type: 'pkcs8', format: 'pem' })
        .toString();
    expect(signingKey(pem('ed25519')).made).toBe(false);
    expect(() => signingKey(pem('x25519'))).toThrow(/x25519/);
  });
});

it('figures are those of a list worked out by hand', () => {
  expect(figuresOf([3, -1, 1, 1])).toEqual({ count: 4, mean: 1, sd: Math.sqrt(8 / 3), rms: Math.sqrt(3), p95: 3, max: 3 });
});
