import { describe, expect, inject, it } from 'vitest';
import { formatBound, formatNumber } from '../../guidance/index.js';
import { Random } from '../../math/index.js';
import { beginSession, REPORT_TEXT, type ReportInput, type ReportText, reportHtml } from '../index.js';
import { CT, parts, REFERENCE, STYLUS, TIP, wildAccuracy, wildEdge, wildPlan } from '../test-support/procedure.js';

const PIXEL =
  'data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR4nGNgYGD4DwABBAEAX+XDSwAAAABJRU5ErkJggg==';

/** A whole procedure, with one text wherever a text may stand. */
async function procedure(seed: number, said: string): Promise<ReportInput<'ct'>> {
  const random = new Random(seed);
  const session = await beginSession({ ...parts(), by: said, software: said, id: `id ${said}` });
  await session.acceptPlan(wildPlan(random), said);
  await session.acceptCalibration(wildEdge(STYLUS, TIP, random), said);
  const accuracy = wildAccuracy(random);
  const residuals = accuracy.residuals.map((r) => ({ ...r, label: said }));
  await session.acceptRegistration(wildEdge(CT, REFERENCE, random), { ...accuracy, residuals, findings: [said] }, said);
  await session.withdrawRegistration(said, said);
  await session.acceptRegistration(wildEdge(CT, REFERENCE, random), { ...accuracy, residuals, findings: [said] }, said);
  await session.acceptRecord(
    said,
    said,
    { said, depthMm: random.normal(), at: [1, Number.NaN], inner: { said }, sure: false, matrix: new Float64Array(16) },
    said,
  );
  await session.note('alarm', said, said, said, { ageMs: Number.NaN });
  await session.enterStep(said, said);
  return {
    state: session.state,
    audit: await session.audit(),
    made: new Date(0),
    patient: { name: said, id: said, birthDate: said, sex: said },
    images: { modality: said, description: said, frameOfReferenceUid: said },
    pictures: [{ dataUrl: PIXEL, caption: said }],
    tables: [{ title: said, columns: [{ label: said, unit: said }, { label: said }], rows: [[said, Number.NaN]] }],
  };
}

