/**
 * Makes the API reference with TypeDoc, from the docstrings of what the package exports: `node generate.mjs PACKAGES
 * [OUTPUT]`, at the project's root. PACKAGES is the node_modules that has TypeDoc, which brings another TypeScript than
 * the project's; hence a program of its own. It lists what lacks a docstring as `file:line name`, and then fails.
 *
 * Invariants
 * 1. The entry points are those of package.json: what an entry exports is documented, or the check fails.
 * 2. Pages are written only when nothing is missing.
 */
import fs from 'node:fs';
import path from 'node:path';
import { pathToFileURL } from 'node:url';

const [packages, output] = process.argv.slice(2);
const { Application, Comment, Converter, IntrinsicType, ReferenceType, ReflectionKind } =
  await load('typedoc/dist/index.js');
const { load: markdown } = await load('typedoc-plugin-markdown/dist/index.js');

/**
 * What needs no export: JSON Schema's keywords, some of which docs/plans.md has; the contract of a tool's own step; how
 * the declaration of a state becomes its types, which docs/state.md tells.
 */
const TOLD_ELSEWHERE = [
  'src/model/plan/json-schema.ts:JsonSchema',
  'src/agents/contracts.ts:askStep',
  'src/model/state/typed-state.ts:HeldBy',
  'src/model/state/typed-state.ts:WrittenTo',
];
/** A constant of so many fields, or elements, is a table. */
const MIN_TABLE = 9;
/** Fewer fields, or texts, may be alike by chance. */
const MIN_PARTS = 3;

/** What must have a docstring. Parameters are told by their function's. */
const DOCUMENTED = [
  ReflectionKind.Variable,
  ReflectionKind.Function,
  ReflectionKind.Class,
  ReflectionKind.Interface,
  ReflectionKind.TypeAlias,
  ReflectionKind.Property,
  ReflectionKind.Method,
  ReflectionKind.Accessor,
  ReflectionKind.EnumMember,
].reduce((all, kind) => all | kind, 0);

process.exitCode = await generate();

async function load(file) {
  return await import(pathToFileURL(path.resolve(packages, file)));
}

async function generate() {
  const { name, exports } = JSON.parse(fs.readFileSync('package.json', 'utf8'));
  const entries = Object.entries(exports).flatMap(([entry, { 'holdfast-source': source }]) =>
    source === undefined ? [] : [{ name: entry.replace('.', name), source: path.resolve(source) }],
  );
  const app = await Application.bootstrapWithPlugins({
    plugin: [markdown],
    entryPoints: entries.map(({ source }) => source),
    tsconfig: 'tsconfig.json',
    // The project's own compiler has checked it.
    skipErrorChecking: true,
    logLevel: 'Warn',
    name,
    readme: path.join(import.meta.dirname, 'introduction.md'),
    mergeReadme: true,
    hidePageHeader: true,
    hideBreadcrumbs: true,
    parametersFormat: 'table',
    interfacePropertiesFormat: 'table',
    typeAliasPropertiesFormat: 'table',
    typeDeclarationFormat: 'table',
    propertyMembersFormat: 'table',
    router: 'module',
    excludePrivate: true,
    excludeInternal: true,
    excludeExternals: true,
    intentionallyNotExported: TOLD_ELSEWHERE.filter((symbol) => fs.existsSync(symbol.split(':')[0])),
    disableSources: false,
    disableGit: true,
    sourceLinkTemplate: '{path}',
    basePath: '.',
    displayBasePath: '.',
    validation: { notExported: true, invalidLink: true, rewrittenLink: true, notDocumented: false },
    outputs: output === undefined ? [] : [{ name: 'markdown', path: output }],
  });
  app.converter.on(Converter.EVENT_CREATE_DECLARATION, (context, reflection) => {
    const [declaration] = context.getSymbolFromReflection(reflection)?.declarations ?? [];
    if (declaration === undefined) return;
    if (reflection.kindOf(ReflectionKind.TypeAlias)) declareInferred(reflection, declaration);
    if (reflection.kindOf(ReflectionKind.Property)) takeDescription(reflection, declaration);
  });
  app.converter.on(Converter.EVENT_RESOLVE_BEGIN, ({ project }) => {
    for (const module of project.children) {
      const file = module.sources[0].fullFileName;
      module.name = entries.find(({ source }) => source === file).name;
    }
    for (const variable of project.getReflectionsByKind(ReflectionKind.Variable)) shorten(project, variable);
    for (const reflection of project.getReflectionsByKind(ReflectionKind.All)) withoutPlace(reflection);
    useNames(project);
  });
  const project = await app.convert();
  if (project === undefined) return 1;
  app.validate(project);
  const missing = undocumented(project);
  if (missing.length > 0)
    process.stderr.write(
      `${missing.join('\n')}\n\n${missing.length} exports or fields of them have no docstring: add one to each.\n`,
    );
  if (missing.length > 0 || app.logger.hasErrors() || app.logger.hasWarnings()) return 1;
  if (output === undefined) return 0;
  await app.generateOutputs(project);
  return app.logger.hasErrors() ? 1 : 0;
}

/** Marks a type that is inferred from a schema, so that its page shows its fields rather than the schema's name. */
function declareInferred(reflection, declaration) {
  if (!/^(z\.(infer|input|output)|Extract)</.test(declaration.type?.getText() ?? '')) return;
  reflection.comment ??= new Comment();
  reflection.comment.modifierTags.add('@useDeclaredType');
}

