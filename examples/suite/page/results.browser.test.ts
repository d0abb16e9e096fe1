import { afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { page } from 'vitest/browser';
import type { ResultLine, ResultsView } from '../src/node/results-desk.js';
import type { ResultKind, ResultObject, ResultStudy } from '../src/results.js';
import { Panel } from './panel.js';
import { ResultsPanel } from './results.js';
import { fetchLetters } from './texts/fonts.js';
import { t } from './texts/index.js';
import { chooseHere, LANGUAGES, language } from './texts/language.js';

const KINDS: readonly ResultKind[] = ['registration', 'registration-after', 'segmentation', 'report', 'picture'];
const ORIGIN: ResultStudy = {
  study: { studyUid: '2.25.1', patient: {} },
  frameOfReferenceUid: '2.25.2',
  images: [],
  slices: undefined,
};
const uidOf = (kind: ResultKind): string => `2.25.9${KINDS.indexOf(kind)}`;
const RESULTS = KINDS.map(
  (kind) => ({ kind, images: 60, object: { sopInstanceUid: uidOf(kind), bytes: Uint8Array.of(1) } }) as ResultObject,
);
const REASON = 'the archive does not take this SOP class (0x0122)';

/** A server that keeps what it is given, and an archive that does with each as it is told. */
function serverThat(archive: boolean, settle: (kind: ResultKind) => Pick<ResultLine, 'state' | 'reason'>) {
  const asked: string[] = [];
  const objects: ResultLine[] = [];
  const answer = async (path: string, { method }: RequestInit): Promise<Response> => {
    asked.push(`${method} ${path}`);
    const kind = /^\/results\/keep\/(.*)$/.exec(path)?.[1] as ResultKind | undefined;
    if (kind !== undefined) objects.push({ uid: uidOf(kind), kind, state: 'kept' });
    const settled = path === '/results/send' && archive ? objects.map((one) => ({ ...one, ...settle(one.kind) })) : objects;
    objects.splice(0, objects.length, ...settled);
    const view: ResultsView = { archive, objects: [...objects], others: 0 };
    return new Response(JSON.stringify(path === '/results/origin' ? ORIGIN : view));
  };
  vi.stubGlobal('fetch', (path: string, init: RequestInit) => answer(path, init));
  return { asked };
}

/** The panel of a page that has come to its end, drawn again and again as a page does. */
function opened(archive: boolean): {
  readonly press: (action: string) => Promise<void>;
  readonly rows: () => (string | undefined)[];
} {
  const app = document.createElement('main');
  app.id = 'app';
  document.body.replaceChildren(app);
  const panel = new Panel<'plan', 'distance'>(app, {
    notice: () => t('translation not reviewed'),
    notes: ['session'],
    steps: [{ id: 'plan', label: () => t('plan') }],
    numbers: [{ id: 'distance', label: () => t('Error of the tip, 95 %'), main: true }],
  });
  panel.step('plan');
  const canvas = document.createElement('canvas');
  [canvas.width, canvas.height] = [2, 2];
  const results = new ResultsPanel({ archive, canvas, draw: () => undefined, make: async () => RESULTS });
  let shown = '';
  const draw = (): void => {
    panel.actions(results.actions());
    const detail = results.detail();
    if (detail === undefined || detail.key === shown) return;
    shown = detail.key;
    panel.detail(...detail.build());
  };
  draw();
  return {
    press: async (action) => {
      const button = (): HTMLButtonElement | null => app.querySelector(`[data-action="${action}"]:not([disabled])`);
      await expect
        .poll(() => {
          draw();
          return button() !== null;
        })
        .toBe(true);
      button()?.click();
      draw();
    },
    rows: () => {
      draw();
      return [...app.querySelectorAll<HTMLElement>('#results tr')].map(({ dataset }) =>
        `${dataset['result']} ${dataset['state'] ?? ''}`.trim(),
      );
    },
  };
}

beforeAll(async () => {
  const style = document.createElement('link');
  style.rel = 'stylesheet';
  style.href = new URL('./style.css', import.meta.url).href;
  await new Promise((resolve, reject) => {
    style.onload = resolve;
    style.onerror = reject;
    document.head.append(style);
  });
  await Promise.all(Object.keys(LANGUAGES).map(fetchLetters));
});

afterEach(async () => {
  await chooseHere('en');
  vi.unstubAllGlobals();
});

describe('results at the end of a procedure', () => {
  it('are listed before any is kept, then kept and sent, and each is said to be where it is', async () => {
    const { asked } = serverThat(true, (kind) =>
      kind === 'segmentation'
        ? { state: 'refused', reason: REASON }
        : kind === 'report'
          ? { state: 'unknown' }
          : { state: 'stored' },
    );
    const { press, rows } = opened(true);
    await press('send-results');
    await expect.poll(rows).toEqual(KINDS);
    expect(asked).toEqual(['GET /results/origin', 'GET /results']);
    await press('confirm-send');
    await expect
      .poll(rows)
      .toEqual(['registration stored', 'registration-after stored', 'segmentation refused', 'report unknown', 'picture stored']);
    expect(asked.slice(2, 8)).toEqual([...KINDS.map((kind) => `POST /results/keep/${kind}`), 'POST /results/send']);
    expect(document.querySelector('[data-result="segmentation"]')?.textContent).toContain(REASON);
    // Pressed again, after all of it is kept, nothing is offered once more.
    await press('results-back');
    await press('send-results');
    await expect.poll(() => rows().at(-1)).toBe('picture stored');
    expect(asked.filter((line) => line.includes('/keep/'))).toHaveLength(KINDS.length);
  });

  it('are kept where there is no archive, and nothing says that they are to be sent', async () => {
    serverThat(false, () => ({ state: 'kept' }));
    const { press, rows } = opened(false);
    expect(document.querySelector('[data-action="send-results"]')?.textContent).toBe('Keep results on this machine');
    await press('send-results');
    await press('confirm-send');
    await expect.poll(rows).toEqual(KINDS.map((kind) => `${kind} kept`));
    expect(document.querySelector('#detail')?.textContent).toContain('5 results are kept on this machine');
    expect(document.querySelector('[data-action="send-again"]:not([disabled])')).toBeNull();
  });

  it('that cannot be kept are said not to be', async () => {
    const { press, rows } = opened(true);
    const error = { code: 'store/write-failed', message: 'The studies could not be written.' };
    serverThat(true, () => ({ state: 'stored' }));
    await press('send-results');
    await expect.poll(rows).toEqual(KINDS);
    vi.stubGlobal('fetch', async () => new Response(JSON.stringify({ error }), { status: 422 }));
    await press('confirm-send');
    await expect
      .poll(() => {
        rows();
        return document.querySelector('#detail .refused')?.textContent;
      })
      .toContain('store/write-failed');
  });

  for (const tag of Object.keys(LANGUAGES)) {
    it(`have room for their words: ${tag}`, async () => {
      await page.viewport(1100, 720);
      await chooseHere(tag);
      expect(language.locale.language).toBe(tag);
      serverThat(true, (kind) =>
        kind === 'segmentation'
          ? { state: 'refused', reason: REASON }
          : { state: kind === 'report' ? 'unknown' : 'stored-changed' },
      );
      const { press, rows } = opened(true);
      await press('send-results');
      await press('confirm-send');
      await expect.poll(() => rows()[2]).toBe('segmentation refused');
      const cut = [...document.querySelectorAll('#results :is(th, td), #actions button')].filter(
        (at) => at.scrollWidth > at.clientWidth + 1,
      );
      expect(cut.map((at) => at.textContent)).toEqual([]);
    });
  }
});
