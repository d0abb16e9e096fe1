/** Every word of a report, in one place, so that a report in another language is another value of this type: {@link REPORT_TEXTS}. */
export interface ReportText {
  /** The language of the words, as HTML names it. */
  readonly language: string;
  readonly title: string;
  readonly notCleared: string;
  /** Said where no clinician whose language it is has released these words; empty where one has. */
  readonly notReviewed: string;
  readonly patient: string;
  readonly name: string;
  readonly patientId: string;
  readonly birthDate: string;
  readonly sex: string;
  readonly images: string;
  readonly modality: string;
  readonly series: string;
  readonly frameOfReference: string;
  readonly session: string;
  readonly number: string;
  readonly software: string;
  readonly begun: string;
  readonly made: string;
  readonly restored: string;
  readonly plan: string;
  readonly noPlan: string;
  readonly entry: string;
  readonly target: string;
  readonly length: string;
  readonly limit: string;
  readonly noLimit: string;
  readonly registration: string;
  readonly noRegistration: string;
  readonly tre95: string;
  readonly tre95Note: string;
  readonly keepsLimit: string;
  readonly beyondLimit: string;
  readonly unknownBound: string;
  readonly fre: string;
  readonly fle: string;
  readonly degreesOfFreedom: string;
  readonly method: string;
  readonly between: string;
  readonly findings: string;
  readonly acknowledged: string;
  readonly fiducial: string;
  readonly residual: string;
  readonly expected: string;
  readonly used: string;
  readonly leftOut: string;
  readonly calibrations: string;
  readonly calibration: string;
  readonly accepted: string;
  /** With `{who}`. */
  readonly acceptedBy: string;
  readonly pictures: string;
  readonly record: string;
  readonly yes: string;
  readonly no: string;
  readonly events: string;
  readonly noEvents: string;
  readonly levels: Readonly<Record<'note' | 'warning' | 'alarm', string>>;
  readonly time: string;
  readonly event: string;
  readonly level: string;
  readonly message: string;
  readonly who: string;
  readonly what: string;
  readonly detail: string;
  readonly line: string;
  readonly acceptances: string;
  /** By the action of the audit log; an action without words is shown by its name. */
  readonly actions: Readonly<Record<string, string>>;
  readonly integrity: string;
  readonly lines: string;
  readonly head: string;
  readonly headNote: string;
  readonly page: string;
  /** By the name of an event, as the pages write them; an event without words is shown by its name. */
  readonly eventNames: Readonly<Record<string, string>>;
  /** Title of the one page that `summaryHtml` makes, and what it says of itself. */
  readonly summary: string;
  readonly summaryNote: string;
  readonly alarmsRaised: string;
  readonly warningsNoted: string;
  readonly recordsAccepted: string;
}

/** A report in English. */
export const REPORT_TEXT: ReportText = {
  language: 'en',
  title: 'Navigation report',
  notCleared: 'Made by software that is not a medical device and not cleared for clinical use.',
  notReviewed: '',
  patient: 'Patient',
  name: 'Name',
  patientId: 'Patient ID',
  birthDate: 'Born',
  sex: 'Sex',
  images: 'Images',
  modality: 'Modality',
  series: 'Series',
  frameOfReference: 'Frame of reference',
  session: 'Session',
  number: 'Number',
  software: 'Software',
  begun: 'Begun',
  made: 'Report made',
  restored: 'Taken up again after an interruption',
  plan: 'Plan',
  noPlan: 'No plan was accepted.',
  entry: 'Entry',
  target: 'Target',
  length: 'Length',
  limit: 'Error allowed at the target (95 %)',
  noLimit: 'none set',
  registration: 'Registration',
  noRegistration: 'No registration is accepted.',
  tre95: 'Error to expect at the target',
  tre95Note: 'The true error stays below this with 95 % probability, from what was known when it was accepted.',
  keepsLimit: 'within the limit of the plan',
  beyondLimit: 'BEYOND THE LIMIT OF THE PLAN',
  unknownBound: 'not known',
  fre: 'Residuals (RMS)',
  fle: 'Localisation error of a fiducial',
  degreesOfFreedom: 'Degrees of freedom',
  method: 'Method',
  between: 'Between',
  findings: 'Findings of the method',
  acknowledged: 'Read by a person, and accepted nevertheless.',
  fiducial: 'Fiducial',
  residual: 'Residual',
  expected: 'Expected',
  used: 'used',
  leftOut: 'left out',
  calibrations: 'Calibrations',
  calibration: 'Calibration',
  accepted: 'Accepted',
  acceptedBy: 'by {who}',
  pictures: 'Pictures',
  record: 'No.',
  yes: 'yes',
  no: 'no',
  events: 'Events and alarms',
  noEvents: 'None were noted.',
  levels: { note: 'note', warning: 'warning', alarm: 'ALARM' },
  time: 'Time (UTC)',
  event: 'Event',
  level: 'Level',
  message: 'What happened',
  who: 'Who',
  what: 'What',
  detail: 'Detail',
  line: 'Line',
  acceptances: 'Who accepted what',
  actions: {
    'session/begun': 'Session begun',
    'session/restored': 'Session taken up again',
    'session/closed': 'Session closed',
    'plan/accepted': 'Plan accepted',
    'plan-set/accepted': 'Plan of several ways accepted',
    'calibration/accepted': 'Calibration accepted',
    'registration/accepted': 'Registration accepted',
    'registration/withdrawn': 'Registration withdrawn',
    'record/accepted': 'Record accepted',
    'step/entered': 'Step entered',
  },
  integrity: 'Audit log',
  lines: 'Lines',
  head: 'Hash of the last line (SHA-256)',
  headNote:
    'Each line of the log holds the hash of the line before. A log that verifies and ends in this hash is the one this report was made from.',
  page: 'Page',
  eventNames: {
    'alarm/raised': 'Alarm raised',
    'alarm/again': 'Alarm raised again',
    'alarm/passed': 'Alarm passed',
    'alarm/ended': 'Alarm ended',
    'alarm/acknowledged': 'Alarm acknowledged',
    'alarm/reset': 'Alarm reset',
    'alarm/paused': 'Alarms paused',
    'alarm/resumed': 'Alarms resumed',
    'language/shown': 'Language of the screen',
  },
  summary: 'Summary for the multidisciplinary meeting',
  summaryNote: 'From the record of one session; the numbers are those that were accepted. It holds no diagnosis.',
  alarmsRaised: 'Alarms raised',
  warningsNoted: 'Warnings noted',
  recordsAccepted: 'Records accepted',
};
