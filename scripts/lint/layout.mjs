/**
 * The linter's rules for the layout: which part of src/ may import what (`layout/arrows`), and that the model and the
 * Workflows know no clock and no chance (`layout/pure`).
 *
 * Invariant: what isn't allowed by the table is refused, also `import()`, `export … from` and types, so that a new
 * folder or dependency needs a line here.
 */

/**
 * `parts`: of src/, a folder or a file without its ending; `parts: 'all but cli'` for where things are put together.
 * `types`: parts of which types alone may be imported. `packages`: npm packages. `node`: Node's own modules.
 */
const ARROWS = {
  model: { parts: ['model'], packages: ['zod', '@noble/hashes', 'yaml', 'diff'] },
  workflows: {
    parts: ['workflows', 'model'],
    types: ['activities'],
    packages: ['@temporalio/workflow', '@temporalio/common', 'zod'],
  },
  store: { parts: ['store', 'model'], packages: ['pg', 'zod'], node: true },
  effects: { parts: ['effects', 'store', 'model'], packages: ['pg', 'diff', 'zod'], node: true },
  // The protocol is a plain function that knows no Temporal: it runs in unit tests, and for the command line.
  protocol: { parts: ['protocol', 'effects', 'store', 'model'], packages: ['zod'], node: true },
  steps: { parts: ['steps', 'model'], packages: ['zod'], node: true },
  activities: {
    parts: ['activities', 'protocol', 'store', 'model'],
    packages: ['@temporalio/activity', '@temporalio/common', 'zod'],
    node: true,
  },
  // Part of the Workflows' bundle: no Node.
  'codec/failure-converter': { parts: [], packages: ['@temporalio/common'] },
  codec: { parts: ['codec', 'model'], packages: ['@temporalio/common', '@temporalio/proto', 'zod'], node: true },
  client: {
    parts: ['client', 'codec', 'model', 'workflows/messages'],
    packages: ['@temporalio/client', '@temporalio/common', '@temporalio/envconfig', 'zod'],
    node: true,
  },
  config: {
    parts: ['config', 'model'],
    packages: ['@temporalio/envconfig', '@temporalio/client', 'yaml', 'zod'],
    node: true,
  },
  'dev-server': { parts: ['model', 'effects/processes'], packages: ['@temporalio/client'], node: true },
  cli: {
    parts: ['cli', 'client', 'codec', 'worker', 'dev-server', 'config', 'protocol', 'steps', 'model'],
    packages: ['commander', '@temporalio/client', '@temporalio/common', '@temporalio/envconfig', 'yaml', 'diff', 'zod'],
    node: true,
  },
  worker: { parts: 'all but cli', packages: 'all', node: true },
  testing: { parts: 'all but cli', packages: 'all', node: true },
  index: { parts: ['model'], types: ['client', 'config', 'worker', 'workflows', 'activities'], packages: [] },
};

/** The narrowest part of the table that a path within src/ (without its ending) belongs to. */
function partOf(place) {
  const within = Object.keys(ARROWS).filter((part) => belongsTo(place, part));
  return within.toSorted((a, b) => b.length - a.length)[0];
}

function belongsTo(place, part) {
  return place === part || place.startsWith(`${part}/`);
}

/** `src/a/b.ts` → `a/b`; undefined when the file isn't under src/. */
function placeInSource(filename) {
  const match = /(?:^|\/)src\/(.+?)(?:\.d)?\.[cm]?[jt]sx?$/.exec(filename.replaceAll('\\', '/'));
  return match?.[1];
}

function resolveFrom(place, specifier) {
  const parts = place.split('/').slice(0, -1);
  for (const step of specifier.split('/')) {
    if (step === '..') {
      if (parts.length === 0) return undefined;
      parts.pop();
    } else if (step !== '.') parts.push(step);
  }
  return parts.join('/').replace(/\.[cm]?[jt]sx?$/, '');
}

/** Why `place` may not import `specifier`, or undefined when it may. */
function refusal(place, specifier, typeOnly) {
  const from = partOf(place);
  if (from === undefined)
    return `src/${place} has no line in the table of scripts/lint/layout.mjs: say there what it may import.`;
  const arrows = ARROWS[from];
  if (specifier.startsWith('.')) {
    const target = resolveFrom(place, specifier);
    if (target === undefined) return `src/${from} may not import ${specifier}: it lies outside src/.`;
    const allowed =
      arrows.parts === 'all but cli' ? !belongsTo(target, 'cli') : arrows.parts.some((part) => belongsTo(target, part));
    if (allowed || (typeOnly && (arrows.types ?? []).some((part) => belongsTo(target, part)))) return undefined;
    return `src/${from} may not import src/${target}: it may import ${listOf(arrows.parts)}${arrows.types === undefined ? '' : `, and types of ${listOf(arrows.types)}`}.`;
  }
  if (specifier.startsWith('node:'))
    return arrows.node === true
      ? undefined
      : `src/${from} may not import ${specifier}: it must run where there is no Node.`;
  const name = specifier.split('/', specifier.startsWith('@') ? 2 : 1).join('/');
  if (arrows.packages === 'all' || arrows.packages.includes(name)) return undefined;
  return `src/${from} may not import the package ${name}: it may import ${listOf(arrows.packages)}.`;
}

function listOf(names) {
  return Array.isArray(names) ? names.join(', ') || 'none' : names;
}

const arrows = {
  create(context) {
    const place = placeInSource(context.filename);
    if (place === undefined) return {};
    const check = (source, typeOnly) => {
      if (source == null) return;
      if (typeof source.value !== 'string') {
        context.report({
          node: source,
          message:
            'An import whose target is computed: the layout cannot be checked. Where a user names what is loaded, switch this rule off for the line and say why.',
        });
        return;
      }
      const message = refusal(place, source.value, typeOnly);
      if (message !== undefined) context.report({ node: source, message });
    };
    const onlyTypes = (node, kind) =>
      node[kind] === 'type' ||
      (node.specifiers.length > 0 && node.specifiers.every((specifier) => specifier[kind] === 'type'));
    return {
      ImportDeclaration: (node) => check(node.source, onlyTypes(node, 'importKind')),
      ExportNamedDeclaration: (node) => check(node.source, node.source != null && onlyTypes(node, 'exportKind')),
      ExportAllDeclaration: (node) => check(node.source, node.exportKind === 'type'),
      ImportExpression: (node) => check(node.source, false),
      TSImportType: (node) => check(node.source ?? node.argument, true),
    };
  },
};

const UNSTEADY = { Date: ['now'], Math: ['random'], performance: ['now', 'timeOrigin'] };

const pure = {
  create(context) {
    const refuse = (node, what) =>
      context.report({
        node,
        message: `${what} differs each time it is asked: take the value as an argument (from an Activity's result).`,
      });
    return {
      MemberExpression(node) {
        const property = node.computed ? node.property.value : node.property.name;
        if (node.object.type === 'Identifier' && UNSTEADY[node.object.name]?.includes(property))
          refuse(node, `${node.object.name}.${property}`);
      },
      NewExpression(node) {
        if (node.callee.type === 'Identifier' && node.callee.name === 'Date' && node.arguments.length === 0)
          refuse(node, 'new Date()');
      },
      CallExpression(node) {
        if (node.callee.type === 'Identifier' && node.callee.name === 'Date') refuse(node, 'Date()');
      },
    };
  },
};

export default { meta: { name: 'layout' }, rules: { arrows, pure } };
