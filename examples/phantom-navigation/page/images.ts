import { formatBound } from '@trocar/core/guidance';
import type { Detail } from '../../suite/page/detail.js';
import { h, liveAttribute } from '../../suite/page/dom.js';
import type { Action, Banner } from '../../suite/page/panel.js';
import { limitText } from '../../suite/page/review.js';
import { inEnglish } from '../../suite/page/texts/language.js';
import { keepsLimit } from '../../suite/src/acceptance.js';
import { CT, SECOND } from '../src/frames.js';
import type { ImageResult, ImageStep } from '../src/image-step.js';
import type { Procedure } from '../src/procedure.js';
import type { SecondFault } from '../src/second-image.js';
import type { SecondView } from './second-view.js';
import type { NavigationText } from './texts/en.js';
import { t } from './texts/index.js';

/** What the step of the second image works on. */
export interface ImagesPlace {
  readonly images: ImageStep;
  readonly procedure: Procedure;
  readonly view: SecondView;
  /** What a person may do wrong with a simulated image; undefined where the image came from files. */
  readonly fault: SecondFault | undefined;
  /** Whether another image is on its way: the one that is still here is not to be registered. */
  readonly taking: boolean;
  /** Takes another simulated image. */
  take(fault: SecondFault): void;
  /** Whether the person has said to have compared the images. */
  readonly compared: boolean;
  compare(done: boolean): void;
}

/** One bar for the page: its value changes in every frame, so it is kept. */
const bar = liveAttribute(h('progress', { id: 'registering', max: 1 }), 'aria-label', () => t('Registration of the images'));
const percent = h('span', { class: 'figure' });

/** The names of the two images in words: `MR` and `CT`. */
export function imageNames({ images, procedure }: Pick<ImagesPlace, 'images' | 'procedure'>): readonly [string, string] {
  const name = (modality: string | undefined, else_: string): string =>
    modality === undefined || modality === '' || modality === 'OT' ? else_ : modality;
  const [second, first] = [name(images.second?.modality, t('second image')), name(procedure.case.volume.modality, t('image'))];
  return second === first ? [t('second {name}', { name: second }), t('first {name}', { name: first })] : [second, first];
}

