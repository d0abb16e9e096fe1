/** `@trocar/core/text`: what people read, from catalogues, in the language that is chosen. */
export {
  type Catalogue,
  type CatalogueFault,
  type CatalogueFaultKind,
  catalogueFaults,
  requireCatalogue,
  type SourceCatalogue,
  sourceCatalogue,
} from './catalogue.js';
export { chooseLanguage, type TextDigits, type TextLocale, textLocale } from './locale.js';
export type { MessageValues } from './message.js';
export { isMarkedEnglish, markEnglish, type PlaceholdersOf, TextLanguage, Texts, type Told, type ValuesOf } from './texts.js';
