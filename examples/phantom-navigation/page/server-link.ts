import { readVolume, setAssetsBase } from '@trocar/core/io';
import type { Volume } from '@trocar/core/volume';
import { type FetchedFile, fetchFiles, painted } from '../../suite/page/link.js';
import type { BodyName } from '../../suite/src/frames.js';
import { type NavigationCase, phantomCase, volumeCase, withLimit } from '../src/case.js';
import { CT, SECOND } from '../src/frames.js';
import { type SecondFault, simulatedSecond } from '../src/second-image.js';
import { t } from './texts/index.js';

/** What the server says of the procedure to be done: see `src/node/serve.ts`. */
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
  /** Whether the tracker hangs. */
  readonly frozen: boolean;
}

/** Reads the case in this page: the phantom is made here, files are fetched from the server and decoded here. */
export async function loadCase(facts: CaseFacts, progress: (text: string) => void): Promise<NavigationCase> {
  const made = await readCase(facts, progress);
  return facts.maxTre95Mm === undefined ? made : withLimit(made, facts.maxTre95Mm);
}

async function readCase(facts: CaseFacts, progress: (text: string) => void): Promise<NavigationCase> {
  if (facts.kind === 'phantom') {
    progress(t('Making the phantom …'));
    await painted();
    return phantomCase(facts.seed);
  }
  const volume = await readVolume(await files('image', facts.files, progress), {
    frame: CT,
    gaps: facts.gaps,
    ...(facts.seriesUid !== undefined && { seriesUid: facts.seriesUid }),
  });
  progress(t('Finding the skin …'));
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
  progress(t('Making the second image …'));
  await painted();
  if (facts.second === 'phantom') return simulatedSecond(facts.seed, fault).volume;
  return readVolume(await files('second', facts.secondFiles, progress), {
    frame: SECOND,
    ...(facts.secondSeriesUid !== undefined && { seriesUid: facts.secondSeriesUid }),
  });
}

function files(list: string, names: readonly string[], progress: (text: string) => void): Promise<FetchedFile[]> {
  setAssetsBase('/trocar');
  return fetchFiles(list, names, progress);
}
