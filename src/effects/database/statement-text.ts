/**
 * Looks at the text of statements without understanding SQL: for messages, and to refuse what would end the transaction
 * that a step's effects share.
 */
import { cutAt } from '../../model/shown-value.ts';

const SHOWN_CHARS = 200;

/** A statement on one line, bounded, for a message. */
export function cutStatement(text: string): string {
  return cutAt(text.trim().replace(/\s+/g, ' '), SHOWN_CHARS);
}

/** The first word, in upper case, after comments and space: `UPDATE`. Empty if there is none. */
export function firstKeyword(text: string): string {
  return /^[A-Za-z]+/.exec(skipSpace(text))?.[0].toUpperCase() ?? '';
}

/** The second word: `PREPARE TRANSACTION`, `SET CONSTRAINTS`. */
export function secondKeyword(text: string): string {
  const rest = skipSpace(text);
  return firstKeyword(rest.slice(firstKeyword(rest).length));
}

/** Whether nothing but space, semicolons and SQLite's comments is there. */
export function isBlankSqlite(text: string): boolean {
  let rest = skipSpace(text, false);
  while (rest.startsWith(';')) rest = skipSpace(rest.slice(1), false);
  return rest === '';
}

/** Whether the statement would begin, end or split a transaction. */
export function controlsTransaction(text: string): boolean {
  switch (firstKeyword(text)) {
    case 'BEGIN':
    case 'START':
    case 'COMMIT':
    case 'END':
    case 'ROLLBACK':
    case 'ABORT':
    case 'SAVEPOINT':
    case 'RELEASE':
      return true;
    case 'PREPARE':
      return secondKeyword(text) === 'TRANSACTION';
    case 'SET':
      return ['TRANSACTION', 'CONSTRAINTS', 'SESSION'].includes(secondKeyword(text));
    default:
      return false;
  }
}

/** PostgreSQL's comments nest, SQLite's do not. */
function skipSpace(text: string, commentsNest = true): string {
  let rest = text.trimStart();
  for (;;) {
    if (rest.startsWith('--')) {
      const end = rest.indexOf('\n');
      rest = end < 0 ? '' : rest.slice(end + 1).trimStart();
    } else if (rest.startsWith('/*')) {
      rest = rest.slice(commentEnd(rest, commentsNest)).trimStart();
    } else {
      return rest;
    }
  }
}

function commentEnd(text: string, commentsNest: boolean): number {
  const marks = /\/\*|\*\//g;
  let depth = 0;
  for (let mark = marks.exec(text); mark !== null; mark = marks.exec(text)) {
    if (mark[0] === '*/') depth--;
    else if (commentsNest || depth === 0) depth++;
    if (depth === 0) return marks.lastIndex;
  }
  return text.length;
}
