import { readVolume, setAssetsBase } from '@trocar/core/io';
import type { Volume } from '@trocar/core/volume';
import type { BodyName } from '../../suite/src/frames.js';
import { type NavigationCase, phantomCase, volumeCase, withLimit } from '../src/case.js';
import { CT, SECOND } from '../src/frames.js';
import { type SecondFault, simulatedSecond } from '../src/second-image.js';

/** What the server says of the procedure to be done: see `src/node/page-server.ts`. */
export interface CaseFacts {
  readonly kind: 'phantom' | 'files';
  readonly seed: number;
  /** WebSocket address of the bridge. */
  readonly bridge: string;
  /** Names of the files to be read, for `files`. */
  readonly files: readonly string[];
  /** Which second image there is, and the names of its files, for `files`. */
  readonly second: 'phantom' | 'files' | 'none';
  readonly secondFiles: readonly string[];
  /** What is to be done where slices are missing. */
  readonly gaps: 'refuse' | 'interpolate';
  /** Which series, where the files hold several. */
  readonly seriesUid?: string;
  /** Which series of the second image's files, where they hold several. */
  readonly secondSeriesUid?: string;
  /** The largest error at the target that the plan allows, mm; absent: that of the case. */
  readonly maxTre95Mm?: number;
  /** Tools that are covered now: by another page, or by this one before it was loaded again. */
  readonly covered: readonly BodyName[];
}

/** What the simulated hand is asked to do. */
export type HandOrder =
  | { readonly touch: number; readonly besideMm: number }
  | { readonly divot: true }
  | { readonly pivot: { readonly coneDeg: number } }
  | { readonly insert: { readonly beyondMm: number; readonly entry: number[]; readonly target: number[] } }
  | { readonly retract: true }
  | { readonly cover: BodyName; readonly hidden: boolean }
  | { readonly plug: boolean };

async function json(response: Response): Promise<unknown> {
  if (!response.ok) throw new Error(`${response.url} answered ${response.status}: ${await response.text()}`);
  return response.json();
}

/** The facts of the case. */
export async function caseFacts(): Promise<CaseFacts> {
  return (await json(await fetch('/case'))) as CaseFacts;
}

/** Sends the hand to do something; the moment it will be done, in ms from now. */
export async function order(what: HandOrder): Promise<number> {
  const body = JSON.stringify(what);
  const answer = (await json(
    await fetch('/order', { method: 'POST', headers: { 'content-type': 'application/json' }, body }),
  )) as { readonly doneInMs: number };
  return answer.doneInMs;
}

/** Reads the case in this page: the phantom is made here, files are fetched from the server and decoded here. */
export async function loadCase(facts: CaseFacts, progress: (text: string) => void): Promise<NavigationCase> {
  const made = await readCase(facts, progress);
  return facts.maxTre95Mm === undefined ? made : withLimit(made, facts.maxTre95Mm);
}

async function readCase(facts: CaseFacts, progress: (text: string) => void): Promise<NavigationCase> {
  if (facts.kind === 'phantom') {
    progress('Making the phantom …');
    await painted();
    return phantomCase(facts.seed);
  }
  const files = await fetched('image', facts.files, progress);
  const volume = await readVolume(files, {
    frame: CT,
    gaps: facts.gaps,
    ...(facts.seriesUid !== undefined && { seriesUid: facts.seriesUid }),
  });
  progress('Finding the skin …');
  await painted();
  return volumeCase(volume, facts.seed);
}

/**
 * The second image: made here, or fetched and decoded here; undefined where there is none.
 * @param fault of a simulated one
 */
export async function loadSecond(
  facts: CaseFacts,
  progress: (text: string) => void,
  fault: SecondFault = 'none',
): Promise<Volume<'second'> | undefined> {
  if (facts.second === 'none') return undefined;
  progress('Making the second image …');
  await painted();
  if (facts.second === 'phantom') return simulatedSecond(facts.seed, fault).volume;
  return readVolume(await fetched('second', facts.secondFiles, progress), {
    frame: SECOND,
    ...(facts.secondSeriesUid !== undefined && { seriesUid: facts.secondSeriesUid }),
  });
}

/** Files of the server, with their names: the last word before they are decoded is said too. */
async function fetched(
  from: 'image' | 'second',
  names: readonly string[],
  progress: (text: string) => void,
): Promise<{ readonly name: string; readonly bytes: Uint8Array<ArrayBuffer> }[]> {
  setAssetsBase('/trocar');
  let got = 0;
  const files = await Promise.all(
    names.map(async (name, n) => {
      const response = await fetch(`/files/${from}/${n}`);
      if (!response.ok) throw new Error(`${name}: ${response.status}`);
      const bytes = new Uint8Array(await response.arrayBuffer());
      got += 1;
      progress(`Reading ${got} of ${names.length} files …`);
      return { name, bytes };
    }),
  );
  progress('Decoding …');
  return files;
}

/** After the next frame is on the screen: for words that must be seen before the page is busy. */
export function painted(): Promise<void> {
  return new Promise((resolve) => requestAnimationFrame(() => setTimeout(resolve, 0)));
}

/** Some time later. */
export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
