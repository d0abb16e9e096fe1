/** What a codec or a driver must do, as checks that run in any test runner. */
export { checkStreamCodec, type StreamCodecSuite, type StreamCodecUnderTest } from './stream-codec.js';