/** What a schema says of a field by `describe`, for the JSON Schema of a plan, is the field's docstring too. */
function takeDescription(reflection, { initializer }) {
  if (reflection.comment !== undefined || initializer === undefined) return;
  const described = /\.describe\(([^]*?)\)(?=$|\.)/.exec(initializer.getText())?.[1] ?? '';
  const parts = [...described.matchAll(/'((?:[^'\\]|\\.)*)'|"([^"]*)"|`([^`]*)`/g)];
  const text = parts.map(([, single, double, template]) => single ?? double ?? template).join('');
  if (text !== '') reflection.comment = new Comment([{ kind: 'text', text: text.replace(/\$?\$\{/g, '\\$&') }]);
}

/** A table's type would be its whole contents. */
function shorten(project, variable) {
  const { type } = variable;
  const fields = type?.declaration?.children ?? type?.target?.elements ?? [];
  if (fields.length < MIN_TABLE) return withoutSchema(project, type);
  project.removeTypeReflections(type);
  variable.type = new IntrinsicType(type.target === undefined ? 'object' : 'readonly StepContract[]');
}

/** A schema's type spells each field out; the type made from it says that better. */
function withoutSchema(project, type) {
  if (type?.type !== 'reference') return;
  for (const argument of type.typeArguments ?? []) {
    if (type.package === 'zod') project.removeTypeReflections(argument);
    else withoutSchema(project, argument);
  }
  if (type.package === 'zod') type.typeArguments = undefined;
}

/** A schema's field has no default value; a page of the package can't link to a source, or name another package's. */
function withoutPlace(reflection) {
  if (reflection.kindOf(ReflectionKind.Property)) delete reflection.defaultValue;
  if (reflection.sources === undefined) return;
  reflection.sources = reflection.sources.filter(({ fullFileName }) => !fullFileName.includes('node_modules'));
  for (const source of reflection.sources) delete source.url;
}

/** What is inferred from a schema spells out the types within it, too: they get their names back. */
function useNames(project) {
  const names = new Map();
  for (const alias of project.getReflectionsByKind(ReflectionKind.TypeAlias)) {
    const shape = shapeOf(alias.type, alias.children);
    if (shape !== undefined) names.set(shape, alias);
  }
  const named = (type, owner) => {
    const alias = names.get(shapeOf(type, type?.declaration?.children));
    if (alias !== undefined && alias !== owner) {
      project.removeTypeReflections(type);
      return ReferenceType.createResolvedReference(alias.name, alias, project);
    }
    for (const part of ['elementType', 'target'])
      if (typeof type?.[part]?.type === 'string') type[part] = named(type[part]);
    for (const part of ['types', 'typeArguments', 'elements'])
      if (type?.[part] !== undefined) type[part] = type[part].map((each) => named(each));
    return type;
  };
  for (const reflection of project.getReflectionsByKind(ReflectionKind.All))
    if (reflection.type !== undefined) reflection.type = named(reflection.type, reflection);
}

/** What identifies a union of texts, or an object by its fields. Undefined: it is too small to be told from others. */
function shapeOf(type, fields) {
  const texts = type?.type === 'union' ? type.types.map(({ value }) => value) : [];
  const parts = fields === undefined ? texts : fields.map(({ name }) => `.${name}`);
  if (parts.length < MIN_PARTS || parts.some((part) => typeof part !== 'string')) return undefined;
  return parts.toSorted().join('|');
}

/** `file:line name` of each export, and each field of one, without a docstring; once, however often it is inherited. */
function undocumented(project) {
  const names = new Map();
  for (const reflection of project.getReflectionsByKind(DOCUMENTED)) {
    if (isDocumented(reflection) || isCovered(reflection)) continue;
    const [source] = reflection.sources ?? [];
    const place = source === undefined ? 'nowhere' : `${source.fileName}:${source.line}`;
    if (!names.has(place)) names.set(place, reflection.getFriendlyFullName());
  }
  const ordered = new Intl.Collator('en', { numeric: true });
  return [...names].map(([place, name]) => `${place} ${name}`).toSorted(ordered.compare);
}

function isDocumented(reflection) {
  const signatures = [
    ...(reflection.signatures ?? []),
    ...(reflection.type?.declaration?.signatures ?? []),
    ...[reflection.getSignature, reflection.setSignature].filter((signature) => signature !== undefined),
  ];
  return reflection.hasComment() || signatures.some((signature) => signature.hasComment());
}

/**
 * The fields of a parameter or a result are told by the function, a constant's by the constant, and those of an object
 * within a field by that field. What one variant of a union says of a field holds for the others.
 */
function isCovered(reflection) {
  for (let parent = reflection.parent; parent !== undefined; parent = parent.parent) {
    if (parent.kindOf(ReflectionKind.Parameter | ReflectionKind.Variable)) return true;
    if (parent.kindOf(ReflectionKind.Property | ReflectionKind.SomeSignature) && isDocumented(parent)) return true;
    if (parent.kindOf(ReflectionKind.TypeAlias)) return variantsOf(parent).some((other) => tells(other, reflection));
  }
  return false;
}

function variantsOf(alias) {
  const types = alias.type?.type === 'union' ? alias.type.types : [];
  return types.flatMap(({ declaration }) => declaration?.children ?? []);
}

function tells(other, { name }) {
  return other.name === name && isDocumented(other);
}
