import { afterAll, describe, expect, it } from 'vitest';
import { Random } from '../math/index.js';
import { beginSession, browserFolder, reportHtml, restoreSession, type SessionStorage, verifyAudit } from './index.js';
import { CT, parts, REFERENCE, wildAccuracy, wildEdge, wildPlan } from './test-support/procedure.js';

const NAME = `session-test-${Math.random()}`;
const open = async (): Promise<SessionStorage> => {
  const root = await navigator.storage.getDirectory();
  return browserFolder(await root.getDirectoryHandle(NAME, { create: true }));
};
afterAll(async () => (await navigator.storage.getDirectory()).removeEntry(NAME, { recursive: true }));

describe('a session in the private files of a browser', () => {
  it('is restored bit for bit, gives up a torn line, and refuses a second writer and a changed byte', async () => {
    const random = new Random(8);
    const session = await beginSession({ ...parts(), storage: await open(), by: 'a', software: 'test' });
    await session.acceptPlan(wildPlan(random), 'a');
    await session.acceptRegistration(wildEdge(CT, REFERENCE, random), wildAccuracy(random), 'a');
    await Promise.all(Array.from({ length: 20 }, (_, n) => session.note('note', 'n', String(n), 'a')));

    const torn = await open();
    const { journal } = await torn.load();
    await torn.append(journal.subarray(0, 70), journal.length);
    const restored = await restoreSession({ ...parts(), storage: await open(), by: 'b' });
    expect(restored.givenUpBytes).toBe(70);
    expect({ ...restored.session.state, restores: [] }).toEqual(session.state);
    await expect(session.enterStep('late', 'a')).rejects.toMatchObject({ code: 'session/in-use' });

    await restored.session.close('b');
    const last = await open();
    const { journal: whole } = await last.load();
    expect(verifyAudit(whole, restored.session.head).ok).toBe(true);
    await last.cut(whole.length - 1);
    await expect(restoreSession({ ...parts(), storage: await open(), by: 'c' })).rejects.toMatchObject({
      code: 'session/cut-off',
    });
    await last.cut(0);
    await last.append(whole.with(100, 0x23), 0);
    await expect(restoreSession({ ...parts(), storage: await open(), by: 'c' })).rejects.toMatchObject({
      code: 'session/damaged',
    });
  });
});

describe('a report in a browser', () => {
  it('is a document whose own policy finds nothing to refuse, and which runs and loads nothing that a text asks for', async () => {
    const evil =
      '<img src="/evil.png" onerror="parent.postMessage(\'ran\', \'*\')"><script>parent.postMessage("ran", "*")</script>';
    const session = await beginSession({ ...parts(), by: evil, software: evil });
    await session.acceptPlan(wildPlan(new Random(1)), evil);
    await session.note('alarm', evil, evil, evil);
    const canvas = document.createElement('canvas');
    canvas.width = canvas.height = 8;
    const dataUrl = canvas.toDataURL();
    const text = reportHtml({
      state: session.state,
      audit: await session.audit(),
      made: new Date(0),
      pictures: [{ dataUrl, caption: evil }],
    });
    const messages: unknown[] = [];
    const listen = ({ data }: MessageEvent): void => void messages.push(data);
    window.addEventListener('message', listen);
    const frame = document.createElement('iframe');
    frame.style.width = '190mm';
    await new Promise((resolve) => {
      frame.addEventListener('load', resolve, { once: true });
      frame.srcdoc = text;
      document.body.append(frame);
    });
    const inside = frame.contentDocument as Document;
    const pictures = [...inside.images];
    await Promise.all(pictures.map((picture) => picture.decode()));
    expect(pictures.map((picture) => picture.naturalWidth)).toEqual([8]);
    expect(inside.scripts).toHaveLength(0);
    expect(inside.querySelector('td.figures')).not.toBeNull();
    expect(inside.body.textContent).toContain(evil);
    // The style sheet was taken: without it, figures would not stand to the right.
    expect(getComputedStyle(inside.querySelector('td.figures') as Element).textAlign).toBe('right');
    expect(inside.documentElement.scrollWidth).toBeLessThanOrEqual(inside.documentElement.clientWidth);
    expect(messages).toEqual([]);
    window.removeEventListener('message', listen);
    frame.remove();
  });
});
