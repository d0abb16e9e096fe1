import { isNavError } from '@trocar/core';
import { painted } from '../../suite/page/link.js';
import { BiopsyPage } from './page.js';
import { t } from './texts/index.js';

const page = new BiopsyPage();
await painted();
try {
  await page.open();
} catch (error) {
  const text = isNavError(error) ? `${error.code}: ${error.message}` : String(error);
  page.fail(t('The images cannot be used'), text);
}
