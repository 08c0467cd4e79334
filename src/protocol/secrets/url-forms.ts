/** The forms of a database's URL that holds a password. */
import { secretMark } from '../../model/step/secret.ts';
import { formOf, MIN_SECRET_CHARACTERS, type Form } from './form.ts';
import { formsOf } from './forms.ts';

/** `scheme://user:password@host…` */
const USER_AND_PASSWORD = /^[A-Za-z][\w+.-]*:\/\/([^:@/?#]*):(.*)@([^@]*)$/s;
const PASSWORD_PARAMETER = /[?&](?:ssl)?password=([^&#]*)/gi;
/** Such a password is a plain word: it is found in too much text that is no secret. */
const PLAIN_WORD = /^[a-z]{8,11}$/;

/**
 * A password counts by itself unless it is short, a plain word or another part of the URL; within the URL it always
 * does.
 */
export function formsOfUrl(name: string, url: string): readonly Form[] {
  const [, user, password, rest] = USER_AND_PASSWORD.exec(url) ?? [];
  const parameters = [...url.matchAll(PASSWORD_PARAMETER)].map(([, value]) => value!);
  const passwords = [...(password === undefined ? [] : [password]), ...parameters].filter((text) => text !== '');
  const [first] = passwords;
  if (first === undefined) return [];
  const ofUrl = formsOf(url).map((text) => formOf(name, text, openCharactersOf(text, url, first)));
  const inUrl = user === undefined ? [] : [userForm(name, user, password!)];
  return [
    ...ownForms(name, passwords, [decoded(user ?? ''), ...(rest ?? '').split(/[:/?#]/)]),
    ...ofUrl,
    ...inUrl,
    ...parameters.map((value) => parameterForm(name, value)),
  ];
}

/** Of passwords that are looked for by themselves. */
function ownForms(name: string, passwords: readonly string[], otherParts: readonly string[]): readonly Form[] {
  const spellings = new Set(passwords.flatMap((password) => [password, decoded(password)]));
  return [...spellings]
    .filter((text) => text.length >= MIN_SECRET_CHARACTERS && !PLAIN_WORD.test(text) && !otherParts.includes(text))
    .flatMap(formsOf)
    .map((text) => formOf(name, text));
}

function userForm(name: string, user: string, password: string): Form {
  return { ...formOf(name, `${user}:${password}@`, user.length), mark: `${user}:${secretMark(name)}@` };
}

function parameterForm(name: string, value: string): Form {
  return { ...formOf(name, `password=${value}`, 'password'.length), mark: `password=${secretMark(name)}` };
}

/** In proportion: in base64 and the like a form is longer than the URL. */
function openCharactersOf(form: string, url: string, password: string): number {
  return Math.ceil((url.indexOf(password) * form.length) / url.length);
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
