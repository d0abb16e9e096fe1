/**
 * Who may import whom. Each rule says why; test/architecture proves that each one fires.
 *
 * base ← {math, text} ← time ← frames ← {volume, recording} ← {io, guidance, ultrasound, analysis} ← {dicom, session, render, vtk};
 * rooms in braces do not know each other. testing/ and bin/ may use anything of their own package, tests too.
 */

/** Tests, the scripts they start, and what several of them share. */
const TEST = '([.]test[.]ts|[.]probe[.]mjs)$|/test-support/';
const CORE = '^packages/core/src';

/** The rooms of core from the ground up; each may import what stands below its own row. */
const FLOORS = [
  ['base'],
  ['math', 'text'],
  ['time'],
  ['frames'],
  ['volume', 'recording'],
  ['io', 'guidance', 'ultrasound', 'analysis'],
  ['dicom', 'session', 'render', 'vtk'],
];

/** @param {readonly string[]} names */
const anyOf = (names) => `(${names.join('|')})`;

/**
 * One rule a room: everything in core's source that is neither itself nor below it is refused.
 * @type {import('dependency-cruiser').IForbiddenRuleType[]}
 */
const roomRules = FLOORS.flatMap((rooms, floor) =>
  rooms.map((room) => ({
    name: `core-${room}`,
    comment: `core's ${room}/ imports only ${FLOORS.slice(0, floor).flat().join(', ') || 'itself'}.`,
    severity: 'error',
    from: { path: `${CORE}/${room}/`, pathNot: TEST },
    to: { path: `${CORE}/`, pathNot: `${CORE}/${anyOf([room, ...FLOORS.slice(0, floor).flat()])}/` },
  })),
);

/** @type {import('dependency-cruiser').IForbiddenRuleType} */
const coreRootRule = {
  name: 'core-root',
  comment: "core's root holds what a headless pose logger needs: base, time and frames.",
  severity: 'error',
  from: { path: `${CORE}/index[.]ts$` },
  to: { path: `${CORE}/`, pathNot: `${CORE}/(base|time|frames)/` },
};

/**
 * What each package may see of another, through the entry points alone.
 * @type {import('dependency-cruiser').IForbiddenRuleType[]}
 */
const packageRules = [
  {
    name: 'core-stands-alone',
    comment: 'core imports no other package of ours.',
    severity: 'error',
    from: { path: '^packages/core/' },
    to: { path: '^packages/(registration|device-bridge)/' },
  },
  {
    name: 'registration-on-core',
    comment: "registration imports core's root, math, volume and ultrasound.",
    severity: 'error',
    from: { path: '^packages/registration/src/', pathNot: [TEST, '^packages/registration/src/(bin|itk|testing)/'] },
    to: { path: '^packages/core/', pathNot: `${CORE}/((math|volume|ultrasound)/)?index[.]ts$` },
  },
  {
    name: 'registration-files-on-core',
    comment:
      "registration's bin/ and itk/ may also read files through core's io and recording; its tests may use core's phantoms.",
    severity: 'error',
    from: { path: ['^packages/registration/src/(bin|itk|testing)/', `^packages/registration/.*(${TEST})`] },
    to: { path: '^packages/core/', pathNot: `${CORE}/((math|volume|ultrasound|io|recording|testing)/)?index[.]ts$` },
  },
  {
    name: 'registration-not-device-bridge',
    comment: 'registration and device-bridge never meet; examples join them.',
    severity: 'error',
    from: { path: '^packages/registration/' },
    to: { path: '^packages/device-bridge/' },
  },
  {
    name: 'device-bridge-on-core',
    comment: "device-bridge imports core's root, math (codecs turn matrices into poses), volume (the image type) and recording.",
    severity: 'error',
    from: { path: '^packages/device-bridge/src/', pathNot: [TEST, '^packages/device-bridge/src/testing/'] },
    to: { path: '^packages/core/', pathNot: `${CORE}/((math|volume|recording)/)?index[.]ts$` },
  },
  {
    name: 'device-bridge-tests-on-core',
    comment: "device-bridge's tests and testing/ may also use core's testing.",
    severity: 'error',
    from: { path: [`^packages/device-bridge/.*(${TEST})`, '^packages/device-bridge/src/testing/'] },
    to: { path: '^packages/core/', pathNot: `${CORE}/((volume|recording|math|testing)/)?index[.]ts$` },
  },
  {
    name: 'device-bridge-not-registration',
    comment: 'device-bridge and registration never meet; examples join them.',
    severity: 'error',
    from: { path: '^packages/device-bridge/' },
    to: { path: '^packages/registration/' },
  },
  {
    name: 'sibling-by-name',
    comment: 'A package, example or test reaches another package by its name, never by a relative path; a repro may.',
    severity: 'error',
    from: { path: '^(?:packages/([^/]+)|examples|test)/', pathNot: '^test/repro/' },
    to: { path: '^packages/[^/]+/', pathNot: '^packages/$1/', dependencyTypesNot: ['aliased-workspace'] },
  },
  {
    name: 'bench-by-name',
    comment: 'A bench reaches a package by its name; only the scenes and oracles in its testing/, which do not ship, by a path.',
    severity: 'error',
    from: { path: '^bench/' },
    to: {
      path: '^packages/[^/]+/',
      pathNot: '^packages/[^/]+/src/testing/',
      dependencyTypesNot: ['aliased-workspace'],
    },
  },
  {
    name: 'packages-know-no-application',
    comment: 'A package imports nothing of examples, bench, test or scripts.',
    severity: 'error',
    from: { path: '^packages/[^/]+/src/' },
    to: { path: '^(examples|bench|test|scripts)/' },
  },
];

