import type { ResultLine, ResultState, ResultsView } from '../src/node/results-desk.js';
import type { ResultKind, ResultObject, ResultStudy, ScreenPicture } from '../src/results.js';
import type { Detail } from './detail.js';
import { h } from './dom.js';
import type { Action } from './panel.js';
import { t } from './texts/index.js';
import { inEnglish, language } from './texts/language.js';

/** Makes the objects of a procedure that has ended. */
export type MakeResults = (origin: ResultStudy, picture: ScreenPicture) => Promise<readonly ResultObject[]>;

/** What {@link ResultsPanel} needs. */
export interface ResultsPanelOptions {
  readonly make: MakeResults;
  /** Whether there is an archive to send to; else results are kept on the server's machine. */
  readonly archive: boolean;
  /** What is on the screen now. */
  readonly canvas: HTMLCanvasElement;
  /** Draws it, so that it can be taken. */
  readonly draw: () => void;
}

/** The buttons of a procedure's end: of documents and results together one is meant at most. */
export function withResults(documents: readonly Action[], results: readonly Action[]): Action[] {
  const sends = results.some(({ primary }) => primary === true);
  return sends ? [...results, ...documents.map((one) => ({ ...one, primary: false }))] : [...documents, ...results];
}

/** How often the server is asked where results are, while that may change, ms. */
const ASK_EVERY_MS = 1000;
/** What does not change any more by itself. */
const SETTLED: readonly ResultState[] = ['stored', 'stored-changed'];

/**
 * Sending results back, at the end of a procedure: what is to be sent is listed, kept on the server's machine when a person says so, and sent from
 * there; of each it is said where it is. A reload or a second press keeps and sends nothing twice.
 */
export class ResultsPanel {
  readonly #options: ResultsPanelOptions;
  #listed: readonly ResultObject[] | undefined;
  #view: ResultsView | undefined;
  #open = false;
  #busy = false;
  #trouble = '';
  #askedAt = Number.NEGATIVE_INFINITY;

  constructor(options: ResultsPanelOptions) {
    this.#options = options;
  }

