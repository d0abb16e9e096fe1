import { h, live } from './dom.js';
import { isReviewed, t } from './texts/index.js';
import { chooseHere, LANGUAGES, language } from './texts/language.js';

/** The languages by their own names, and whether the words of the one that is chosen were released. */
export function languageMenu(): HTMLElement {
  const options = Object.entries(LANGUAGES).map(([tag, name]) => {
    return h('option', { value: tag, lang: tag, selected: tag === language.locale.language }, name);
  });
  const menu = h('select', { id: 'language' }, ...options);
  menu.addEventListener('change', () => void chooseHere(menu.value));
  const label = h(
    'label',
    { for: 'language', class: 'spoken' },
    live(() => t('Language')),
  );
  const note = h(
    'span',
    { id: 'translation', role: 'note' },
    live(() => (isReviewed() ? '' : t('translation not reviewed'))),
  );
  return h('p', { class: 'languages' }, label, menu, note);
}