/**
 * A third-party library that lives in one place only. Unresolved it is matched by its name, installed by its folder.
 * @param {string} name
 * @param {string} library regular expression of the package's name
 * @param {readonly string[]} homes
 * @returns {import('dependency-cruiser').IForbiddenRuleType}
 */
const livesIn = (name, library, homes) => ({
  name,
  comment: `Only ${homes.join(', ')} may import it.`,
  severity: 'error',
  from: { path: '^packages/', pathNot: homes.map((home) => `^packages/${home}/`) },
  to: { path: `(^|node_modules/)${library}(/|$)` },
});

/** @type {import('dependency-cruiser').IForbiddenRuleType[]} */
const libraryRules = [
  livesIn('three-in-render', '(three|@types/three)', ['core/src/render']),
  livesIn('vtk-in-vtk', '@kitware/vtk[.]js', ['core/src/vtk']),
  livesIn('meshoptimizer-in-vtk', 'meshoptimizer', ['core/src/vtk']),
  livesIn('itk-wasm-at-the-edges', '(itk-wasm|@itk-wasm/[^/]+)', ['core/src/(io|dicom)', 'registration/src/itk']),
  livesIn('gl-matrix-in-math', 'gl-matrix', ['core/src/math']),
  livesIn('mcap-in-recording', '@mcap/[^/]+', ['core/src/recording']),
  livesIn('dcmjs-in-dicom', 'dcmjs', ['core/src/dicom']),
  livesIn('mqtt-in-node', 'mqtt', ['device-bridge/src/node']),
  livesIn('yaml-in-node', 'yaml', ['device-bridge/src/node', 'device-bridge/src/bin']),
  livesIn('serialport-in-node', '(serialport|@serialport/[^/]+)', ['device-bridge/src/node', 'device-bridge/src/.*/node']),
  {
    name: 'node-built-ins-at-home',
    comment: 'node:* lives in folders node/ and bin/, and in tests.',
    severity: 'error',
    from: { path: '^packages/[^/]+/src/', pathNot: ['/(node|bin)/', TEST] },
    to: { dependencyTypes: ['core'] },
  },
  {
    name: 'node-half-by-condition',
    comment: 'Code for every platform reaches a node/ folder only through a # import, so that package.json chooses.',
    severity: 'error',
    from: { path: '^packages/[^/]+/src/', pathNot: ['/(node|bin)/', TEST] },
    to: { path: '^packages/.+/(node|bin)/', dependencyTypesNot: ['aliased-subpath-import'] },
  },
];

/** @type {import('dependency-cruiser').IForbiddenRuleType[]} */
const hygieneRules = [
  {
    name: 'no-cycles',
    comment: 'Modules that need each other are one module, or hide a third.',
    severity: 'error',
    from: {},
    to: { circular: true },
  },
  {
    name: 'testing-is-for-tests',
    comment: 'What ships never depends on phantoms, noisy trackers or oracles.',
    severity: 'error',
    from: { path: '^packages/[^/]+/src/', pathNot: [TEST, '/testing/'] },
    to: { path: '^packages/[^/]+/src/testing/' },
  },
  {
    name: 'no-test-imported',
    comment: 'A test is nobody’s library, and what tests share in test-support/ is for tests.',
    severity: 'error',
    from: { pathNot: TEST },
    to: { path: `^(packages|examples|bench|test)/.*(${TEST})` },
  },
  {
    name: 'resolvable',
    comment: 'An import that resolves to nothing breaks the build of whoever installs the package.',
    severity: 'error',
    from: { path: '^(packages|examples|bench|test)/' },
    to: { couldNotResolve: true },
  },
];

/** @type {import('dependency-cruiser').IConfiguration} */
export default {
  forbidden: [...roomRules, coreRootRule, ...packageRules, ...libraryRules, ...hygieneRules],
  options: {
    doNotFollow: { path: 'node_modules' },
    exclude: { path: '(^|/)(dist|generated|fixtures)/' },
    tsPreCompilationDeps: true,
    combinedDependencies: true,
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['@trocar/source', 'import', 'node', 'default'],
      extensions: ['.ts', '.mjs', '.js', '.json'],
      mainFields: ['module', 'main', 'types'],
    },
    tsConfig: { fileName: 'tsconfig.test.json' },
  },
};