  /** The buttons: first the one that lists, then the one that sends. */
  actions(): Action[] {
    const { archive } = this.#options;
    if (!this.#open)
      return [
        {
          id: 'send-results',
          label: archive ? t('Send results to the archive') : t('Keep results on this machine'),
          wide: true,
          disabled: this.#busy,
          run: () => void this.#list(),
        },
      ];
    const back: Action = {
      id: 'results-back',
      label: t('Back to the procedure'),
      disabled: this.#busy,
      run: () => this.#close(),
    };
    if (this.#listed === undefined) return [this.#again(archive), back];
    const label = archive
      ? t('Keep and send {n, plural, one {# object} other {# objects}}', { n: this.#listed.length })
      : t('Keep {n, plural, one {# object} other {# objects}} here', { n: this.#listed.length });
    return [{ id: 'confirm-send', label, primary: true, disabled: this.#busy, run: () => void this.#keep() }, back];
  }

  #again(archive: boolean): Action {
    const left = this.#view?.objects.some(({ state }) => !SETTLED.includes(state)) === true;
    return {
      id: 'send-again',
      label: t('Send now'),
      wide: true,
      disabled: this.#busy || !archive || !left,
      run: () => void this.#send(),
    };
  }

  /** What is listed, or where it is; undefined while nobody asked. Asks the server where that may have changed. */
  detail(): Detail | undefined {
    if (!this.#open) return undefined;
    this.#follow();
    const [listed, view] = [this.#listed, this.#view];
    const key = JSON.stringify([language.locale.language, listed?.map((r) => r.kind), view, this.#trouble, this.#busy]);
    return {
      key: `results|${key}`,
      build: () => [...(listed === undefined ? whereLines(view) : listLines(listed, view)), ...this.#said()],
    };
  }

  #said(): HTMLElement[] {
    const trouble = this.#trouble !== '' ? this.#trouble : undefined;
    const busy = this.#busy ? [h('p', { class: 'quiet', role: 'status' }, t('Working …'))] : [];
    return [...busy, ...(trouble === undefined ? [] : [h('p', { class: 'refused', role: 'alert' }, inEnglish(trouble))])];
  }

  #close(): void {
    this.#open = false;
    this.#listed = undefined;
    this.#trouble = '';
  }

  async #list(): Promise<void> {
    await this.#working(async () => {
      const origin = (await asked('GET', '/results/origin')) as ResultStudy;
      this.#view = (await asked('GET', '/results')) as ResultsView;
      const made = await this.#options.make(origin, this.#picture());
      const known = new Set(this.#view.objects.map(({ uid }) => uid));
      // What is kept already is followed, and not offered again.
      const fresh = made.filter(({ object }) => !known.has(object.sopInstanceUid));
      this.#listed = fresh.length > 0 ? fresh : undefined;
      this.#open = true;
    });
    this.#open = true;
  }

  async #keep(): Promise<void> {
    await this.#working(async () => {
      for (const { kind, object } of this.#listed ?? [])
        this.#view = (await asked('POST', `/results/keep/${kind}`, object.bytes)) as ResultsView;
      this.#listed = undefined;
      this.#view = (await asked('POST', '/results/send')) as ResultsView;
    });
  }

  async #send(): Promise<void> {
    await this.#working(async () => {
      this.#view = (await asked('POST', '/results/send')) as ResultsView;
    });
  }

  #follow(): void {
    const now = performance.now();
    const waits = this.#view?.archive === true && this.#view.objects.some(({ state }) => !SETTLED.includes(state));
    if (this.#busy || !waits || now - this.#askedAt < ASK_EVERY_MS) return;
    this.#askedAt = now;
    asked('GET', '/results').then(
      (view) => {
        this.#view = view as ResultsView;
        this.#trouble = '';
      },
      // The server may be being started again: it is asked again.
      (error: unknown) => {
        this.#trouble = wordsOf(error);
      },
    );
  }

  async #working(act: () => Promise<void>): Promise<void> {
    if (this.#busy) return;
    this.#busy = true;
    this.#trouble = '';
    try {
      await act();
    } catch (error) {
      this.#trouble = wordsOf(error);
    } finally {
      this.#busy = false;
    }
  }

  /** The canvas as it is drawn now, on black where nothing is. */
  #picture(): ScreenPicture {
    const { canvas, draw } = this.#options;
    const { width, height } = canvas;
    const copy = new OffscreenCanvas(width, height);
    const context = copy.getContext('2d') as OffscreenCanvasRenderingContext2D;
    context.fillRect(0, 0, width, height);
    draw();
    context.drawImage(canvas, 0, 0);
    return { width, height, pixels: context.getImageData(0, 0, width, height).data, withWords: true };
  }
}

const KIND = {
  registration: 'Registration of the tracked patient',
  'registration-after': 'Registration of the CT afterwards',
  segmentation: 'Zone and margin',
  report: 'Measurements',
  picture: 'Picture of this screen',
} as const satisfies Record<ResultKind, string>;

const STATE = {
  kept: 'kept here',
  sending: 'sending …',
  stored: '✓ in the archive',
  'stored-changed': '✓ in the archive, which changed something',
  refused: '✕ refused',
  unknown: 'sent, no answer yet',
} as const satisfies Record<ResultState, string>;

function listLines(listed: readonly ResultObject[], view: ResultsView | undefined): HTMLElement[] {
  return [
    h('p', { class: 'lead' }, view?.archive === false ? t('Is this to be kept?') : t('Is this to be sent?')),
    table(
      listed.map(({ kind, images }) => [
        kind,
        '',
        images === 0 ? t('of the study') : t('{images, plural, one {# image} other {# images}} of the study', { images }),
      ]),
    ),
    h(
      'p',
      { class: 'quiet' },
      view?.archive === false
        ? t('No archive was named: all is kept on this machine.')
        : t('It is kept on this machine first. If the archive is away, it goes when that is back.'),
    ),
  ];
}

function whereLines(view: ResultsView | undefined): HTMLElement[] {
  if (view === undefined) return [];
  const { objects, archive, trouble } = view;
  const there = objects.filter(({ state }) => SETTLED.includes(state)).length;
  const lead = archive
    ? t('{there} of {all} results are in the archive', { there, all: objects.length })
    : t('{all, plural, one {# result is} other {# results are}} kept on this machine', { all: objects.length });
  return [
    h('p', { class: 'lead', role: 'status' }, lead),
    table(
      objects.map((one) => [one.kind, one.state, t(STATE[one.state])]),
      objects,
    ),
    ...(archive ? [] : [h('p', { class: 'quiet' }, t('No archive was named: all is kept on this machine.'))]),
    ...(trouble === undefined ? [] : [h('p', { class: 'refused' }, inEnglish(`${trouble.code}: ${trouble.message}`))]),
  ];
}

function table(
  rows: readonly (readonly [ResultKind, ResultState | '', string])[],
  lines: readonly ResultLine[] = [],
): HTMLElement {
  return h(
    'table',
    { id: 'results', class: 'results' },
    h(
      'tbody',
      {},
      ...rows.map(([kind, state, text], n) => {
        const reason = lines[n]?.reason;
        const why = reason === undefined || state === 'stored' ? [] : [h('p', { class: 'quiet' }, inEnglish(reason))];
        return h(
          'tr',
          { 'data-result': kind, 'data-state': state === '' ? undefined : state },
          h('th', { scope: 'row' }, t(KIND[kind])),
          h('td', {}, text, ...why),
        );
      }),
    ),
  );
}

const wordsOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

/** Asks the server that the page came from. @throws Error with its reason */
async function asked(method: 'GET' | 'POST', path: string, body?: Uint8Array): Promise<unknown> {
  const response = await fetch(path, { method, ...(body !== undefined && { body: body as Uint8Array<ArrayBuffer> }) });
  if (response.ok) return response.json();
  const text = await response.text();
  const refused =
    response.status === 422
      ? (JSON.parse(text) as { readonly error: { readonly code: string; readonly message: string } }).error
      : undefined;
  throw new Error(refused === undefined ? text.trim() : `${refused.code}: ${refused.message}`);
}
