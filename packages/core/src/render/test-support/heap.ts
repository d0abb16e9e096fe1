import { cdp } from 'vitest/browser';

/** A node of V8's sampling heap profile: what one function allocated, its callees apart. */
interface HeapNode {
  readonly callFrame: { readonly functionName: string; readonly url: string; readonly lineNumber: number };
  readonly selfSize: number;
  readonly children: readonly HeapNode[];
}

interface Cdp {
  send(method: string, params?: object): Promise<unknown>;
}

/** Bytes allocated while `work` ran, what was collected meanwhile included, by function; sampled about every `interval` bytes. */
export async function allocated(work: () => void, interval: number): Promise<Map<string, number>> {
  const session = cdp() as unknown as Cdp;
  await session.send('HeapProfiler.startSampling', {
    samplingInterval: interval,
    includeObjectsCollectedByMajorGC: true,
    includeObjectsCollectedByMinorGC: true,
  });
  work();
  const { profile } = (await session.send('HeapProfiler.stopSampling')) as { profile: { head: HeapNode } };
  const sites = new Map<string, number>();
  const walk = ({ callFrame, selfSize, children }: HeapNode, caller: string): void => {
    const path = callFrame.url.replace(/^https?:..[^/]+/, '').replace(/[?].*/, '');
    // What the language's own functions allocate counts for whoever called them.
    const site = path === '' ? caller : `${callFrame.functionName} ${path}:${callFrame.lineNumber}`;
    if (selfSize > 0) sites.set(site, (sites.get(site) ?? 0) + selfSize);
    for (const child of children) walk(child, site);
  };
  walk(profile.head, 'the engine');
  return sites;
}

/** What functions in this package's own files allocated, a test's own apart. */
export function ours(sites: ReadonlyMap<string, number>): [string, number][] {
  return [...sites]
    .filter(
      ([site]) => site.includes('/packages/core/src/') && !site.includes('.browser.test.') && !site.includes('/test-support/'),
    )
    .sort((a, b) => b[1] - a[1]);
}
