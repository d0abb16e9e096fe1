import { type Catalogue, markEnglish, type SourceCatalogue, type TextLanguage, Texts } from '../../../text/index.js';
import type { Alarm } from '../alarm.js';
import { ALARM_RULES, englishMessage } from '../rules.js';
import { BN } from './bn.js';
import { GU } from './gu.js';
import { HI } from './hi.js';
import type { AlarmRuleId } from './ids.js';

type Messages = Readonly<Record<AlarmRuleId, string>>;

/** The alarms in English, by the ids of their rules; `{subject}` is the tool or the image. */
export const ALARM_TEXT: SourceCatalogue<Messages> = {
  language: 'en',
  name: 'English',
  reviewed: true,
  messages: Object.fromEntries(ALARM_RULES.map((rule) => [rule.id, englishMessage(rule)])) as Messages,
};

/** The alarms in every other language. */
export const ALARM_TRANSLATIONS: readonly Catalogue<AlarmRuleId>[] = [HI, BN, GU];

/** Says alarms in the language of the moment. */
export class AlarmTexts {
  readonly #texts: Texts<Messages>;
  readonly #language: TextLanguage;

  constructor(language: TextLanguage) {
    this.#language = language;
    this.#texts = new Texts(ALARM_TEXT, ALARM_TRANSLATIONS, language);
  }

  /** What an alarm says, made from its rule and subject whenever it is shown; of a rule that has no words here, its English message, marked. */
  say({ rule, subject, message }: Pick<Alarm, 'rule' | 'subject' | 'message'>): string {
    if (!Object.hasOwn(ALARM_TEXT.messages, rule)) return markEnglish(message, this.#language.locale.language);
    const { text, untranslated } = this.#texts.tell(rule as AlarmRuleId, { subject });
    return untranslated ? markEnglish(text, this.#language.locale.language) : text;
  }
}
