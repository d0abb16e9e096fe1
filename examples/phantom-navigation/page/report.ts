import type { Clock } from '@trocar/core';
import { type Alarm, AlarmTexts, formatBound } from '@trocar/core/guidance';
import type { Stage } from '@trocar/core/render';
import { REPORT_TEXTS, reportHtml, type Session } from '@trocar/core/session';
import { language, type PageLanguage } from '../../suite/page/texts/language.js';
import type { Procedure } from '../src/procedure.js';
import { t } from './texts/index.js';

const alarms = new AlarmTexts(language);

/**
 * Makes the report of a session with the pictures as they are now, and hands it to the person as a file: nothing goes over a network.
 * @throws NavError as `Session.audit`
 */
export async function downloadReport(
  session: Session<'ct'>,
  procedure: Procedure,
  stage: Stage<'ct'>,
  clock: Clock,
): Promise<void> {
  // Drawn in this very moment: a canvas that was drawn before may be empty by now.
  stage.render();
  const dataUrl = stage.canvas.toDataURL('image/png');
  const { patient, modality, series, frameOfReferenceUid: uid } = procedure.case.volume;
  const html = reportHtml({
    state: session.state,
    audit: await session.audit(),
    patient,
    images: {
      modality,
      ...(series.description !== undefined && { description: series.description }),
      ...(uid !== undefined && { frameOfReferenceUid: uid }),
    },
    pictures: [{ dataUrl, caption: captionOf(procedure) }],
    tables: [
      { title: t('Alarms that stood at the end'), kind: 'alarms', columns: [{ label: t('Alarm') }], rows: standing(session) },
    ],
    made: clock.utc(clock.now()),
    text: REPORT_TEXTS[language.locale.language as PageLanguage],
  });
  const url = URL.createObjectURL(new Blob([html], { type: 'text/html' }));
  const link = document.createElement('a');
  link.href = url;
  link.download = `trocar-report-${session.state.id.slice(0, 8)}.html`;
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 60_000);
}

function captionOf({ proposal }: Procedure): string {
  const bound = proposal === undefined ? t('unknown') : formatBound(proposal.bound.p95Mm);
  return t('As shown when the report was made. Expected error at the target (95 %): {bound}.', { bound });
}

function standing({ state }: Session<'ct'>): string[][] {
  const kept = state.records.find(({ kind }) => kind === 'alarms')?.value as { readonly alarms?: readonly Alarm[] } | undefined;
  const messages = kept?.alarms?.map((alarm) => alarms.say(alarm)) ?? [];
  return messages.length === 0 ? [[t('none')]] : messages.map((m) => [m]);
}
