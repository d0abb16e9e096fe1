import { formatBound, formatMm } from '@trocar/core/guidance';
import type { AnyCalibration, PivotFacts } from '../src/calibration-step.js';
import type { Detail } from './detail.js';
import { h } from './dom.js';
import { GaugeDial } from './gauge.js';
import { t } from './texts/index.js';
import { inEnglish } from './texts/language.js';

/** One dial for the page: it is drawn anew in every frame, so it is kept. */
const dial = new GaugeDial(8);

/** The calibration of the stylus: what to do, how much of it is done, and what was found. */
export function calibrateDetail(calibration: AnyCalibration): Detail {
  const { result, isRecording } = calibration;
  if (isRecording) dial.show(calibration);
  return {
    key: `${isRecording}|${result?.tip95Mm}`,
    build: () => {
      if (isRecording) return [dial.element];
      return result === undefined ? explained() : found(result);
    },
  };
}

function explained(): HTMLElement[] {
  return [
    h('p', { class: 'lead' }, t('Where is the tip on the stylus?')),
    h(
      'ol',
      { class: 'how' },
      h('li', {}, t('Set the tip into the divot beside the patient reference.')),
      h('li', {}, t('Tilt the handle slowly to all sides, 30° and more, until the gauge is full.')),
      h('li', {}, t('Accept what was found, or do it again.')),
    ),
    h('p', { class: 'quiet' }, t('A stored calibration can be used instead. A stylus that was bent since is then not noticed.')),
  ];
}

/** What a recording gave. */
function found(result: PivotFacts): HTMLElement[] {
  const good = result.outcome === 'ok';
  const { counts } = result;
  return [
    h(
      'div',
      { class: 'expectation', 'data-kept': String(good) },
      h('p', { class: 'quiet' }, t('Error of the tip, 95 %')),
      h(
        'p',
        { class: 'row' },
        h('span', { class: 'big' }, formatBound(result.tip95Mm, 2)),
        h('span', { class: 'verdict', role: 'status' }, good ? t('✓ can be accepted') : t('✕ record again')),
      ),
    ),
    h(
      'table',
      { 'aria-label': t('The recording') },
      h(
        'tbody',
        {},
        fact(t('Poses that agree'), t('{inliers} of {given} used', { inliers: counts.inliers, given: counts.given })),
        fact(t('Tilted within a cone of'), `${((result.spread.coneRad * 180) / Math.PI).toFixed(0)}°`),
        fact(t('Spread of the poses, rms'), formatMm(result.rmsMm, 2)),
        fact(t('Length of the stylus'), formatMm(Math.hypot(...result.tipMm), 1)),
      ),
    ),
    h('p', { class: 'quiet' }, t('The spread says how well poses agree, not how well the tip is known.')),
    ...result.findings.map((f) => h('p', { class: 'refused', role: 'alert' }, inEnglish(f.message))),
  ];
}

function fact(name: string, value: string): HTMLElement {
  return h('tr', {}, h('th', { scope: 'row' }, name), h('td', {}, value));
}
