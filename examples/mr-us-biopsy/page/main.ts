import { isNavError } from '@trocar/core';
import { painted } from '../../suite/page/link.js';
import { BiopsyPage } from './page.js';

const page = new BiopsyPage();
await painted();
try {
  await page.open();
} catch (error) {
  const text = isNavError(error) ? `${error.code}: ${error.message}` : String(error);
  page.fail('The images cannot be used', text);
}
