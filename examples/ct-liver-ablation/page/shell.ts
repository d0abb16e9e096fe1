import type { ShellPlan } from '../../suite/page/shell.js';
import type { Stage } from '../src/stages.js';
import { t } from './texts/index.js';

/** The steps as the bar names them. */
export type Step = 'plan' | 'tools' | 'register' | 'verify' | 'guide' | 'ablate' | 'confirm' | 'report';
/** The numbers of the panel. */
export type NumberName = 'distance' | 'angle' | 'age' | 'tipError' | 'room';

/** What the page of this procedure is built of. */
export const SHELL: ShellPlan<Step, NumberName> = {
  notice: () => t('Simulated tracker, patient and generator · not for clinical use'),
  languages: true,
  notes: ['tools-note', 'session'],
  steps: [
    { id: 'plan', label: () => t('Plan') },
    { id: 'tools', label: () => t('Tools') },
    { id: 'register', label: () => t('Register') },
    { id: 'verify', label: () => t('Verify') },
    { id: 'guide', label: () => t('Guide'), guided: true },
    { id: 'ablate', label: () => t('Ablate'), guided: true },
    { id: 'confirm', label: () => t('Confirm') },
    { id: 'report', label: () => t('Report') },
  ],
  numbers: [
    { id: 'distance', label: () => t('Tip to planned tip'), main: true },
    { id: 'tipError', label: () => t('Tip error, 95 %') },
    { id: 'room', label: () => t('Least room') },
    { id: 'angle', label: () => t('Angle') },
    { id: 'age', label: () => t('Age of pose') },
  ],
  guide: { lateral: () => t('Off the line'), depth: () => t('Depth left'), avoid: () => t('Keep clear of') },
};

/** Which step of the bar a stage belongs to. */
export const STEP_OF: Readonly<Record<Stage, Step>> = {
  plan: 'plan',
  connect: 'tools',
  calibrate: 'tools',
  breathe: 'register',
  collect: 'register',
  review: 'register',
  verify: 'verify',
  guide: 'guide',
  burn: 'ablate',
  assess: 'ablate',
  confirm: 'confirm',
  finished: 'report',
};
