/**
 * The forms in which a secret may turn up in text and bytes: as it is, and as JSON, URLs, forms, HTML, hex and base64 write it.
 *
 * Invariant: a form of base64 is found wherever in the encoded bytes the secret begins, between whatever stands around it.
 */

/** Lines of a secret of several lines (a key in PEM) count by themselves from so many characters on. */
const MIN_LINE_CHARACTERS = 16;

/** All forms of a value, the value first, without repetition. */
export function formsOf(value: string): readonly string[] {
  const bytes = Buffer.from(value, 'utf8');
  const json = JSON.stringify(value).slice(1, -1);
  const ascii = json.replace(
    /[\u0080-\uffff]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
  const percent = [
    encodeUri(value),
    encodeUri(value).replace(/[!'()*]/g, percentOf),
    encodeUri(value).replaceAll('%20', '+'),
    encodeUri(value)
      .replace(/[!'()*]/g, percentOf)
      .replaceAll('%20', '+'),
  ];
  const lines = value.split(/\r?\n/);
  const forms = [
    value,
    json,
    JSON.stringify(json).slice(1, -1),
    ascii,
    json.replaceAll('/', String.raw`\/`),
    ...percent,
    ...percent.map((form) => form.replace(/%[0-9A-F]{2}/g, (code) => code.toLowerCase())),
    value
      .replaceAll('&', '&amp;')
      .replaceAll('<', '&lt;')
      .replaceAll('>', '&gt;')
      .replaceAll('"', '&quot;')
      .replaceAll("'", '&#39;'),
    bytes.toString('hex'),
    bytes.toString('hex').toUpperCase(),
    ...base64Forms(bytes),
    ...(lines.length === 1
      ? []
      : lines
          .map((line) => line.trim())
          .filter((line) => line.length >= MIN_LINE_CHARACTERS && !line.startsWith('-----'))),
  ];
  return [...new Set(forms)];
}

/** Characters that only the secret decides, for each of the three places where it can begin in a group of three bytes. */
function base64Forms(bytes: Buffer): readonly string[] {
  return [0, 1, 2].flatMap((before) => {
    const text = Buffer.concat([Buffer.alloc(before), bytes]).toString('base64');
    const form = text.slice(Math.ceil((before * 8) / 6), Math.floor(((before + bytes.byteLength) * 8) / 6));
    return [form, form.replaceAll('+', '-').replaceAll('/', '_')];
  });
}

/** Half of a pair that is alone has no form in a URL; it becomes what a URL would make of it. */
function encodeUri(value: string): string {
  return encodeURIComponent(value.toWellFormed());
}

function percentOf(character: string): string {
  return `%${character.charCodeAt(0).toString(16).toUpperCase()}`;
}
