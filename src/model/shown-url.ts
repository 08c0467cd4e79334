/** URLs for people. */

/**
 * The password, and whatever looks like one among the parameters, as `***`. Rather too much than too little.
 *
 * By hand, because what is not quite a URL must not be shown whole either, and a password may hold '@', ':' and '/'
 * unescaped.
 */
export function redactUrl(url: string): string {
  return url
    .replace(/((?:password|passwd|pwd|secret|token|key)[^=&\s]*=)(?:'[^']*'|[^&\s]*)/gi, '$1***')
    .replace(/^([A-Za-z][\w+.-]*:(?:\/\/)?[^:@/?#]*):.*@/s, '$1:***@')
    .replace(/^([A-Za-z][\w+.-]*:\/\/[^:@/?#[]*):(?!\*\*\*@)(?!\d+(?:[/?#]|$)).*$/s, '$1:***');
}
