import type { LiveVerdict, Proposal } from '@trocar/core/session';
import { h } from '../../suite/page/dom.js';
import { language } from '../../suite/page/texts/language.js';
import { t } from './texts/index.js';
import { reasonText } from './words.js';

/** So many are listed: the newest. */
const LISTED = 4;

/** 64 random bits: what a proposal is known by. */
const randomId = (): string =>
  Array.from(crypto.getRandomValues(new Uint8Array(8)), (byte) => byte.toString(16).padStart(2, '0')).join('');

/** What this observer proposed, and what became of it. */
export class Proposals {
  readonly #at: HTMLElement;
  readonly #send: (proposal: Proposal) => boolean;
  #sent: string[] = [];
  #failed = false;
  #key = '';

  /** @param send false where nobody would get it */
  constructor(at: HTMLElement, send: (proposal: Proposal) => boolean) {
    this.#at = at;
    this.#send = send;
  }

  /** Proposes a point. @param at LPS mm in that frame of reference */
  propose(frameOfReferenceUid: string, at: Proposal['points'][number]): void {
    const id = randomId();
    this.#failed = !this.#send({ id, kind: 'point', frameOfReferenceUid, points: [at], text: t('Look here') });
    if (!this.#failed) this.#sent = [id, ...this.#sent].slice(0, LISTED);
  }

  /** Once a frame; costs nothing while nothing changes. */
  show(verdicts: readonly LiveVerdict[]): void {
    const key = JSON.stringify([this.#sent, this.#failed, verdicts, language.locale.language]);
    if (key === this.#key) return;
    this.#key = key;
    const lines = this.#sent.map((id) =>
      lineOf(
        id,
        verdicts.find((one) => one.id === id),
      ),
    );
    this.#at.replaceChildren(
      ...(this.#failed ? [h('li', { 'data-verdict': 'failed' }, t('Not sent: there is no operator.'))] : []),
      ...lines,
    );
  }
}

function lineOf(whole: string, verdict: LiveVerdict | undefined): HTMLElement {
  const id = whole.slice(0, 6);
  if (verdict === undefined) return h('li', { 'data-verdict': 'open' }, t('Proposal {id}: sent, waits for the operator', { id }));
  if (verdict.accepted) return h('li', { 'data-verdict': 'accepted' }, t('Proposal {id}: accepted', { id }));
  if (verdict.reason === '') return h('li', { 'data-verdict': 'refused' }, t('Proposal {id}: not accepted', { id }));
  const reason = reasonText(verdict.reason);
  return h('li', { 'data-verdict': 'refused' }, t('Proposal {id}: not accepted. {reason}', { id, reason }));
}
