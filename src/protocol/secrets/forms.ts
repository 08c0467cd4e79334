/**
 * The forms in which a secret may turn up in text and bytes: as it is, and as JSON, URLs, forms, HTML, hex and base64
 * write it.
 *
 * Invariant: in base64 a secret is found wherever in the encoded bytes it begins, and whatever stands before and after
 * it.
 */

/** Lines of a secret of several lines (a key in PEM) count by themselves from so many characters on. */
const MIN_LINE_CHARACTERS = 16;

/** All forms of a value, the value first, without repetition. */
export function formsOf(value: string): readonly string[] {
  const bytes = Buffer.from(value, 'utf8');
  return [
    ...new Set([
      value,
      ...jsonForms(value),
      ...percentForms(value),
      htmlForm(value),
      bytes.toString('hex'),
      bytes.toString('hex').toUpperCase(),
      ...base64Forms(bytes),
      ...linesOf(value),
    ]),
  ];
}

/** In a string of JSON, and in one within such a string; with all but ASCII, or `/`, escaped. */
function jsonForms(value: string): readonly string[] {
  const json = JSON.stringify(value).slice(1, -1);
  const ascii = json.replace(
    /[\u0080-\uffff]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
  return [json, JSON.stringify(json).slice(1, -1), ascii, json.replaceAll('/', String.raw`\/`)];
}

/** In URLs and forms, by lax and strict encoders, in upper and lower case. */
function percentForms(value: string): readonly string[] {
  const lax = encodeUri(value);
  const strict = lax.replace(/[!'()*]/g, percentOf);
  const forms = [lax, strict, lax.replaceAll('%20', '+'), strict.replaceAll('%20', '+')];
  return [...forms, ...forms.map((form) => form.replace(/%[0-9A-F]{2}/g, (code) => code.toLowerCase()))];
}

function htmlForm(value: string): string {
  return value
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;')
    .replaceAll("'", '&#39;');
}

/** The long lines of a value of several lines, without the markers of PEM. */
function linesOf(value: string): readonly string[] {
  const lines = value.split(/\r?\n/);
  if (lines.length === 1) return [];
  return lines
    .map((line) => line.trim())
    .filter((line) => line.length >= MIN_LINE_CHARACTERS && !line.startsWith('-----'));
}

/**
 * Characters that only the secret decides, for each of the three places where it can begin in a group of three bytes.
 */
function base64Forms(bytes: Buffer): readonly string[] {
  return [0, 1, 2].flatMap((before) => {
    const text = Buffer.concat([Buffer.alloc(before), bytes]).toString('base64');
    const form = text.slice(Math.ceil((before * 8) / 6), Math.floor(((before + bytes.byteLength) * 8) / 6));
    return [form, form.replaceAll('+', '-').replaceAll('/', '_')];
  });
}

/** A lone surrogate has no form in a URL; it becomes what a URL would make of it. */
function encodeUri(value: string): string {
  return encodeURIComponent(value.toWellFormed());
}

function percentOf(character: string): string {
  return `%${character.charCodeAt(0).toString(16).toUpperCase()}`;
}
