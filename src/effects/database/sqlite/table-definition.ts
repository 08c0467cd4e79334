/**
 * Reads what SQLite tells only in the text of CREATE TABLE: checks, generated columns, collations, table options.
 * Pure. The text is SQLite's own (sqlite_schema.sql), so it is valid; what is not understood stays as it is.
 */

export interface TableDefinition {
  /** CHECKs, collations, AUTOINCREMENT and table options, as sorted normalised text. */
  readonly constraints: readonly string[];
  /** Expressions of generated columns, by the column's name. */
  readonly generated: ReadonlyMap<string, string>;
  /** What happens to a row that violates a constraint, where that is not the default: `ON CONFLICT REPLACE (email)`. */
  readonly conflicts: readonly string[];
}

export function readTableDefinition(sql: string): TableDefinition {
  const tokens = tokenize(sql);
  const open = tokens.indexOf('(');
  if (open < 0) return { constraints: [normalizeSql(sql)], generated: new Map(), conflicts: [] };
  const close = closingParenthesis(tokens, open);
  const constraints: string[] = [];
  const generated = new Map<string, string>();
  const items = splitAtCommas(tokens.slice(open + 1, close));
  for (const item of items) readItem(item, constraints, generated);
  for (const option of splitAtCommas(tokens.slice(close + 1))) {
    if (option.length > 0 && option[0] !== ';') constraints.push(joinTokens(option).toUpperCase());
  }
  return { constraints: constraints.sort(), generated, conflicts: items.flatMap(conflictsOf).sort() };
}

/** SQL without comments, needless quotes and layout, so that one meaning has one text. */
export function normalizeSql(sql: string): string {
  return joinTokens(tokenize(sql));
}

function readItem(item: readonly string[], constraints: string[], generated: Map<string, string>): void {
  const isTableConstraint = /^(CONSTRAINT|PRIMARY|UNIQUE|CHECK|FOREIGN)$/i.test(item[0] ?? '');
  const column = isTableConstraint ? undefined : item[0];
  for (let index = isTableConstraint ? 0 : 1; index < item.length; index++) {
    const word = item[index]!.toUpperCase();
    if (item[index + 1] === '(' && word === 'CHECK') {
      const end = closingParenthesis(item, index + 1);
      const name = item[index - 2]?.toUpperCase() === 'CONSTRAINT' ? `CONSTRAINT ${item[index - 1]!} ` : '';
      constraints.push(`${name}CHECK ${joinTokens(item.slice(index + 1, end + 1))}`);
      index = end;
    } else if (item[index + 1] === '(' && word === 'AS' && column !== undefined) {
      const end = closingParenthesis(item, index + 1);
      generated.set(column, joinTokens(item.slice(index + 1, end + 1)));
      index = end;
    } else if (word === 'COLLATE' && column !== undefined) {
      constraints.push(`COLLATE ${item[index + 1] ?? ''} (${column})`);
    } else if (word === 'AUTOINCREMENT') {
      constraints.push('AUTOINCREMENT');
    } else if (item[index] === '(') {
      index = closingParenthesis(item, index);
    }
  }
}

/** `ON CONFLICT` clauses of a column or a constraint, each with what it stands in. */
function conflictsOf(item: readonly string[]): string[] {
  return item.flatMap((word, index) => {
    if (word.toUpperCase() !== 'ON' || item[index + 1]?.toUpperCase() !== 'CONFLICT') return [];
    return [`ON CONFLICT ${(item[index + 2] ?? '').toUpperCase()} (${joinTokens(item.slice(0, index))})`];
  });
}

/** Comments, strings, quoted names, words and numbers, space, signs: whichever matches first. */
const TOKEN = new RegExp(
  [
    /--[^\n]*/u,
    /\/\*[\s\S]*?(?:\*\/|$)/u,
    /'(?:[^']|'')*'/u,
    /"(?:[^"]|"")*"/u,
    /`(?:[^`]|``)*`/u,
    /\[[^\]]*\]/u,
    /[\p{L}_$\u0080-\uffff\d.]+/u,
    /\s+/u,
    /[<>=!|]+/u,
    /[\s\S]/u,
  ]
    .map(({ source }) => source)
    .join('|'),
  'gu',
);

/** Words, numbers, strings, quoted names and signs. A quoted name that needs no quotes loses them. */
function tokenize(sql: string): string[] {
  const tokens: string[] = [];
  for (const [token] of sql.matchAll(TOKEN)) {
    if (/^(--|\/\*|\s)/.test(token)) continue;
    tokens.push(/^["`[]/.test(token) ? normalizeName(token) : token);
  }
  return tokens;
}

function normalizeName(token: string): string {
  const quote = token[0]!;
  const inner = token.slice(1, -1);
  const name = quote === '[' ? inner : inner.replaceAll(quote + quote, quote);
  return /^[A-Za-z_]\w*$/.test(name) ? name : `"${name.replaceAll('"', '""')}"`;
}

function closingParenthesis(tokens: readonly string[], open: number): number {
  let depth = 0;
  for (let index = open; index < tokens.length; index++) {
    if (tokens[index] === '(') depth++;
    if (tokens[index] === ')' && --depth === 0) return index;
  }
  return tokens.length - 1;
}

function splitAtCommas(tokens: readonly string[]): string[][] {
  const items: string[][] = [[]];
  let depth = 0;
  for (const token of tokens) {
    if (token === '(') depth++;
    if (token === ')') depth--;
    if (token === ',' && depth === 0) items.push([]);
    else items.at(-1)!.push(token);
  }
  return items;
}

function joinTokens(tokens: readonly string[]): string {
  let text = '';
  for (const [index, token] of tokens.entries()) {
    const previous = tokens[index - 1];
    const isTight =
      index === 0 || previous === '(' || token === ')' || token === ',' || token === '.' || previous === '.';
    text += isTight ? token : ` ${token}`;
  }
  return text;
}
