import { defineConfig } from 'tsup';
import { buildOptions } from '../../scripts/lib/build-options.mjs';

export default defineConfig(buildOptions('registration'));
