import type { Status } from '@trocar/core';
import { formatAge, formatBound, formatDegrees, formatMm, formatNumber, UNKNOWN } from '@trocar/core/guidance';
import { asOfText, type Freshness, type LiveGuidance, type LiveReading, type LiveTool } from '@trocar/core/session';
import { t as say } from '../../suite/page/texts/index.js';
import { inEnglish } from '../../suite/page/texts/language.js';
import { named, t } from './texts/index.js';

/** What is sent as names and figures, said in the language of who looks on. */

/** How what is shown stands, and how old it is: `Live, as of 14:03:07, 40 ms old`. */
export function standingText(freshness: Freshness): string {
  const standing = { live: t('Live'), stale: t('Not live'), unknown: t('Nothing known') }[freshness.standing];
  if (freshness.asOf === undefined) return standing;
  const asOf = t('as of {time}, {age} old', { time: '{time}', age: '{age}' });
  return `${standing} · ${asOfText(freshness, undefined, { asOf, unknown: UNKNOWN })}`;
}

/** How the connection stands. Why it was refused is the relay's own English. */
export function linkText(link: 'connecting' | 'open' | 'refused' | 'closed', publisher: boolean): string {
  if (link === 'open') return publisher ? t('Link: open') : `${t('Link: open')} · ${t('There is no operator')}`;
  return { connecting: t('Link: being made'), refused: t('Link: refused'), closed: t('Link: closed') }[link];
}

/** What guidance says. */
export function guidanceText({ state }: LiveGuidance): string {
  const word = {
    noPose: t('no pose'),
    notLive: t('not live'),
    approach: t('approaching'),
    onTarget: t('on target'),
    pastTarget: t('past the target'),
  }[state];
  return t('Guidance: {state}', { state: word });
}

const READINGS: Readonly<Record<string, () => string>> = {
  distance: () => t('Distance to target'),
  depth: () => t('Depth left'),
  lateral: () => t('Off the line'),
  angle: () => t('Angle'),
};

/** Readings as they are read: known ones in the order above, the distance first; then any others as they came. */
export function inReadingOrder(readings: readonly LiveReading[]): LiveReading[] {
  const names = Object.keys(READINGS);
  const place = ({ name }: LiveReading): number => (names.includes(name) ? names.indexOf(name) : names.length);
  return [...readings].sort((a, b) => place(a) - place(b));
}

/** What a reading is of. */
export function readingName({ name }: LiveReading): string {
  return named(name, READINGS);
}

/** A reading with its unit; unknown as such. */
export function readingFigure({ unit, value }: LiveReading): string {
  if (unit === 'mm') return formatMm(value);
  if (unit === 'deg') return formatDegrees(value);
  const symbol = { degC: '°C', min: 'min', ratio: '' }[unit];
  return Number.isNaN(value) ? UNKNOWN : `${formatNumber(value, unit === 'ratio' ? 2 : 1)}\u00a0${symbol}`.trimEnd();
}

/** How far off a length or an angle may be at 95 %, rounded up; of other units it is not shown. */
export function readingBound({ unit, bound95 }: LiveReading): string {
  if (unit === 'mm') return t('error {bound}', { bound: formatBound(bound95) });
  if (unit !== 'deg') return '';
  const bound = formatDegrees(Math.ceil(10 * bound95 - 1e-9) / 10);
  return t('error {bound}', { bound: bound === UNKNOWN ? UNKNOWN : `≤\u202f${bound}` });
}

const TOOLS: Readonly<Record<string, () => string>> = {
  needle: () => t('needle'),
  probe: () => say('probe'),
  stylus: () => say('stylus'),
};

/** What a tool is called. */
export function toolName({ name }: LiveTool): string {
  return named(name, TOOLS);
}

/** Whether a tool is seen. */
export function toolStatus({ status }: LiveTool): string {
  const words: Readonly<Record<Status, () => string>> = {
    ok: () => say('visible'),
    predicted: () => say('predicted'),
    unknown: () => say('visibility unknown'),
    outOfVolume: () => say('out of volume'),
    stale: () => say('stale'),
    missing: () => say('not visible'),
    disconnected: () => say('disconnected'),
  };
  return words[status]();
}

const FIGURES: Readonly<Record<string, () => string>> = {
  movedMm: () => t('moved'),
  limitMm: () => t('limit'),
  tipLimitMm: () => t('limit'),
  limitMs: () => t('limit'),
  ageMs: () => t('age'),
  periodMs: () => t('period'),
  latenessMs: () => t('late by'),
  clockDrift: () => t('clocks apart'),
  noiseMm: () => t('noise'),
  tipOffMm: () => t('tip off by'),
  scale: () => t('scale'),
  scaleSd: () => t('scale, standard deviation'),
};

/** The figures that an alarm's rule saw, each with its name and the unit that its name ends with. */
export function figuresText(values: Readonly<Record<string, number>>): string {
  return Object.entries(values)
    .map(([name, value]) => `${named(name, FIGURES)} ${figure(name, value)}`)
    .join(' · ');
}

function figure(name: string, value: number): string {
  if (name.endsWith('Mm')) return formatMm(value);
  if (name.endsWith('Ms')) return formatAge(value);
  return formatNumber(value, name === 'clockDrift' ? 6 : 3);
}

/** Why the relay or the operator refused something: free text, in whatever language it was written. */
export function reasonText(reason: string): string {
  return inEnglish(reason);
}
