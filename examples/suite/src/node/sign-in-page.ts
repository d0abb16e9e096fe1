import { SIGN_IN } from '../../page/texts/sign-in.js';

const STYLE =
  'body{margin:0;min-height:100vh;display:grid;place-items:center;background:#0b0e12;color:#f2f5f7;font:1.1rem/1.5 system-ui,sans-serif}' +
  'form{display:grid;gap:14px;width:min(30rem,90vw);padding:28px;border:1px solid #27303a;background:#12171d}' +
  'h1,p{margin:0}label{display:grid;gap:6px}.why{color:#9fb0bf;font-size:.95rem}' +
  'input,button{padding:12px;border:1px solid #3a4652;border-radius:8px;background:#1b222a;color:inherit;font:inherit}' +
  'button{border-color:#56b4e9;background:#15384d;font-weight:700}' +
  '[role=alert]{padding:10px 12px;border-left:8px solid #ff6b4a;background:#2b1a16}a{color:#9fb0bf;margin-right:12px}';

const escaped = (text: string): string => text.replace(/[&<>"']/g, (c) => `&#${c.codePointAt(0)};`);

/**
 * The page that asks for a token: one form without a script, so that it works before anything is loaded.
 * @param tag of `?lang=`; anything that is not known is English
 * @param refused why the last token was refused, in English
 */
export function signInPage(tag: string | null, refused?: string): string {
  const lang = tag !== null && Object.hasOwn(SIGN_IN, tag) ? (tag as keyof typeof SIGN_IN) : 'en';
  const { title, token, signIn, why } = SIGN_IN[lang];
  const marked = lang === 'en' ? '' : '[en] ';
  const alert = refused === undefined ? '' : `<p role="alert" lang="en">${escaped(marked + refused)}</p>`;
  const names = { en: 'English', hi: 'हिन्दी', bn: 'বাংলা', gu: 'ગુજરાતી' };
  const others = Object.entries(names).map(([to, name]) => `<a href="/?lang=${to}" lang="${to}">${name}</a>`);
  return (
    `<!doctype html><html lang="${lang}"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">` +
    `<title>Trocar · ${title}</title><style>${STYLE}</style></head><body><form method="post" action="/sign-in?lang=${lang}">` +
    `<h1>Trocar · ${title}</h1>${alert}<p class="why">${why}</p><label>${token}` +
    `<input name="token" type="password" autocomplete="off" required autofocus></label>` +
    `<button>${signIn}</button><p>${others.join('')}</p></form></body></html>`
  );
}
