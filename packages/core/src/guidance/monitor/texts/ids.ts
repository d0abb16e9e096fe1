/** The rules that have words in every language: those of `ALARM_RULES`. */
export type AlarmRuleId =
  | 'pose-lost'
  | 'pose-frozen'
  | 'latency-step'
  | 'clock-drift'
  | 'image-stale'
  | 'reference-moved'
  | 'reference-unwatched'
  | 'tool-swapped'
  | 'axes-wrong'
  | 'scale-wrong'
  | 'registration-refused'
  | 'wrong-patient'
  | 'wrong-side'
  | 'wrong-series'
  | 'wrong-frame-of-reference'
  | 'restored-unverified';
