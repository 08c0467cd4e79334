/**
 * The hosts that a job may call: `api.example.com` (https), `api.example.com:8443`, `*.example.com` (whatever is
 * below it), `http://localhost:8080` where it is to be without encryption. Nothing else is called, nor followed by a
 * redirect. Pure.
 */
import * as z from 'zod';
import { HoldfastError } from '../failure.ts';

interface HostRule {
  readonly protocol: string;
  readonly hostname: string;
  readonly port: string;
}

/** Undefined: it names no host. */
function parseHost(text: string): HostRule | undefined {
  const match = /^(?:(https?):\/\/)?((?:\*\.)?[^\s/*?#@:[\]]+|\[[0-9A-Fa-f:.]+\])(?::(\d{1,5}))?\/?$/.exec(text);
  if (match === null) return undefined;
  const [, scheme = 'https', host = '', port] = match;
  const isBelow = host.startsWith('*.');
  const hostname = isBelow ? host.slice('*.'.length) : host;
  const url = URL.parse(`${scheme}://${[hostname, port].filter((part) => part !== undefined).join(':')}`);
  return url === null
    ? undefined
    : { protocol: url.protocol, hostname: `${isBelow ? '*.' : ''}${url.hostname}`, port: url.port };
}

export const HostSchema = z
  .string()
  .refine(
    (text) => parseHost(text) !== undefined,
    'a host such as api.example.com, *.example.com or http://localhost:8080, without a path',
  )
  .describe(
    'api.example.com: https alone. *.example.com: whatever is below it. http://localhost:8080: without ' +
      'encryption. Another port than the usual one is named.',
  );

export const HttpSettingsSchema = z.strictObject({
  hosts: z.array(HostSchema).max(100).describe('Hosts that steps and watches may call, redirects included.'),
});
/** What steps and watches may call. */
export type HttpSettings = z.infer<typeof HttpSettingsSchema>;

/** Does the list name the URL's host, with its scheme and port? */
export function isHostAllowed(hosts: readonly string[], { protocol, hostname, port }: URL): boolean {
  return hosts
    .map(parseHost)
    .some(
      (rule) =>
        rule !== undefined &&
        rule.protocol === protocol &&
        rule.port === port &&
        (rule.hostname === hostname || (rule.hostname.startsWith('*.') && hostname.endsWith(rule.hostname.slice(1)))),
    );
}

/** As the list would name it. */
export function hostOf({ protocol, host }: URL): string {
  return protocol === 'https:' ? host : `${protocol}//${host}`;
}

/**
 * A URL that may be called.
 * @throws HoldfastError `bad-input` for what is none, or holds a password; `host-not-allowed`
 */
export function allowedUrl(hosts: readonly string[], text: string, base?: URL): URL {
  const url = URL.parse(text, base?.href);
  if (url === null || (url.protocol !== 'https:' && url.protocol !== 'http:'))
    throw new HoldfastError(
      'bad-input',
      `${shownUrl(text)} is not a URL that can be called. Expected https://… or http://….`,
    );
  if (url.username !== '' || url.password !== '')
    throw new HoldfastError(
      'bad-input',
      `The URL for ${url.host} holds a user name or a password, which would be kept in the record. ` +
        'Give it as a header: { env: NAME }.',
    );
  if (!isHostAllowed(hosts, url)) {
    throw new HoldfastError(
      'host-not-allowed',
      `${hostOf(url)} is not on the list of hosts that this job may call; it names ${hosts.join(', ') || 'none'}.`,
      { host: hostOf(url) },
    );
  }
  return url;
}

/** Without what may be a password. */
function shownUrl(text: string): string {
  return JSON.stringify(text.replace(/\/\/[^/]*@/, '//…@').slice(0, 200));
}
