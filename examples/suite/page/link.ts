import { t } from './texts/index.js';

/** What a page asks of the server it came from: see `src/node/page-server.ts`. */

async function json(response: Response): Promise<unknown> {
  if (!response.ok) throw new Error(`${response.url} answered ${response.status}: ${await response.text()}`);
  return response.json();
}

/** The facts of the case, as the server of this example states them. */
export async function caseFacts<T>(): Promise<T> {
  return (await json(await fetch('/case'))) as T;
}

/** Asks the simulation for something; the moment it will be done, in ms from now. */
export async function order(what: object): Promise<number> {
  const body = JSON.stringify(what);
  const answer = (await json(
    await fetch('/order', { method: 'POST', headers: { 'content-type': 'application/json' }, body }),
  )) as { readonly doneInMs: number };
  return answer.doneInMs;
}

/** A file with its name, as `readVolume` takes it. */
export interface FetchedFile {
  readonly name: string;
  readonly bytes: Uint8Array<ArrayBuffer>;
}

/** The files of one of the server's lists, with their names: the last word before they are decoded is said too. */
export async function fetchFiles(
  list: string,
  names: readonly string[],
  progress: (text: string) => void,
): Promise<FetchedFile[]> {
  let got = 0;
  const files = await Promise.all(
    names.map(async (name, n) => {
      const response = await fetch(`/files/${list}/${n}`);
      if (!response.ok) throw new Error(`${name}: ${response.status}`);
      const bytes = new Uint8Array(await response.arrayBuffer());
      got += 1;
      progress(t('Reading {got} of {count} files …', { got, count: names.length }));
      return { name, bytes };
    }),
  );
  progress(t('Decoding …'));
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

/** Whether there is no GPU behind WebGL: smooth edges would then cost half the frames. */
export function drawsInSoftware(): boolean {
  const context = document.createElement('canvas').getContext('webgl2');
  const info = context?.getExtension('WEBGL_debug_renderer_info');
  const name = info ? String(context?.getParameter(info.UNMASKED_RENDERER_WEBGL)) : '';
  context?.getExtension('WEBGL_lose_context')?.loseContext();
  return /swiftshader|llvmpipe|software/i.test(name);
}
