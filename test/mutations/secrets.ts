/** A declared secret is recorded nowhere and given to nobody else. */
import type { Mutation } from './mutation.ts';

export const SECRETS: readonly Mutation[] = [
  {
    guarantee: 'Secrets',
    breaks: 'an intent that holds a secret is sealed',
    file: 'src/protocol/commit/seal.ts',
    find: 'if (secrets.isEmpty) return;',
    replace: "if (stepId !== '') return;",
    tests: ['test/integration/secrets.test.ts'],
    name: 'nothing applied: output',
  },
  {
    guarantee: 'Secrets',
    breaks: 'a file that holds a secret is kept',
    file: 'src/protocol/attempt/context/stage-write.ts',
    find: 'secrets.refuse(content, where);',
    replace: "if (where === '') secrets.refuse(content, where);",
    tests: ['test/integration/secrets.test.ts'],
    name: 'nothing applied: file',
  },
  {
    guarantee: 'Secrets',
    breaks: 'an error is asked about with the secret in it',
    file: 'src/protocol/question/ask.ts',
    find: 'secrets.redactJson(asked)',
    replace: 'secrets.isEmpty ? secrets.redactJson(asked) : asked',
    tests: ['test/integration/secrets.test.ts'],
    name: 'what a person writes',
  },
  {
    guarantee: 'Secrets',
    breaks: 'what a call sends is recorded with the secret in it',
    file: 'src/protocol/attempt/calls/request-call.ts',
    find: 'secrets.redactJson(request)',
    replace: '(request)',
    tests: ['test/integration/secrets.test.ts'],
  },
  {
    guarantee: 'Secrets',
    breaks: 'base64 is found only where the secret begins a group',
    file: 'src/protocol/secrets/forms.ts',
    find: 'return [0, 1, 2].flatMap(',
    replace: 'return [0].flatMap(',
    tests: ['test/unit/secrets.test.ts'],
  },
  {
    guarantee: 'Secrets',
    breaks: 'a secret is given to who does not declare it',
    file: 'src/protocol/secrets/secrets.ts',
    find: 'if (!declared.includes(name)) {',
    replace: "if (name === '' && !declared.includes(name)) {",
    tests: ['test/unit/secrets.test.ts'],
  },
  {
    guarantee: 'Secrets',
    breaks: 'data beside a secret is read for references',
    file: 'src/model/plan/reference/resolve.ts',
    find: 'secrets.push({ at: [...at], parts });',
    replace: [
      "const texts = parts.map((piece) => (typeof piece === 'string' ? piece : `\\${{ secrets.${piece.secret} }}`));",
      "const named = (piece) => ({ secret: 'name' in piece ? piece.name : '' });",
      "const read = parseTemplate(texts.join(''));",
      "secrets.push({ at: [...at], parts: read.map((piece) => (typeof piece === 'string' ? piece : named(piece))) });",
    ].join('\n'),
    tests: ['test/unit/secrets.test.ts'],
  },
];
