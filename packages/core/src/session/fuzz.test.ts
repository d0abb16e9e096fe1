import fc from 'fast-check';
import { describe, expect, inject, it } from 'vitest';
import { isNavError } from '../base/index.js';
import { Random } from '../math/index.js';
import { bytesInput, memoryOutput, Recorder, Recording } from '../recording/index.js';
import { manualClock } from '../testing/index.js';
import { headText, sealLine, verifyAudit } from './audit.js';
import { type JsonValue, toExactJson } from './exact-json.js';
import { GUIDANCE_EVENTS } from './guidance-run.js';
import { beginSession, memoryStorage, replayGuidance, restoreSession } from './index.js';
import { keptEdge, keptPlan } from './kept.js';
import { CT, parts, REFERENCE, wildAccuracy, wildEdge, wildPlan, wildView } from './test-support/procedure.js';

/** Whatever is handed in, the answer is a value or a refusal with a code. */
async function refusedOr(work: () => Promise<unknown>): Promise<'done' | 'refused'> {
  try {
    await work();
    return 'done';
  } catch (error) {
    if (isNavError(error)) return 'refused';
    throw error;
  }
}

/** A JSON value with some part of it replaced. */
function mutated(value: JsonValue, by: JsonValue, random: Random): JsonValue {
  if (typeof value !== 'object' || value === null || random.below(4) === 0) return by;
  if (Array.isArray(value)) {
    const at = random.below(value.length + 1);
    return value.length > at ? value.map((v, i) => (i === at ? mutated(v, by, random) : v)) : [...value, by];
  }
  const entries = Object.entries(value as Readonly<Record<string, JsonValue>>);
  const at = random.below(entries.length + 1);
  if (at === entries.length) return { ...(value as object), extra: by };
  return Object.fromEntries(entries.map(([k, v], i) => [k, i === at ? mutated(v, by, random) : v]));
}

const odd = fc.oneof(
  fc.jsonValue({ maxDepth: 2 }) as fc.Arbitrary<JsonValue>,
  fc.constantFrom<JsonValue>({ $double: 'NaN' }, { $double: 'Infinity' }, 1e300, -1, [], {}, null, '', '__proto__'),
);

describe('whatever stands in a session', () => {
  it('is restored or refused with a code: also where a log was chained anew around nonsense', async () => {
    const random = new Random(inject('seed') + 1);
    const payloads: Readonly<Record<string, JsonValue>> = {
      'plan/accepted': toExactJson(keptPlan(wildPlan(random))),
      'plan-set/accepted': { plan: '{"format":"trocar-plan","version":1}', side: 'left' },
      'calibration/accepted': toExactJson(keptEdge(wildEdge(CT, REFERENCE, random))),
      'registration/accepted': toExactJson({
        edge: keptEdge(wildEdge(CT, REFERENCE, random)),
        accuracy: { ...wildAccuracy(random) } as never,
      }),
      'view/set': toExactJson({ name: 'axial', view: wildView(random) }),
      'step/entered': { step: 'one' },
      'record/accepted': { kind: 'core', id: '1', value: { at: 1 } },
      'event/noted': { level: 'note', name: 'n', message: 'm' },
      'session/later': {},
    };
    const seen = { done: 0, refused: 0 };
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...Object.keys(payloads)), odd, async (action, by) => {
        const p = parts();
        await beginSession({ ...p, by: 'a', software: 'b' });
        const { journal, head } = await p.storage.load();
        const first = verifyAudit(journal).head;
        const payload = mutated(payloads[action] as JsonValue, by, random);
        const line = sealLine({ utc: '', at: 0, actor: 'x', action, payload }, first);
        await p.storage.append(line.bytes, journal.length);
        await p.storage.keepHead(headText(line.head));
        expect(head).toBe(headText(first));
        seen[await refusedOr(() => restoreSession({ ...parts(), storage: p.storage, by: 'a' }))] += 1;
      }),
    );
    expect(seen.refused).toBeGreaterThan(0);
  });

  it('is restored or refused where bytes of journal and head are others, lost or put in', async () => {
    const p = parts();
    const session = await beginSession({ ...p, by: 'a', software: 'b' });
    await session.acceptPlan(wildPlan(new Random(2)), 'a');
    await session.enterStep('one', 'a');
    const { journal, head = '' } = await p.storage.load();
    const whole = Uint8Array.from([...journal, ...new TextEncoder().encode(head)]);
    await fc.assert(
      fc.asyncProperty(fc.nat(whole.length - 1), fc.nat(40), fc.uint8Array({ maxLength: 40 }), async (at, lost, put) => {
        const bytes = Uint8Array.from([...whole.subarray(0, at), ...put, ...whole.subarray(at + lost)]);
        const cut = Math.max(0, bytes.length - head.length);
        const storage = memoryStorage();
        await storage.append(bytes.subarray(0, cut), 0);
        await storage.keepHead(new TextDecoder().decode(bytes.subarray(cut)));
        const answer = await refusedOr(() => restoreSession({ ...parts(), storage, by: 'a' }));
        // Nothing but the very same bytes is taken: both files are covered to the last.
        const same = bytes.length === whole.length && bytes.every((b, i) => b === whole[i]);
        expect(answer).toBe(same ? 'done' : 'refused');
      }),
    );
  });

  it('is replayed or refused where the events of a guidance are others', async () => {
    const random = new Random(inject('seed') + 3);
    const setup: JsonValue = {
      frame: 'ct',
      streams: [
        {
          device: 'd',
          tool: 't',
          to: 'tracker',
          from: 'tip',
          options: { predictMs: 20, noise: { positionSdMm: 1, rotationSdRad: 0 } },
        },
      ],
      guides: [{ name: 'g', tip: 'tip', toolAxis: [0, 0, 1], limits: { onTargetMm: 1 } }],
    };
    const events: readonly (readonly [string, JsonValue])[] = [
      [GUIDANCE_EVENTS.setup, setup],
      [GUIDANCE_EVENTS.edge, toExactJson(keptEdge(wildEdge(CT, REFERENCE, random)))],
      [GUIDANCE_EVENTS.plan, toExactJson(keptPlan(wildPlan(random)))],
      [GUIDANCE_EVENTS.removed, { a: 'ct', b: 'reference' }],
      [GUIDANCE_EVENTS.tick, { at: 10, numbers: ['AAAA'] }],
    ];
    await fc.assert(
      fc.asyncProperty(fc.nat(events.length - 1), odd, async (which, by) => {
        const output = memoryOutput();
        const recorder = new Recorder({ output, clock: manualClock(5) });
        events.forEach(([name, data], i) => void recorder.event(name, i === which ? mutated(data, by, random) : data));
        await recorder.close();
        await refusedOr(() => replayGuidance(new Recording(bytesInput(output.bytes()))));
      }),
    );
  });
});
