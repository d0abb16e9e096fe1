import { readVolume, setAssetsBase } from '@trocar/core/io';
import { fetchFiles, painted } from '../../suite/page/link.js';
import { type BiopsyCase, importCase } from '../src/case.js';
import { CASE_FILES, unpackCase } from '../src/case-bytes.js';
import { MR, type ToolName } from '../src/frames.js';
import { phantomCase } from '../src/phantom-case.js';
import { type Marked, marked } from '../src/register-step.js';
import { t } from './texts/index.js';

/** What the server says of the case: see `src/main.ts`. */
export interface CaseFacts {
  /** `packed`: the server has it, from a study. */
  readonly kind: 'phantom' | 'files' | 'packed';
  readonly seed: number;
  /** WebSocket address of the bridge. */
  readonly bridge: string;
  /** Names of the files to be read, for `files`. */
  readonly mr: readonly string[];
  readonly lesions: readonly string[];
  readonly covered: readonly ToolName[];
  /** Whether results can be sent to an archive; undefined where nothing can be kept. */
  readonly results?: boolean;
}

/** The case, made here or fetched and decoded here. @throws NavError as `readVolume` and `importCase` */
export async function loadCase(facts: CaseFacts, progress: (text: string) => void): Promise<BiopsyCase> {
  if (facts.kind === 'phantom') {
    progress(t('Making the phantom …'));
    await painted();
    return phantomCase(facts.seed).given;
  }
  if (facts.kind === 'packed') return unpackCase((await fetchFiles('case', CASE_FILES, progress)).map((f) => f.bytes));
  setAssetsBase('/trocar');
  const mr = await readVolume(await fetchFiles('mr', facts.mr, progress), { frame: MR });
  const lesions = await readVolume(await fetchFiles('lesions', facts.lesions, progress), { frame: MR });
  return importCase(mr, lesions);
}

/** Where a scripted person marks landmarks in both images, not exactly. */
export async function scriptedMarks(names: readonly string[]): Promise<readonly Marked[]> {
  const response = await fetch('/bytes/marks');
  if (!response.ok) throw new Error(`The simulation answered ${response.status}.`);
  const all = (await response.json()) as Readonly<Record<string, { readonly mr: number[]; readonly reference: number[] }>>;
  return names.flatMap((name) => {
    const at = all[name];
    return at === undefined ? [] : [marked(name, at.mr, at.reference)];
  });
}
