import type { ShellPlan } from '../../suite/page/shell.js';
import { t } from './texts/index.js';

/** The steps of the procedure, in order. */
export type Step = 'load' | 'plan' | 'images' | 'calibrate' | 'register' | 'review' | 'navigate';
/** The numbers of the panel. */
export type NumberName = 'distance' | 'angle' | 'age' | 'tipError' | 'targetError';

/** What the page of this procedure is built of. */
export const SHELL: ShellPlan<Step, NumberName> = {
  languages: true,
  notice: () => t('Simulated tracker · not for clinical use'),
  notes: ['images', 'stylus', 'session'],
  steps: [
    { id: 'load', label: () => t('Image') },
    { id: 'plan', label: () => t('Plan') },
    { id: 'images', label: () => t('Fusion') },
    { id: 'calibrate', label: () => t('Stylus') },
    { id: 'register', label: () => t('Register') },
    { id: 'review', label: () => t('Review') },
    { id: 'navigate', label: () => t('Navigate'), guided: true },
  ],
  numbers: [
    { id: 'distance', label: () => t('Distance to target'), main: true },
    { id: 'angle', label: () => t('Angle') },
    { id: 'age', label: () => t('Age of pose') },
    { id: 'tipError', label: () => t('Tip error, 95 %') },
    { id: 'targetError', label: () => t('Target error, 95 %') },
  ],
  guide: { lateral: () => t('Off the line'), depth: () => t('Depth left'), avoid: () => t('Keep clear of') },
};
