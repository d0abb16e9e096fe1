/** The patient axes of coordinates in a file. Inside they are LPS, always; RAS exists only here at the door. */
export type Space = 'LPS' | 'RAS';

/** Who said in which axes a file's coordinates are: the file, the caller, or nobody, and then they are taken as LPS. */
export type SpaceSource = 'file' | 'option' | 'default';

/** Something true of what was read that its user must know. */
export interface ReadWarning {
  readonly code:
    | 'ras-converted'
    | 'space-overridden'
    | 'unit-converted'
    | 'undefined-points'
    | 'ignored-columns'
    | 'commented-points'
    | 'degenerate-triangles'
    | 'duplicate-triangles'
    | 'trailing-bytes'
    | 'other-cells';
  readonly message: string;
}

/** What a file says of its axes and what the caller says, made one. */
export function settledSpace(
  name: string,
  said: Space | undefined,
  asked: Space | undefined,
): { readonly space: Space; readonly from: SpaceSource; readonly warnings: ReadWarning[] } {
  const space = asked ?? said ?? 'LPS';
  const warnings: ReadWarning[] = [];
  if (asked !== undefined && said !== undefined && asked !== said) {
    warnings.push({
      code: 'space-overridden',
      message: `"${name}" says that it is in ${said}, but is read as ${asked}, as was asked.`,
    });
  }
  if (space === 'RAS') {
    warnings.push({ code: 'ras-converted', message: `"${name}" is in RAS; its x and y were negated to LPS.` });
  }
  return { space, from: asked !== undefined ? 'option' : said !== undefined ? 'file' : 'default', warnings };
}

/** RAS to LPS, or back, in place: x and y of every point change sign, a half turn about z. */
export function flipXY(xyz: Float64Array): void {
  for (let i = 0; i + 2 < xyz.length; i += 3) {
    xyz[i] = 0 - (xyz[i] as number);
    xyz[i + 1] = 0 - (xyz[i + 1] as number);
  }
}

/** `SPACE=RAS` or `SPACE=LPS` in a header or comment, as 3D Slicer writes it; undefined where nothing is said. */
export function spaceInComment(text: string): Space | undefined {
  const word = /\bSPACE\s*=\s*(RAS|LPS)\b/i.exec(text)?.[1];
  return word === undefined ? undefined : (word.toUpperCase() as Space);
}
