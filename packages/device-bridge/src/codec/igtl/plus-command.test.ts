import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { plusCommand, plusReply, readElement, readPlusReply } from './index.js';

describe("PLUS's commands and replies", () => {
  it('are written as one element', () => {
    expect(plusCommand('StartRecording', { CaptureDeviceId: 'a', OutputFilename: 'x & "y".mha' })).toBe(
      '<Command Name="StartRecording" CaptureDeviceId="a" OutputFilename="x &amp; &quot;y&quot;.mha" />',
    );
    expect(plusReply(false, 'no')).toBe('<CommandReply Status="FAIL" Message="no" />');
    expect(() => plusCommand('x', { 'not a name': '' })).toThrow(/cannot name/);
  });

  it('come back whole, whatever characters they hold', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), fc.boolean(), (text, success) => {
        expect(readPlusReply(plusReply(success, text))).toMatchObject({ success, message: text });
        expect(readElement(plusCommand('N', { Text: text }))).toMatchObject({
          name: 'Command',
          attributes: { Name: 'N', Text: text },
        });
      }),
    );
  });

  it.each([
    ['<CommandReply Name="A" Status="SUCCESS" Message="done"></CommandReply>', true, 'done'],
    ['<CommandReply Status="FAIL" Error="why" />', false, 'why'],
    ["<?xml version='1.0'?>\n<CommandReply Status='SUCCESS' Message='it&#39;s &#x41;' />", true, "it's A"],
    ['<Other Status="SUCCESS"/>', false, ''],
    ['', false, ''],
    ['SUCCESS', false, ''],
    ['<', false, ''],
  ])('%s is read', (text, success, message) => {
    expect(readPlusReply(text)).toMatchObject({ success, message });
  });

  it('any text is read in time and without a throw', () => {
    fc.assert(fc.property(fc.string(), (text) => void readPlusReply(`<CommandReply ${text}`)));
    const from = performance.now();
    readPlusReply(`<CommandReply${' a="'.repeat(100_000)}`);
    readPlusReply(`<CommandReply${' '.repeat(1_000_000)}`);
    expect(performance.now() - from).toBeLessThan(1000);
  });
});
