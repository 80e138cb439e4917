/**
 * Stand-in for what is used of `@deno/dnt`, on the compiler of npm, for machines that cannot reach JSR.
 *
 * It takes the options that it implements and refuses the others, so that a script that works with it works with the genuine one.
 */
import { dirname, join, relative, resolve } from "node:path";
import ts from "npm:typescript@~5.9";
import { type BuildOptions, type EntryPoint, refuseUnknown } from "./options.ts";
import { type OutputFile, transform, type TransformOutput } from "./transform.ts";

export type { BuildOptions, EntryPoint, PackageJson } from "./options.ts";

/** Removes everything in a folder, or makes it. */
export async function emptyDir(path: string): Promise<void> {
  await Deno.mkdir(path, { recursive: true });
  for await (const entry of Deno.readDir(path)) await Deno.remove(join(path, entry.name), { recursive: true });
}

/** Builds a package for npm. */
export async function build(options: BuildOptions): Promise<void> {
  refuseUnknown(options);
  const outDir = resolve(options.outDir);
  const entries = options.entryPoints.map((entry, index): EntryPoint =>
    typeof entry === "string" ? { name: index === 0 ? "." : entry.replace(/\.ts$/, ".js"), path: entry } : entry
  );
  log("Transforming...");
  const output = await transform({
    entryPoints: entries.map(({ path }) => path),
    testEntryPoints: options.test === false ? [] : await testFiles(options, outDir),
    mappings: options.mappings ?? {},
    importMap: options.importMap,
    shimsTests: options.test !== false && options.shims.deno !== undefined,
  });
  const commands = new Set(output.entryPaths.filter((_, index) => entries[index]?.kind === "bin"));
  for (const { path, text } of [...output.files, ...output.testFiles]) {
    await write(join(outDir, "src", path), commands.has(path) ? `#!/usr/bin/env node\n${text}` : text);
  }
  await write(join(outDir, "package.json"), JSON.stringify(packageJson(options, entries, output), undefined, 2));
  await write(join(outDir, ".npmignore"), npmIgnore(output.testFiles));

  log("Running npm install...");
  await npm(["install"], outDir);
  log("Building project...");
  compile(options, outDir, output);
  await write(join(outDir, "esm", "package.json"), '{\n  "type": "module"\n}\n');

  if (options.postBuild !== undefined) {
    log("Running post build action...");
    await options.postBuild();
  }
  if (options.test !== false) {
    log("Running tests...");
    await npm(["run", "test"], outDir);
  }
  log("Complete!");
}

function log(message: string): void {
  console.log(`[dnt] ${message}`);
}

async function write(path: string, text: string): Promise<void> {
  await Deno.mkdir(dirname(path), { recursive: true });
  await Deno.writeTextFile(path, text);
}

async function npm(args: readonly string[], cwd: string): Promise<void> {
  const { success, code } = await new Deno.Command("npm", { args: [...args], cwd, stdout: "inherit", stderr: "inherit" }).output();
  if (!success) throw new Error(`npm ${args.join(" ")} ended with exit code ${code}`);
}

/** The test files, by a pattern with `**`, `*` and braces in one part of a path. */
async function testFiles({ rootTestDir = ".", testPattern = "**/*_test.ts" }: BuildOptions, outDir: string): Promise<string[]> {
  const parts = testPattern.replace(/^\.\//, "").split("/").map((part) => {
    if (part === "**") return "(?:[^/]+/)*";
    const plain = part.replace(/[.+^$()|[\]\\]/g, "\\$&").replaceAll("*", "[^/]*");
    return `${plain.replaceAll("{", "(?:").replaceAll("}", ")").replaceAll(",", "|")}/`;
  });
  const pattern = new RegExp(`^${parts.join("").replace(/\/$/, "")}$`);
  const root = resolve(rootTestDir);
  const found: string[] = [];
  const walk = async (folder: string): Promise<void> => {
    for await (const entry of Deno.readDir(folder)) {
      const path = join(folder, entry.name);
      if (path === outDir || entry.name === "node_modules") continue;
      if (entry.isDirectory) await walk(path);
      else if (pattern.test(relative(root, path).replaceAll("\\", "/"))) found.push(path);
    }
  };
  await walk(root);
  return found.sort();
}

function compile({ compilerOptions, typeCheck = "single" }: BuildOptions, outDir: string, output: TransformOutput): void {
  const { noUncheckedIndexedAccess = false, useUnknownInCatchVariables = false } = compilerOptions;
  const options: ts.CompilerOptions = {
    target: ts.ScriptTarget.ES2022,
    lib: ["lib.esnext.d.ts"],
    module: ts.ModuleKind.ESNext,
    moduleResolution: ts.ModuleResolutionKind.Bundler,
    strictBindCallApply: true,
    strictFunctionTypes: true,
    strictNullChecks: true,
    strictPropertyInitialization: true,
    noImplicitAny: true,
    noImplicitThis: true,
    alwaysStrict: true,
    isolatedModules: true,
    useDefineForClassFields: true,
    allowSyntheticDefaultImports: true,
    skipLibCheck: true,
    noUncheckedIndexedAccess,
    useUnknownInCatchVariables,
    declaration: true,
    rootDir: join(outDir, "src"),
    outDir: join(outDir, "esm"),
  };
  const host = ts.createCompilerHost(options);
  host.getCurrentDirectory = (): string => outDir;
  const files = [...output.files, ...output.testFiles].map(({ path }) => join(outDir, "src", path));
  const program = ts.createProgram(files, options, host);
  log(`Type checking ESM (${typeCheck})...`);
  report(ts.getPreEmitDiagnostics(program), host);
  log("Emitting ESM package...");
  report(program.emit().diagnostics, host);
}

function report(diagnostics: readonly ts.Diagnostic[], host: ts.FormatDiagnosticsHost): void {
  if (diagnostics.length === 0) return;
  console.error(ts.formatDiagnosticsWithColorAndContext(diagnostics, host));
  throw new Error(`Had ${diagnostics.length} diagnostics.`);
}

function packageJson(options: BuildOptions, entries: readonly EntryPoint[], output: TransformOutput): Record<string, unknown> {
  const files = entries.map(({ kind = "export", name }, index) => ({
    kind,
    name,
    path: `./esm/${(output.entryPaths[index] ?? "").replace(/\.ts$/, ".js")}`,
  }));
  const doors = files.filter(({ kind }) => kind === "export");
  const commands = files.filter(({ kind }) => kind === "bin");
  const given = options.package;
  return {
    ...(doors[0] === undefined ? {} : { module: doors[0].path }),
    ...(commands.length === 0 ? {} : { bin: Object.fromEntries(commands.map(({ name, path }) => [name, path])) }),
    ...given,
    exports: { ...Object.fromEntries(doors.map(({ name, path }) => [name, { import: path }])), ...given.exports },
    dependencies: { ...Object.fromEntries(output.dependencies), ...given.dependencies },
    devDependencies: {
      ...(options.shims.deno === undefined ? {} : { "@types/node": "^20.9.0" }),
      ...(options.test === false ? {} : { picocolors: "^1.0.0", ...Object.fromEntries(output.testDependencies) }),
      ...given.devDependencies,
    },
  };
}

function npmIgnore(testFiles: readonly OutputFile[]): string {
  const compiled = testFiles.flatMap(({ path }) => [".js", ".d.ts"].map((extension) => `/esm/${path.replace(/\.ts$/, extension)}`));
  return `${["/src/", ...compiled, "/test_runner.js", "yarn.lock", "pnpm-lock.yaml"].join("\n")}\n`;
}
