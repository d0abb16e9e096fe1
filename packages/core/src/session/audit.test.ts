import { createHash, generateKeyPairSync, sign, verify } from 'node:crypto';
import { describe, expect, inject, it } from 'vitest';
import { Random } from '../math/index.js';
import { type AuditHead, headText, NO_LINES, parseHead, sealLine, verifyAudit } from './audit.js';
import { toExactJson } from './exact-json.js';

const LINES = 9;

/** A log of some lines, each as it would come from a procedure, and where each begins. */
function writeLog(lines = LINES): { bytes: Uint8Array; parts: Uint8Array[]; heads: AuditHead[] } {
  const parts: Uint8Array[] = [];
  const heads: AuditHead[] = [];
  let head = NO_LINES;
  for (let n = 0; n < lines; n += 1) {
    const payload = toExactJson({ edge: [n / 3, -0, Number.NaN], note: 'Überprüft “so”, \n 漢字 🩺', none: null });
    const draft = { utc: '2026-01-01T00:00:00.000Z', at: n * 17.25, actor: 'Dr. A', action: 'registration/accepted', payload };
    const sealed = sealLine(draft, head);
    head = sealed.head;
    heads.push(head);
    parts.push(sealed.bytes);
  }
  return { bytes: joined(parts), parts, heads };
}

const joined = (parts: readonly Uint8Array[]): Uint8Array => Uint8Array.from(parts.flatMap((part) => [...part]));

describe('the audit log', () => {
  it('is what was written, line by line, with the head that was told', () => {
    const { bytes, heads } = writeLog();
    const verdict = verifyAudit(bytes, heads.at(-1));
    expect(verdict).toMatchObject({ ok: true, head: heads.at(-1), goodBytes: bytes.length, finding: undefined });
    expect(verdict.entries.map((e) => e.sequence)).toEqual(Array.from({ length: LINES }, (_, n) => n + 1));
    for (const kept of heads) expect(verifyAudit(bytes, kept).ok).toBe(true);
    expect(verifyAudit(new Uint8Array(0)).ok).toBe(true);
  });

  it('finds every single changed byte, and names its line', () => {
    const { bytes, parts } = writeLog();
    const random = new Random(inject('seed') + 40);
    const lineOf = parts.flatMap((part, n) => Array.from(part, () => n + 1));
    // At an ordinary effort each byte takes one other value; at ten, all of its other values.
    const all = inject('effort') >= 10;
    let undetected = 0;
    let misplaced = 0;
    for (let i = 0; i < bytes.length; i += 1) {
      const values = all ? Array.from({ length: 255 }, (_, k) => k + 1) : [1 + random.below(255)];
      for (const by of values) {
        bytes[i] = (bytes[i] as number) ^ by;
        const { ok, finding } = verifyAudit(bytes);
        if (ok) undetected += 1;
        if (finding?.line !== lineOf[i]) misplaced += 1;
        bytes[i] = (bytes[i] as number) ^ by;
      }
    }
    expect({ undetected, misplaced }).toEqual({ undetected: 0, misplaced: 0 });
    expect(verifyAudit(bytes).ok).toBe(true);
  });

  it('finds lines that were removed, doubled, exchanged, put in and written anew', () => {
    const { parts, heads } = writeLog();
    const head = heads.at(-1);
    for (let n = 0; n < LINES; n += 1) {
      const without = verifyAudit(joined(parts.toSpliced(n, 1)), head).finding;
      expect(without).toMatchObject({ line: n + 1, fault: n === LINES - 1 ? 'cut-off' : 'out-of-sequence' });
      const doubled = verifyAudit(joined(parts.toSpliced(n, 0, parts[n] as Uint8Array)), head).finding;
      expect(doubled).toMatchObject({ line: n + 2, fault: 'out-of-sequence' });
      for (let m = n + 1; m < LINES; m += 1) {
        const swapped = parts.with(n, parts[m] as Uint8Array).with(m, parts[n] as Uint8Array);
        expect(verifyAudit(joined(swapped), head).finding).toMatchObject({ line: n + 1, fault: 'out-of-sequence' });
      }
    }
    // A line that is whole in itself, with the right number, but that follows another one.
    const forged = sealLine(
      { utc: '', at: 0, actor: 'x', action: 'y', payload: null },
      { count: 3, hash: (heads[1] as AuditHead).hash },
    );
    expect(verifyAudit(joined(parts.with(3, forged.bytes)), head).finding).toMatchObject({ line: 4, fault: 'broken-link' });
    // All later lines computed anew: only the head tells.
    const anew = sealLine({ utc: '', at: 0, actor: 'x', action: 'y', payload: null }, heads[LINES - 2] as AuditHead);
    const rewritten = joined(parts.with(LINES - 1, anew.bytes));
    expect(verifyAudit(rewritten).ok).toBe(true);
    expect(verifyAudit(rewritten, head).finding).toMatchObject({ line: LINES, fault: 'other-head' });
  });

  it('tells a log that was cut off: at a line by its head, within a line by itself', () => {
    const { bytes, parts, heads } = writeLog();
    let end = 0;
    for (let n = 0; n <= LINES; n += 1) {
      const cut = verifyAudit(bytes.subarray(0, end), heads.at(-1));
      expect(cut.finding?.fault).toBe(n === LINES ? undefined : 'cut-off');
      const part = parts[n];
      for (const k of part === undefined ? [] : [1, 2, 9, part.length >> 1, part.length - 2, part.length - 1]) {
        expect(verifyAudit(bytes.subarray(0, end + k)).finding).toMatchObject({ line: n + 1, fault: 'torn' });
      }
      end += part?.length ?? 0;
    }
  });

  it('can be checked with nothing of this library: cut each line at its hash, and take the SHA-256', () => {
    const { bytes, heads } = writeLog();
    const lines = new TextDecoder().decode(bytes).split('\n').slice(0, -1);
    lines.forEach((line, n) => {
      const [, entry = '', hash] = /^{"entry":(.*),"hash":"(.*)"}$/.exec(line) ?? [];
      expect(createHash('sha256').update(entry).digest('hex')).toBe(hash);
      expect(hash).toBe(heads[n]?.hash);
      expect(JSON.parse(entry)).toMatchObject({ sequence: n + 1, previous: heads[n - 1]?.hash ?? '0'.repeat(64) });
    });
  });

  it("has a head that a site can sign, and its text is the head's only one", () => {
    const head = writeLog().heads.at(-1) as AuditHead;
    const { privateKey, publicKey } = generateKeyPairSync('ed25519');
    const signature = sign(null, new TextEncoder().encode(headText(head)), privateKey);
    expect(verify(null, new TextEncoder().encode(headText(parseHead(headText(head)))), publicKey, signature)).toBe(true);
    const other = headText({ ...head, count: head.count - 1 });
    expect(verify(null, new TextEncoder().encode(other), publicKey, signature)).toBe(false);
    for (const text of ['', '{}', 'null', headText(head).replace('{', '{ '), headText(head).replace(/[0-9a-f]"}/, '"}')]) {
      expect(() => parseHead(text)).toThrow(expect.objectContaining({ code: 'session/damaged' }));
    }
  });
});
