import { frame } from '@trocar/core';
import { readVolume, setAssetsBase } from '@trocar/core/io';
import { createStage } from '@trocar/core/render';

/** A page as a desktop application loads it from its own folder: every address is relative to the page's. */
setAssetsBase(new URL('./trocar', document.baseURI).href);
const ct = frame('ct');
const stage = createStage(document.body, { frame: ct });
const bytes = new Uint8Array(await (await fetch('./volume.nrrd')).arrayBuffer());
stage.setVolume(await readVolume([{ name: 'volume.nrrd', bytes }], { frame: ct }));
stage.start();
document.title = 'shown';
