import type { ShellPlan } from '../../suite/page/shell.js';
import { t as say } from '../../suite/page/texts/index.js';
import { t } from './texts/index.js';

/** The steps of the procedure, in order. */
export type Step = 'import' | 'calibrate' | 'sweep' | 'register' | 'verify' | 'biopsy' | 'finished';
/** The numbers of the panel. */
export type NumberName = 'probability' | 'beside' | 'depth' | 'stop' | 'error' | 'drift' | 'age';

/** What the page of this procedure is built of. */
export const SHELL: ShellPlan<Step, NumberName> = {
  canvasLabel: () => t('MR slices and 3D view: arrow keys and page keys move the crosshair'),
  notice: () => t('Simulated patient and scanner · not for clinical use'),
  languages: true,
  notes: ['basis', 'session'],
  steps: [
    { id: 'import', label: () => t('Images') },
    { id: 'calibrate', label: () => t('Probe') },
    { id: 'sweep', label: () => t('Sweep') },
    { id: 'register', label: () => t('Register') },
    { id: 'verify', label: () => t('Verify') },
    { id: 'biopsy', label: () => t('Biopsy'), guided: true },
    { id: 'finished', label: () => say('Report') },
  ],
  numbers: [
    { id: 'probability', label: () => t('Would sample the target now'), main: true },
    { id: 'beside', label: () => t('Beside the target') },
    { id: 'depth', label: () => t('Depth to target') },
    { id: 'stop', label: () => t('Set depth stop') },
    { id: 'error', label: () => t('Core error, 95 %') },
    { id: 'drift', label: () => t('Gland since sweep') },
    { id: 'age', label: () => t('Image age') },
  ],
};
