import type { VolumeFile } from '@trocar/core/io';
import type { Contender, Drawn, RunOptions } from './shared.js';

/** What the benchmark tells a page. */
export interface PageOrder extends RunOptions {
  readonly who: 'trocar' | 'peer';
  /** Where the files are served, and what they are called. */
  readonly files: readonly { readonly url: string; readonly name: string }[];
}

declare global {
  /** Fetches files and code first; then the clock runs, once in a page. */
  var firstSlice: (order: PageOrder) => Promise<Drawn>;
}

async function contender(who: PageOrder['who']): Promise<Contender> {
  return who === 'trocar' ? (await import('./trocar.js')).trocar : (await import('./peer.js')).peer;
}

globalThis.firstSlice = async (order) => {
  const it = await contender(order.who);
  it.prepare();
  const files = await Promise.all(
    order.files.map(async ({ url, name }): Promise<VolumeFile> => {
      const response = await fetch(url);
      if (!response.ok) throw new Error(`${name}: ${response.status}`);
      return { name, bytes: new Uint8Array(await response.arrayBuffer()) };
    }),
  );
  const view = document.querySelector('#view');
  if (!(view instanceof HTMLElement)) throw new Error('The page has no view.');
  // What fetching left to do is over, and the page is at rest.
  await new Promise((resolve) => setTimeout(resolve, 300));
  return it.run(view, files, { gaps: order.gaps, sorted: order.sorted });
};