/** The elements of a document by their names, and whether each that was opened was closed, in order. */
function elements(document: string): { readonly names: readonly string[]; readonly balanced: boolean } {
  const names: string[] = [];
  const open: string[] = [];
  const empty = new Set(['meta', 'br', 'img']);
  const inner = document.replace(/<style>[^<]*<\/style>/, '');
  for (const [, end, name, self] of inner.matchAll(/<(\/?)([a-z][a-z0-9]*)(?:\s(?:[^"'<>]|"[^"<>]*")*?)?(\/?)>/g)) {
    if (end === '/') {
      if (open.pop() !== name) return { names, balanced: false };
    } else {
      names.push(name as string);
      if (self !== '/' && !empty.has(name as string)) open.push(name as string);
    }
  }
  return { names, balanced: open.length === 0 };
}

const visible = (document: string): string =>
  document
    .replace(/<style>.*?<\/style>|<title>.*?<\/title>/gs, ' ')
    .replace(/<[^>]*>/g, ' ')
    .replace(/\s+/g, ' ');

describe('a report', () => {
  it('shows no text as anything but text, wherever it stands', async () => {
    const attacks = [
      '<script>alert(1)</script>',
      '"><img src=x onerror=alert(1)>',
      "' onload='alert(1)",
      '</style><script>1</script>',
      '</title><b>',
      '&lt;b&gt;<!-- -->]]>',
      '\u202eevil\u0007\u0000',
      '"; } body { display: none } a { content: "',
    ];
    for (const attack of attacks) {
      const document = reportHtml(await procedure(1, attack));
      const plain = elements(reportHtml(await procedure(1, 'x'.repeat(attack.length))));
      expect(elements(document)).toEqual(plain);
      expect(plain.balanced).toBe(true);
      expect(plain.names).not.toContain('script');
      for (const control of ['\u0000', '\u0007', '\u202e']) expect(document).not.toContain(control);
      const style = /<style>(.*?)<\/style>/s.exec(document)?.[1] as string;
      expect(style).not.toContain('display: none }');
      expect((style.match(/\{/g) ?? []).length).toBe((style.match(/\}/g) ?? []).length);
    }
  });

  it('loads nothing: no address, no link, and a policy that allows none', async () => {
    const document = reportHtml(await procedure(2, 'said'));
    expect(document).not.toMatch(/https?:|\/\/|url\(|@import|<link|href=/);
    expect([...document.matchAll(/src="([^"]*)"/g)].map((m) => m[1])).toEqual([PIXEL]);
    expect(document.indexOf("default-src 'none'")).toBeLessThan(document.indexOf('<style>'));
    for (const dataUrl of ['https://x/y.png', 'javascript:alert(1)', 'data:text/html;base64,PGI+', `${PIXEL}" onload="x`, '']) {
      const input = { ...(await procedure(2, 'said')), pictures: [{ dataUrl, caption: 'x' }] };
      expect(() => reportHtml(input)).toThrow(expect.objectContaining({ code: 'session/bad-value' }));
    }
  });

  it('says what was accepted, by whom, with the numbers that were accepted, and a dash for what is not known', async () => {
    for (let seed = 0; seed < 10 * inject('effort'); seed += 1) {
      const input = await procedure(inject('seed') + 50 + seed, 'said');
      const document = reportHtml(input);
      const text = visible(document);
      const { accuracy } = input.state.registration as NonNullable<typeof input.state.registration>;
      const { maxTre95Mm } = (input.state.plan as NonNullable<typeof input.state.plan>).plan;
      expect(text).toContain(formatBound(accuracy.tre95Mm, 2).replace(/\u202f/g, ' '));
      expect(text).toContain(`said ${formatNumber(accuracy.residuals[0]?.residualMm as number, 2)}`);
      expect(text).toContain(formatNumber(accuracy.fleMm, 2));
      expect(text.includes(REPORT_TEXT.keepsLimit)).toBe(maxTre95Mm !== undefined && accuracy.tre95Mm <= maxTre95Mm);
      expect(text.includes(REPORT_TEXT.beyondLimit)).toBe(maxTre95Mm !== undefined && accuracy.tre95Mm > maxTre95Mm);
      expect(text.includes(REPORT_TEXT.acknowledged)).toBe(accuracy.acknowledged);
      expect(text).not.toMatch(/NaN|undefined|null|\[object|Infinity|false|true(?! error)/);
      expect(document.replace(/(?<=[0-9a-f]{8}) (?=[0-9a-f]{8})/g, '')).toContain(input.audit.head.hash);
      expect(text.match(/Registration accepted/g)).toHaveLength(2);
      expect(text).toContain('Registration withdrawn said');
    }
  });

  it('never takes an unknown bound for one within the limit', async () => {
    const session = await beginSession({ ...parts(), by: 'a', software: 'b' });
    const plan = { ...wildPlan(new Random(3)), maxTre95Mm: 2 };
    await session.acceptPlan(plan, 'a');
    const accuracy = { ...wildAccuracy(new Random(3)), tre95Mm: Number.NaN };
    await session.acceptRegistration(wildEdge(CT, REFERENCE, new Random(3)), accuracy, 'a');
    const document = reportHtml({ state: session.state, audit: await session.audit(), made: new Date(0) });
    expect(document).toContain('<div class="bound bad">');
    expect(visible(document)).toContain(`– ${REPORT_TEXT.unknownBound}`);
    expect(visible(document)).not.toContain(REPORT_TEXT.keepsLimit);
  });

  it('has every word from its catalogue', async () => {
    const mute = (value: unknown): unknown =>
      typeof value === 'string' ? '§' : Object.fromEntries(Object.entries(value as object).map(([k, v]) => [k, mute(v)]));
    const input = { ...(await procedure(4, 'said')), text: mute(REPORT_TEXT) as ReportText };
    const words = new Set(
      visible(reportHtml(input))
        .replace(/\b[0-9a-f]{8}\b/g, '')
        .match(/\p{L}{3,}/gu),
    );
    // What is left are words of the application: names of frames, methods and fields.
    expect([...words].sort()).toEqual(
      ['Depth', 'Inner', 'Said', 'Sure', 'UTC', 'from', 'paired', 'points', 'reference', 'said', 'stylus', 'tip'].sort(),
    );
  });

  it('is refused of a log that is another, or not the whole one', async () => {
    const input = await procedure(5, 'said');
    const { audit } = await procedure(6, 'other');
    for (const wrong of [
      audit,
      { ...input.audit, entries: input.audit.entries.slice(0, -1) },
      { entries: [], head: input.audit.head },
    ]) {
      expect(() => reportHtml({ ...input, audit: wrong })).toThrow(expect.objectContaining({ code: 'session/bad-value' }));
    }
  });
});
