/** What a handout says, in English: whole sentences, because parts of sentences stand in another order elsewhere. */
export const HANDOUT_MESSAGES = {
  title: 'Your procedure: what was done',
  for: 'For {name}',
  intro:
    'This page tells in plain words what the computer guidance did in your procedure on {day}. It was made from the record of that procedure.',
  doneTitle: 'What was done',
  guided: 'A computer showed the team where their instrument was on {modality} images of you.',
  guidedUnknown: 'A computer showed the team where their instrument was on images of you.',
  planned: 'The way of the instrument was planned beforehand: {length} from where it enters to the target.',
  noPlan: 'No plan was accepted in this record.',
  matched: 'Your position was matched to the images. The team looked at how well they matched, and accepted it.',
  notMatched: 'In this record no matching of your position to the images stands as accepted.',
  exactTitle: 'How exact was it?',
  bound:
    'The place that the computer showed for the target may have been off: {bound}. That is a limit, not what is usual. In 95 of 100 such cases the true place lies nearer than this, in 5 of 100 it lies further away.',
  compare: 'For comparison: a grain of rice is about 6 mm long.',
  unknownBound: 'How far the place that the computer showed may have been off is not known.',
  withinLimit: 'Beforehand the team had set a limit of {limit} for this. It was kept.',
  beyondLimit: 'Beforehand the team had set a limit of {limit} for this. It was not kept, and the team went on knowing that.',
  noLimit: 'No limit for this was set beforehand.',
  limitUnknown: 'Beforehand a limit of {limit} was set for this. Whether it was kept is not known.',
  alarmsTitle: 'Alarms',
  alarms:
    '{n, plural, =0 {The computer raised no alarm.} one {The computer raised an alarm # time.} other {The computer raised an alarm # times.}}',
  alarmMeans:
    'An alarm asks the team to check something, as when the camera does not see an instrument. It does not mean that you were harmed.',
  restored:
    '{n, plural, one {The program stopped and was started again # time.} other {The program stopped and was started again # times.}} What had been accepted before was kept.',
  notTitle: 'What this page does not say',
  notDiagnosis: 'It holds no diagnosis and no result. What the laboratory finds in samples your doctor will tell you.',
  notSuccess: 'It does not say whether the treatment has worked. That is judged later, by your doctor.',
  notCare: 'It says nothing of medicines, of the wound, or of when to come again. Ask for the page about these.',
  askTitle: 'Ask',
  ask: 'If something here is not clear, or you do not feel well, ask your doctor.',
  notCleared: 'The software is not a medical device and not cleared for clinical use.',
  notReviewed: 'This page is a translation that no clinician has checked.',
  record: 'Record {id}',
  page: 'Page',
} as const;

/** Keys and placeholders of a handout. */
export type HandoutMessages = typeof HANDOUT_MESSAGES;
