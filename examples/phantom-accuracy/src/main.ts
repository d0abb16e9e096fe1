/**
 * The accuracy of a whole system on a phantom: `node --conditions=@trocar/source --import tsx examples/phantom-accuracy/src/main.ts`
 *
 * `--json`: the last line is one JSON object. `--out DIR`: the report and its signature (default out/phantom-accuracy). `--key FILE`: an
 * Ed25519 key in PEM to sign with. `--seed N`: of the simulated station. `--protocol`: prints the prompts as JSON. `--recordings FILE`: with a
 * real tracker, a JSON object of poses by prompt, each `{ matrix, timeMs, status }`, reference from pointer. `--faults LIST`: which faults are
 * then injected into a station that is fed with the same poses: all (the default), none, or names with commas between. `--verify DIR`.
 * Exit code 0 only where all is within the limits and every alarm came in time, or the signature holds.
 */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import type { CalibrationPose } from '@trocar/registration';
import { faultsOf, injectFaults } from './faults/inject.js';
import { blockPhantom } from './phantom.js';
import { promptsFor, type Recordings } from './prompts.js';
import { LIMITS, measureAccuracy } from './protocol.js';
import { reportHtml } from './report.js';
import { fingerprint, publicKeyOf, type Signature, signFiles, signingKey, wrongWith } from './sign.js';
import { simulatedStation } from './simulated.js';

const FILES = ['accuracy.json', 'accuracy.html'] as const;
const SIGNATURE = 'signature.json';

const { values } = parseArgs({
  options: {
    json: { type: 'boolean', default: false },
    out: { type: 'string', default: 'out/phantom-accuracy' },
    key: { type: 'string' },
    seed: { type: 'string', default: '1' },
    protocol: { type: 'boolean', default: false },
    recordings: { type: 'string' },
    faults: { type: 'string', default: 'all' },
    verify: { type: 'string' },
  },
});

if (values.protocol) console.log(JSON.stringify(promptsFor(blockPhantom()), null, 2));
else if (values.verify !== undefined) process.exitCode = checked(values.verify);
else process.exitCode = await measured();

/** Poses recorded with a real tracker. */
function recorded(file: string): Recordings {
  const all = JSON.parse(readFileSync(file, 'utf8')) as Readonly<Record<string, readonly CalibrationPose[]>>;
  return ({ name }) => {
    const poses = all[name];
    if (poses === undefined) throw new Error(`${file} has no poses of "${name}". --protocol prints all prompts.`);
    return poses;
  };
}

/** The same poses of a prompt, whoever asks: a simulated hand would hold it otherwise the second time. */
function kept(record: Recordings): Recordings {
  const taken = new Map<string, readonly CalibrationPose[]>();
  return (prompt) => {
    const poses = taken.get(prompt.name) ?? record(prompt);
    taken.set(prompt.name, poses);
    return poses;
  };
}

async function measured(): Promise<number> {
  const seed = Number(values.seed);
  const source = values.recordings === undefined ? `Simulated station, seed ${seed}` : `Recorded: ${values.recordings}`;
  const chosen = faultsOf(values.faults);
  const record = kept(values.recordings === undefined ? simulatedStation(seed) : recorded(values.recordings));
  const accuracy = measureAccuracy(blockPhantom(), record);
  const faults = await injectFaults(chosen, blockPhantom(), record, seed);
  const { key, made } = signingKey(values.key === undefined ? undefined : readFileSync(values.key, 'utf8'));
  const facts = {
    madeAt: new Date().toISOString(),
    source,
    keyFingerprint: fingerprint(publicKeyOf(key)),
    keyMadeForThisReport: made,
    limits: LIMITS,
  };
  const files = {
    'accuracy.json': `${JSON.stringify({ ...facts, ...accuracy, faults }, null, 2)}\n`,
    'accuracy.html': reportHtml(accuracy, facts, faults),
  };
  mkdirSync(values.out, { recursive: true });
  for (const name of FILES) writeFileSync(join(values.out, name), files[name]);
  writeFileSync(join(values.out, SIGNATURE), `${JSON.stringify(signFiles(files, key, made), null, 2)}\n`);
  const missed = faults.filter((f) => !f.inTime).map((f) => f.fault);
  const pass = accuracy.pass && missed.length === 0;
  const { touches: _, ...figures } = accuracy;
  if (values.json) console.log(JSON.stringify({ source, report: join(values.out, 'accuracy.html'), ...figures, faults, pass }));
  else
    say(pass, [
      ...accuracy.failures,
      `95 % of touches within ${accuracy.points.p95.toFixed(2)} mm; report in ${values.out}`,
      ...(faults.length === 0 ? ['No fault was injected.'] : [faultsLine(faults.length, missed)]),
    ]);
  if (made && !values.json)
    console.log(`Signed with a key made for this report, ${facts.keyFingerprint}. Give --key to sign as yourself.`);
  return pass ? 0 : 1;
}

function faultsLine(count: number, missed: readonly string[]): string {
  const answered = `Fault injection: ${count - missed.length} of ${count} procedures answered as they must be`;
  return missed.length === 0 ? `${answered}.` : `${answered}; not: ${missed.join(', ')}.`;
}

function checked(folder: string): number {
  const files = Object.fromEntries(FILES.map((name) => [name, readFileSync(join(folder, name), 'utf8')]));
  const signature = JSON.parse(readFileSync(join(folder, SIGNATURE), 'utf8')) as Signature;
  const expected = values.key === undefined ? undefined : publicKeyOf(signingKey(readFileSync(values.key, 'utf8')).key);
  const wrong = wrongWith(files, signature, expected);
  say(wrong.length === 0, wrong.length === 0 ? [`Signed with ${fingerprint(signature.publicKey)}; nothing changed.`] : wrong);
  return wrong.length === 0 ? 0 : 1;
}

function say(good: boolean, lines: readonly string[]): void {
  console.log([good ? 'OK' : 'NOT OK', ...lines].join('\n'));
}
