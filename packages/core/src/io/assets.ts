import { NavError } from '../base/index.js';

/** Where a browser finds the decoders. Everything is same-origin or as the application decides: never a default. */
export interface AssetLocation {
  /** Folder of the pipelines (`*.js`, `*.wasm.zst`), for example `/trocar/pipelines`. */
  readonly pipelines: string;
  /** The pipeline worker's script, for example `/trocar/itk-wasm-pipeline.worker.js`. */
  readonly worker: string;
  /** Makes the worker where an application must do it itself (Electron, a strict content security policy). */
  readonly createWorker?: (url: string) => Worker;
}

let location: AssetLocation | undefined;

/**
 * Says where the WASM assets are served from. Needed once in a browser before the first read; Node takes them from
 * the installed packages. `trocar-volume assets DIR` puts them in place: then pass the path DIR is served under
 * (`setAssetsBase('/trocar')`), or name the two places yourself. `undefined` takes the setting back.
 */
export function setAssetsBase(base: string | AssetLocation | undefined): void {
  if (typeof base !== 'string') {
    location = base;
    return;
  }
  const root = base.replace(/\/+$/, '');
  location = { pipelines: `${root}/pipelines`, worker: `${root}/${WORKER_FILE}` };
}

/** The name the worker's script is copied under. */
export const WORKER_FILE = 'itk-wasm-pipeline.worker.js';

/**
 * The configured place.
 * @throws NavError `assets/not-configured`: an operating room has no internet, so there is no default to fall back to
 */
export function requireAssetLocation(): AssetLocation {
  if (location === undefined) {
    throw new NavError(
      'assets/not-configured',
      'The image decoders have no place to be loaded from. Copy them beside the page with "npx trocar-volume assets ' +
        'public/trocar" and call setAssetsBase("/trocar") before reading. Nothing is ever fetched from elsewhere.',
    );
  }
  return location;
}

/** Found once per address: a missing file, or a server that answers every address with its start page. */
const found = new Set<string>();

/**
 * Makes sure that an asset is where it was said to be, before a worker fails on it without a word.
 * @param url absolute address
 * @throws NavError `assets/missing`
 */
export async function requireAsset(url: string): Promise<void> {
  if (found.has(url)) return;
  const answer = await fetch(url, { method: 'HEAD' }).catch(() => undefined);
  if (!answer?.ok || answer.headers.get('content-type')?.includes('text/html')) {
    throw new NavError(
      'assets/missing',
      `The asset "${url}" is not there (${answer ? `status ${answer.status}` : 'no answer'}). ` +
        'Run "npx trocar-volume assets DIR" again and check the path given to setAssetsBase().',
      { detail: { url } },
    );
  }
  found.add(url);
}
