import ts from 'typescript';

/** A text in a source file that a person may come to read, outside the catalogues. */
export interface LooseText {
  /** 1-based. */
  readonly line: number;
  /** What it says; `{}` for what is put into it. */
  readonly text: string;
  readonly node: ts.StringLiteralLike | ts.TemplateExpression | ts.JsxText;
}

/** Properties whose value people read, by name. */
const READ_PROPERTIES = new Set(
  ['label', 'text', 'title', 'caption', 'message', 'notice', 'hint', 'word', 'what', 'unit', 'lateral', 'depth', 'avoid'].concat([
    'aria-label',
    'aria-valuetext',
    'aria-description',
    'placeholder',
    'alt',
    'textContent',
    'innerText',
    'canvasLabel',
  ]),
);
/** Functions that take a catalogue's message first, or texts that no person reads. */
const SAYING = new Set(['t', 'say', 'tell', 'sourceCatalogue', 'refuse']);
const UNREAD = new Set(
  [
    'querySelector',
    'querySelectorAll',
    'getElementById',
    'createElement',
    'addEventListener',
    'fetch',
    'Error',
    'NavError',
  ].concat([
    'frame',
    'getContext',
    'getExtension',
    'import',
    'URL',
    'matchMedia',
    'split',
    'join',
    'includes',
    'startsWith',
    'endsWith',
    'getPropertyValue',
    'setProperty',
    'getItem',
    'setItem',
    'closest',
    'hasStep',
    'setDefine',
    'requireSameFrame',
  ]),
);

/**
 * Every text of a file that people may read and that stands in no catalogue.
 * @param drawn the file draws pictures: single words in capitals are read there, too, and what has more than one line is a shader
 */
export function looseTexts(path: string, source: string, drawn = false): LooseText[] {
  const file = ts.createSourceFile(
    path,
    source,
    ts.ScriptTarget.Latest,
    true,
    path.endsWith('x') ? ts.ScriptKind.TSX : ts.ScriptKind.TS,
  );
  const found: LooseText[] = [];
  const look = (node: ts.Node): void => {
    if (ts.isImportDeclaration(node) || ts.isExportDeclaration(node) || ts.isTypeNode(node)) return;
    if (ts.isStringLiteralLike(node) || ts.isTemplateExpression(node) || ts.isJsxText(node)) {
      const text = textOf(node);
      if (drawn ? isDrawn(node, text) : isRead(node, text))
        found.push({ line: file.getLineAndCharacterOfPosition(node.getStart()).line + 1, text, node });
    }
    ts.forEachChild(node, look);
  };
  look(file);
  return found;
}

function textOf(node: LooseText['node']): string {
  if (!ts.isTemplateExpression(node)) return node.text;
  return node.head.text + node.templateSpans.map((span) => `{}${span.literal.text}`).join('');
}

/** Two words, or one that begins a sentence. */
const LIKE_WORDS = /\p{L}{2,},?\s+(?:\S+\s+)?\p{L}{2,}|^\p{Lu}\p{Ll}{2,}/u;

/** A word, longer than a unit and no abbreviation, beside what is put in: `touching {} %`. */
const WORD_BESIDE = /(?:^|\s)\p{Ll}{4,}[:,.]?\s+\{\}|\{\}\s+\p{Ll}{4,}(?:$|[\s:,.])/u;

function isRead(node: LooseText['node'], text: string): boolean {
  if (!/\p{L}{2,}/u.test(text)) return false;
  if (ts.isJsxText(node)) return true;
  const place = placeOf(node);
  if (place === 'unread') return false;
  return place === 'read' || LIKE_WORDS.test(text) || (ts.isTemplateExpression(node) && WORD_BESIDE.test(text));
}

function isDrawn(node: LooseText['node'], text: string): boolean {
  if (text.includes('\n')) return false;
  return isRead(node, text) || (/\p{Lu}{3,}/u.test(text) && placeOf(node) !== 'unread');
}

/** Where a text stands: where people read it, where nobody does, or where it does not tell. */
function placeOf(node: ts.Node): 'read' | 'unread' | 'either' {
  const { parent } = node;
  if (ts.isPropertyAssignment(parent)) return parent.name === node ? 'unread' : ofProperty(parent);
  if (ts.isJsxAttribute(parent)) return READ_PROPERTIES.has(parent.name.getText()) ? 'read' : 'unread';
  if (ts.isElementAccessExpression(parent) || ts.isCaseClause(parent) || ts.isTaggedTemplateExpression(parent)) return 'unread';
  if (ts.isBinaryExpression(parent)) return ofBinary(parent, node);
  if (ts.isCallExpression(parent) || ts.isNewExpression(parent)) return ofCall(parent, node);
  // A part of what is said is said: of a choice, of a template, of brackets.
  if (ts.isConditionalExpression(parent) || ts.isParenthesizedExpression(parent) || ts.isTemplateSpan(parent)) {
    if (ts.isConditionalExpression(parent) && parent.condition === node) return 'unread';
    return placeOf(ts.isTemplateSpan(parent) ? parent.parent : parent);
  }
  return 'either';
}

function ofProperty(property: ts.PropertyAssignment): 'read' | 'unread' | 'either' {
  const name = ts.isStringLiteral(property.name) ? property.name.text : property.name.getText();
  if (READ_PROPERTIES.has(name)) return 'read';
  // What an element is made with: classes, ids and roles are not read.
  const call = property.parent.parent;
  return ts.isCallExpression(call) && /^(h|svg)$/.test(call.expression.getText()) ? 'unread' : 'either';
}

function ofBinary(binary: ts.BinaryExpression, node: ts.Node): 'read' | 'unread' | 'either' {
  const kind = binary.operatorToken.kind;
  if (kind === ts.SyntaxKind.PlusToken || kind === ts.SyntaxKind.BarBarToken || kind === ts.SyntaxKind.QuestionQuestionToken) {
    return placeOf(binary);
  }
  if (kind === ts.SyntaxKind.EqualsToken && binary.right === node && ts.isPropertyAccessExpression(binary.left)) {
    return READ_PROPERTIES.has(binary.left.name.text) ? 'read' : 'either';
  }
  return kind === ts.SyntaxKind.EqualsToken ? 'either' : 'unread';
}

function ofCall(call: ts.CallExpression | ts.NewExpression, node: ts.Node): 'read' | 'unread' | 'either' {
  const { expression } = call;
  const name = ts.isPropertyAccessExpression(expression) ? expression.name.text : expression.getText();
  const given: readonly ts.Node[] = call.arguments ?? [];
  const at = given.indexOf(node);
  if (UNREAD.has(name) || (SAYING.has(name) && (at === 0 || name === 'refuse'))) return 'unread';
  if (name === 'h' || name === 'svg') return at >= 2 ? 'read' : 'unread';
  if (name === 'setText') return at === 1 ? 'read' : 'unread';
  if (name === 'setAttribute') return at === 1 && READ_PROPERTIES.has((given[0] as ts.StringLiteral).text) ? 'read' : 'unread';
  return 'either';
}
