/**
 * The linter's rules for the layout: which part of src/ may import what (`layout/arrows`), that the model and the
 * Workflows know no clock and no chance (`layout/pure`), and how long files and lines may be (`layout/size`).
 *
 * Invariant: what isn't allowed by the table is refused, also `import()`, `export … from` and types, so that a new
 * folder or dependency needs a line here.
 */

/**
 * The floors of the protocol, from the ground up. A room imports only rooms of lower floors, never a neighbour.
 * Ten floors at most: whoever needs an eleventh has put something into the wrong room.
 */
export const PROTOCOL_FLOORS = [
  ['protocol/host', 'protocol/secrets'],
  ['protocol/workspace'],
  ['protocol/look', 'protocol/checkpoint'],
  ['protocol/question'],
  ['protocol/attempt', 'protocol/compare'],
  ['protocol/commit', 'protocol/rebuild'],
  ['protocol/step', 'protocol/repair', 'protocol/end'],
  ['protocol/verify'],
  ['protocol/undo'],
  ['protocol/inspect', 'protocol/retention'],
];

/**
 * Within a room that has rooms of its own: from the ground up, too; the room's name stands for the files directly in
 * it. `x/.` are the files directly in `x`.
 */
const INNER_FLOORS = [
  ['protocol/attempt', 'protocol/attempt/calls', 'protocol/attempt/commands', 'protocol/attempt/context'],
  ['protocol/repair/running', 'protocol/repair/changes', 'protocol/repair/answers', 'protocol/repair'],
  ['protocol/undo/plan', 'protocol/undo/inverse', 'protocol/undo'],
];

const MODEL_FLOORS = [
  'model',
  'model/question',
  'model/state',
  'model/checkpoint',
  'model/record',
  'model/step',
  'model/plan',
  'model/plan/problem',
  'model/plan/reference',
  'model/plan/graph',
  'model/plan/check',
  'model/plan/run',
  'model/plan/text',
  'model/job',
];

/** A Workflow's rooms, from the ground up. The files directly in `workflows` stand above them all. */
const WORKFLOW_FLOORS = [
  [
    'workflows/activities',
    'workflows/carried-argument',
    'workflows/guarded-job',
    'workflows/messages',
    'workflows/patches',
    'workflows/trace',
  ],
  ['workflows/state'],
  ['workflows/gate', 'workflows/undo'],
  ['workflows/job'],
];

/** What every room of the protocol may import besides. */
const PROTOCOL = { parts: ['effects', 'store', 'model'], packages: ['zod'], node: true };
const MODEL = { packages: ['zod', '@noble/hashes', 'yaml', 'diff', 'picomatch'] };
const WORKFLOWS = { parts: ['tracing', 'model'], packages: ['@temporalio/workflow', '@temporalio/common', 'zod'] };

/** `{ "protocol/look": { parts: [itself and all lower floors, …] }, … }`; `base`: what each may import besides. */
function roomsOf(floors, base) {
  const rooms = {};
  floors.forEach((floor, height) => {
    const below = floors.slice(0, height).flat();
    for (const room of floor) rooms[room] = { ...base, parts: [`${room}/.`, ...below, ...base.parts] };
  });
  return rooms;
}

function protocolRooms() {
  const rooms = roomsOf(PROTOCOL_FLOORS, PROTOCOL);
  for (const floors of INNER_FLOORS) {
    // The outer room has the shortest name.
    const { parts } = rooms[floors.toSorted((a, b) => a.length - b.length)[0]];
    const lower = parts.filter((part) => !part.endsWith('/.'));
    floors.forEach((room, height) => {
      const own = floors.slice(0, height + 1).map((inner) => `${inner}/.`);
      rooms[room] = { ...PROTOCOL, parts: [...own, ...lower] };
    });
  }
  return rooms;
}

function modelRooms() {
  return Object.fromEntries(
    MODEL_FLOORS.map((room, height) => {
      const parts = MODEL_FLOORS.slice(0, height + 1).map((lower) => `${lower}/.`);
      return [room, { ...MODEL, parts }];
    }),
  );
}