function sentence(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

/** The free part of the panel in this step. */
export function imagesDetail(place: ImagesPlace): Detail {
  const { images, procedure, compared } = place;
  if (images.stage === 'running') {
    bar.value = images.fraction;
    percent.textContent = `${Math.round(100 * images.fraction)} %`;
  }
  return {
    key: `${images.stage}|${resultNumber(images.result)}|${images.refusal?.message}|${compared}|${procedure.plan.maxTre95Mm}|${place.fault}`,
    build: () => [...content(place), ...said(images)],
  };
}

const numbers = new WeakMap<ImageResult, number>();
let latest = 0;

/** A number that is another for every result. */
function resultNumber(result: ImageResult | undefined): number {
  if (result === undefined) return 0;
  if (!numbers.has(result)) numbers.set(result, ++latest);
  return numbers.get(result) as number;
}

function content(place: ImagesPlace): HTMLElement[] {
  switch (place.images.stage) {
    case 'running':
      return runningContent(place);
    case 'review':
      return place.images.result === undefined ? [] : reviewContent(place, place.images.result);
    default:
      return waitingContent(place);
  }
}

function waitingContent(place: ImagesPlace): HTMLElement[] {
  const [second, first] = imageNames(place);
  const size = place.images.second?.size.join('×') ?? '';
  return [
    h('p', { class: 'lead' }, t('Where does the {second} lie on the {first}?', { second, first })),
    h(
      'p',
      { class: 'quiet' },
      t('{second} {size}. Its coordinates are not those of the {first}: it is not drawn yet.', {
        second: sentence(second),
        size,
        first,
      }),
    ),
    h(
      'ol',
      { class: 'how' },
      h('li', {}, t('Let it be registered: both images are compared by what they show, from anywhere.')),
      h('li', {}, t('Look at both: squares, edges, fade, spyglass.')),
      h('li', {}, t('Accept it, or go on without it.')),
    ),
  ];
}

function runningContent({ view }: ImagesPlace): HTMLElement[] {
  return [
    h('p', { class: 'quiet' }, t('Registering. What is drawn is the best place so far, and may be wrong.')),
    h('div', { class: 'progress' }, bar, percent),
    view.controls,
  ];
}

function reviewContent(place: ImagesPlace, result: ImageResult): HTMLElement[] {
  return [expectation(place, result), chance(result), ...findings(result), place.view.controls, ...byEye(place, result)];
}

const VERDICTS = {
  ok: '✓ all checks hold',
  ambiguous: '? another place fits as well',
  failed: '✕ not to be trusted',
} as const satisfies Readonly<Record<ImageResult['outcome'], NavigationText>>;

/** The error that is expected at the target against the plan's limit; unknown where the result does not stand. */
function expectation({ images, procedure }: ImagesPlace, result: ImageResult): HTMLElement {
  const { plan } = procedure;
  const p95 = images.tre95Mm(plan.target);
  const known = Number.isFinite(p95);
  const kept = images.whyNotChecked(plan) === undefined;
  const verdict = result.outcome === 'ok' && !keepsLimit(plan, p95) ? t('✕ beyond the limit') : t(VERDICTS[result.outcome]);
  return h(
    'div',
    { class: 'expectation', 'data-kept': String(kept), 'data-outcome': result.outcome },
    h('p', { class: 'quiet' }, t('Expected error at the target, 95 %')),
    h(
      'p',
      { class: 'row' },
      h('span', { class: 'big' }, known ? formatBound(p95) : t('unknown')),
      h('span', { class: 'verdict', role: 'status' }, verdict),
    ),
    known ? h('p', { class: 'limit-line' }, limitText(plan, p95)) : undefined,
  );
}

function chance({ confidence, seconds }: ImageResult): HTMLElement {
  // Never 100 %, and never none: nothing here is that sure.
  const percent = Math.min(99, Math.round(100 * confidence));
  const share = percent < 1 ? t('below 1 %') : `${percent} %`;
  return h(
    'p',
    { class: 'quiet chance' },
    t('Chance to be right: {share} · {seconds} s', { share, seconds: seconds.toFixed(1) }),
  );
}

/** What each finding means to who must decide, in a line; the whole of it is behind `More`. */
const PLAIN: Readonly<Record<string, () => string>> = {
  ambiguous: () => t('Another place, or the image turned left for right, fits about as well.'),
  mirrored: () => t('Left and right of one image seem to be exchanged. Correct its file.'),
  'little-overlap': () => t('The images show little of the same part of the body.'),
  'outside-search': () => t('The best place lies farther off than was searched.'),
  'not-affine': () => t('It would stretch the body as no scanner does.'),
  unsure: () => t('The checks together leave too much doubt.'),
  reduced: () => t('The images were coarsened first, to bound memory and time.'),
};

function findings({ findings: found }: ImageResult): HTMLElement[] {
  // Doubt without a reason is worth a line; with one, the chance above says it.
  const codes = [...new Set(found.map((f) => f.code))].filter((code) => code !== 'unsure' || found.length === 1);
  if (codes.length === 0) return [];
  const lines = codes.map((code) => {
    const text = PLAIN[code]?.() ?? inEnglish(found.find((f) => f.code === code)?.message ?? code);
    return h('p', { class: code === 'reduced' ? 'quiet' : 'refused', 'data-finding': code }, text);
  });
  const whole = found.map((f) => h('li', {}, inEnglish(f.message)));
  return [...lines, h('details', { class: 'more' }, h('summary', {}, t('More')), h('ul', {}, ...whole))];
}

/** What a person must have seen before taking what did not prove itself. */
function byEye({ images, procedure, compared, compare }: ImagesPlace, result: ImageResult): HTMLElement[] {
  if (images.whyNotChecked(procedure.plan) === undefined) return [];
  const never = images.whyNotByEye();
  if (never !== undefined) {
    const already = result.findings.some((f) => never.message.endsWith(f.message));
    return [
      h(
        'p',
        { class: 'refused', role: 'alert' },
        already ? t('This cannot be accepted by eye either.') : inEnglish(never.message),
      ),
    ];
  }
  const box = h('input', { type: 'checkbox', id: 'compared', 'data-action': 'compared' });
  box.checked = compared;
  box.addEventListener('change', () => compare(box.checked));
  const text = t(
    'I have compared both images in all three views: skin, skull, midline and target lie on each other, left is left.',
  );
  return [h('label', { class: 'compared', for: 'compared' }, box, h('span', {}, text))];
}

/** What was refused, where the content does not say it already. */
function said({ stage, refusal, result }: ImageStep): HTMLElement[] {
  if (refusal === undefined || stage === 'running') return [];
  const told = result?.findings.some((f) => refusal.message.includes(f.message)) === true;
  return told ? [] : [h('p', { class: 'refused', role: 'alert' }, inEnglish(refusal.message))];
}

/** The buttons of this step. */
export function imagesActions(place: ImagesPlace): Action[] {
  const { images } = place;
  switch (images.stage) {
    case 'running':
      return [{ id: 'abort-images', label: t('Stop'), wide: true, run: () => images.abort() }];
    case 'review':
      return reviewActions(place);
    default:
      return [...waitingActions(place), ...faultActions(place)];
  }
}

function waitingActions(place: ImagesPlace): Action[] {
  const { images, taking: disabled } = place;
  const [second, first] = imageNames(place);
  return [
    {
      id: 'start-images',
      label: t('Register {second} to {first}', { second, first }),
      primary: true,
      disabled,
      run: () => begin(place),
    },
    { id: 'leave-images', label: t('Go on without it'), wide: true, disabled, run: () => void images.leave() },
  ];
}

function begin({ images, view, compare }: ImagesPlace): void {
  compare(false);
  view.shown = true;
  void images.start();
}

function reviewActions(place: ImagesPlace): Action[] {
  const { images, procedure, compared } = place;
  const holds = images.whyNotChecked(procedure.plan) === undefined;
  const byEye = images.whyNotByEye() === undefined;
  const taken = (): void => {
    const edge = images.accepted?.edge;
    if (edge !== undefined) procedure.graph.set(edge);
    place.view.shown = false;
  };
  const checked = (): void => {
    if (images.accept(procedure.plan) === undefined) taken();
  };
  const eye = (): void => {
    if (images.acceptByEye(compared) === undefined) taken();
  };
  const actions: Action[] = [];
  if (holds) actions.push({ id: 'accept-images', label: t('Accept registration'), primary: true, run: checked });
  else if (byEye) actions.push({ id: 'accept-by-eye', label: t('Accept by eye'), wide: true, disabled: !compared, run: eye });
  actions.push(
    { id: 'reject-images', label: t('Reject'), run: () => void images.reject() },
    // Where the checks do not hold, this is the safe way on.
    { id: 'leave-images', label: t('Go on without it'), run: () => void images.leave() },
  );
  return actions;
}

/** Faults that a simulated image may have: as a person meets them. */
function faultActions({ fault, taking, take }: ImagesPlace): Action[] {
  if (fault === undefined) return [];
  const button = (id: SecondFault, label: string): Action => ({
    id: `image-${id}`,
    label,
    simulated: true,
    pressed: fault === id,
    disabled: taking,
    run: () => take(fault === id ? 'none' : id),
  });
  return [button('noisy', t('Noisy image')), button('mirrored', t('Left and right exchanged'))];
}

/** What the steps that follow do with the second image: show it or hide it, take it back, or register it after all. */
export function secondAction(place: ImagesPlace): Action[] {
  const { images, view, procedure } = place;
  const [second] = imageNames(place);
  if (images.stage === 'left') {
    return [{ id: 'register-second', label: t('Register {second}', { second }), run: () => void images.reject() }];
  }
  if (images.stage !== 'accepted') return [];
  const run = (): void => {
    view.shown = !view.shown;
  };
  const takeBack = (): void => {
    if (images.takeBack() !== undefined) return;
    view.shown = false;
    procedure.graph.remove(CT, SECOND);
  };
  return [
    {
      id: 'second',
      label: view.shown ? t('Hide {second}', { second }) : t('Show {second}', { second }),
      pressed: view.shown,
      run,
    },
    { id: 'take-back-second', label: t('Take back {second}', { second }), run: takeBack },
  ];
}

/** What is drawn and must not be taken for more than it is. */
export function imagesBanner({ stage, result }: ImageStep): Banner | undefined {
  if (stage === 'running') return { kind: 'warn', text: t('Preview: not registered yet') };
  if (stage !== 'review' || result === undefined) return undefined;
  return result.outcome === 'ok' ? { kind: 'warn', text: t('Not accepted yet') } : { kind: 'stop', text: t('Not to be trusted') };
}

/** On what grounds the second image is shown: said in every later step. */
export function imagesNote(place: ImagesPlace): { readonly text: string; readonly warn: boolean } {
  const { images, procedure } = place;
  const [name, first] = imageNames(place);
  const second = sentence(name);
  const { accepted } = images;
  if (accepted?.how === 'by-eye')
    return { text: t('{second} on {first}: accepted by eye, error unknown', { second, first }), warn: true };
  if (accepted !== undefined) {
    const bound = formatBound(images.tre95Mm(procedure.plan.target));
    return { text: t('{second} on {first}: registered, {bound} at the target', { second, first, bound }), warn: false };
  }
  return images.stage === 'left'
    ? { text: t('{second}: not registered, not shown', { second }), warn: true }
    : { text: '', warn: false };
}
