/** Node's own SHA-256 in place of JavaScript's, which the Workflows' sandbox needs. Import it for what it does. */
import { hash } from 'node:crypto';
import { hashBy } from '../model/digest.ts';

hashBy((content) => hash('sha256', content));