/**
 * `parts`: of src/, a folder or a file without its ending; `parts: 'all but cli'` for where things are put together.
 * `types`: parts of which types alone may be imported. `packages`: npm packages. `node`: Node's own modules.
 */
const ARROWS = {
  ...modelRooms(),
  // What spans and lines say of a job. Part of the Workflows' bundle, too.
  tracing: { parts: ['tracing', 'model'], packages: [] },
  workflows: { ...WORKFLOWS, parts: ['workflows', 'tracing', 'model'], types: ['activities'] },
  // The two names without a package are replaced by the bundler.
  'workflows/beside-yours': { parts: ['workflows/agent-job-entry'], packages: ['holdfast-beside-workflows'] },
  ...roomsOf(WORKFLOW_FLOORS, WORKFLOWS),
  // Part of a Workflow's bundle. Of the AI SDK types alone: its peers may be absent.
  agents: {
    parts: ['agents', 'model', 'workflows/guarded-job'],
    packages: ['@temporalio/workflow', 'zod', 'ai', '@ai-sdk/provider'],
  },
  'agents-worker': {
    parts: ['agents-worker', 'agents/contracts', 'effects/http/retry-after', 'model'],
    packages: ['@ai-sdk/provider'],
    node: true,
  },
  // The only place that loads it.
  'agents-worker/ai-sdk': {
    parts: ['model'],
    packages: ['@temporalio/ai-sdk', '@ai-sdk/provider', '@temporalio/worker'],
  },
  store: { parts: ['store/.', 'model'], packages: ['pg', 'zod'], node: true },
  'store/ledger': { parts: ['store/ledger', 'store/.', 'model'], packages: ['zod'], node: true },
  'store/blobs': { parts: ['store/blobs', 'store/.', 'model'], packages: [], node: true },
  'store/life': { parts: ['store/life', 'store/.', 'model'], packages: ['zod'], node: true },
  'store/lock': { parts: ['store/lock', 'store/life', 'store/.', 'model'], packages: ['zod'], node: true },
  'store/sealed': { parts: ['store/sealed', 'store/blobs', 'store/.', 'model'], packages: ['pg', 'zod'], node: true },
  'store/register': { parts: ['store/register', 'store/life', 'store/.', 'model'], packages: [], node: true },
  effects: { parts: ['effects/.', 'store', 'model'], packages: [], node: true },
  'effects/files': { parts: ['effects/files', 'effects/.', 'store', 'model'], packages: ['zod'], node: true },
  'effects/processes': {
    parts: ['effects/processes', 'effects/files', 'effects/.', 'store', 'model'],
    packages: ['zod'],
    node: true,
  },
  'effects/database': {
    parts: ['effects/database', 'effects/.', 'store', 'model'],
    packages: ['pg', 'diff', 'zod'],
    node: true,
  },
  'effects/http': { parts: ['effects/http', 'effects/.', 'store', 'model'], packages: ['zod'], node: true },
  // The protocol knows no Temporal: it runs in unit tests, and for the command line.
  protocol: { parts: [], packages: [] },
  ...protocolRooms(),
  steps: { parts: ['steps', 'model'], packages: ['zod'], node: true },
  activities: {
    parts: ['activities', 'protocol', 'store', 'tracing', 'model'],
    packages: ['@temporalio/activity', '@temporalio/common', 'zod'],
    node: true,
  },
  // Part of the Workflows' bundle: no Node.
  'codec/failure-converter': { parts: [], packages: ['@temporalio/common'] },
  'codec/payload-converter': { parts: ['model'], packages: ['@temporalio/common'] },
  'codec/converter-over-yours': {
    parts: ['codec/payload-converter'],
    packages: ['@temporalio/common', 'holdfast-under-payload-converter'],
  },
  codec: { parts: ['codec', 'model'], packages: ['@temporalio/common', '@temporalio/proto', 'zod'], node: true },
  client: {
    parts: ['client', 'codec', 'model', 'workflows/messages', 'protocol/checkpoint', 'store/sealed'],
    packages: ['@temporalio/client', '@temporalio/common', '@temporalio/envconfig', 'zod'],
    node: true,
  },
  config: {
    parts: ['config', 'model'],
    types: ['worker'],
    packages: ['@temporalio/envconfig', '@temporalio/client', 'yaml', 'zod'],
    node: true,
  },
  changes: {
    parts: ['changes', 'fork', 'protocol/inspect', 'effects/files', 'effects/database', 'model'],
    packages: ['diff'],
    node: true,
  },
  // Makes a fork of a job: a folder for another one.
  fork: {
    parts: [
      'fork',
      'protocol/inspect',
      'protocol/checkpoint',
      'protocol/undo/plan',
      'protocol/compare',
      'protocol/look',
      'protocol/workspace',
      'effects',
      'store',
      'model',
    ],
    packages: ['pg'],
    node: true,
  },
  'dev-server': { parts: ['dev-server', 'model', 'effects/processes'], packages: ['@temporalio/client'], node: true },
  cli: {
    parts: [
      'cli',
      'changes',
      'crash-test',
      'fork',
      'client',
      'codec',
      'worker',
      'dev-server',
      'config',
      'protocol/inspect',
      'protocol/retention',
      'protocol/workspace',
      'store/sealed',
      'steps',
      'model',
    ],
    packages: ['commander', '@temporalio/client', '@temporalio/common', '@temporalio/envconfig', 'yaml', 'diff', 'zod'],
    node: true,
  },
  worker: { parts: 'all but cli', packages: 'all', node: true },
  plugin: { parts: ['worker', 'model'], packages: [] },
  // For whoever has LangGraph.js and no Temporal. Of LangChain's own packages none: only LangGraph's checkpoints are a
  // peer of ours.
  langgraph: {
    parts: ['langgraph', 'store/sealed', 'store/.', 'model'],
    packages: ['@langchain/langgraph-checkpoint', 'zod'],
    node: true,
  },
  // Starts a server and workers, and plays their user.
  'crash-test': { parts: 'all but cli', packages: 'all', node: true },
  testing: { parts: 'all but cli', packages: 'all', node: true },
  index: { parts: ['model'], types: ['client', 'config', 'worker', 'workflows', 'activities'], packages: [] },
};

/** The narrowest part of the table that a path within src/ (without its ending) belongs to. */
function partOf(place) {
  const within = Object.keys(ARROWS).filter((part) => belongsTo(place, part));
  return within.toSorted((a, b) => b.length - a.length)[0];
}

function belongsTo(place, part) {
  if (part.endsWith('/.')) return partOf(place) === part.slice(0, -2);
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
    return (
      `src/${from} may not import src/${target}: it may import ` +
      `${listOf(arrows.parts)}${arrows.types === undefined ? '' : `, and types of ${listOf(arrows.types)}`}.`
    );
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
            'An import whose target is computed: the layout cannot be checked. Where a user names what is ' +
            'loaded, switch this rule off for the line and say why.',
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

const MAX_COLUMNS = 120;
/** A file that grows past it has two names. */
const MAX_LINES = { src: 300, test: 400 };

/** What the formatter can't do: it wraps neither texts nor comments, and divides no file. */
const size = {
  create(context) {
    const [, part] = /(?:^|\/)(src|test)\//.exec(context.filename.replaceAll('\\', '/')) ?? [];
    return {
      Program(node) {
        const lines = context.sourceCode.text.replace(/\n$/, '').split('\n');
        const limit = MAX_LINES[part];
        if (limit !== undefined && lines.length > limit)
          context.report({
            node,
            message: `${lines.length} lines; at most ${limit} in ${part}: divide the file by what its parts do.`,
          });
        lines.forEach((line, index) => {
          const columns = [...line].length;
          if (columns <= MAX_COLUMNS) return;
          const loc = {
            start: { line: index + 1, column: MAX_COLUMNS },
            end: { line: index + 1, column: line.length },
          };
          context.report({
            loc,
            message: `${columns} columns; at most ${MAX_COLUMNS}: name a part of it, or shorten the text.`,
          });
        });
      },
    };
  },
};

export default { meta: { name: 'layout' }, rules: { arrows, pure, size } };
