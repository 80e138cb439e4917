/**
 * Builds the page of the dashboard into `src/relay/page.ts`; with `--check` it only says whether that is up to date.
 *
 * The bundler and the library of the page come from npm into a cache folder, each in the version that is named here, so that whoever builds
 * gets the same bytes.
 */
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { fromNpm } from "./from_npm.ts";
import { ROOT } from "./runner.ts";

const [ESBUILD, PREACT] = ["0.28.2", "10.9.0"];
const BUILDERS = [`esbuild@${ESBUILD}`, `preact@${PREACT}`];
const PAGE = "src/relay/page.ts";
/** Longest script in bytes, as it is sent when it is compressed. */
const LONGEST = 120_000;
/** Its licence wants to be told. */
const LICENCE = `/*! Preact ${PREACT}, MIT licence, copyright (c) 2015-present Jason Miller */`;

Deno.chdir(ROOT);
const script = await bundle("src/web/main.ts", ["--format=esm", `--banner:js=${LICENCE}`]);
const style = await bundle("src/web/style.css", []);
const html = (await Deno.readTextFile("src/web/index.html")).replace(/\n\s*/g, "");
const size = gzipSync(script).length;
if (size > LONGEST) fail(`The script has ${size} bytes when it is compressed, more than ${LONGEST}`);
const page = `/** The page of the dashboard, made by \`deno task build:web\` from \`src/web\`: do not change it by hand. */
import type { Asset } from "./server.ts";

/** Its files, by path. */
export const PAGE: ReadonlyMap<string, Asset> = new Map([
${asset("/", "text/html; charset=utf-8", html)}
${asset("/app.js", "text/javascript; charset=utf-8", script)}
${asset("/style.css", "text/css; charset=utf-8", style)}
]);
`;
if (Deno.args.includes("--check")) {
  if (await Deno.readTextFile(PAGE) !== page) fail(`${PAGE} is not what src/web makes: run \`deno task build:web\``);
  console.log(`${PAGE} is what src/web makes.`);
} else {
  await Deno.writeTextFile(PAGE, page);
  console.log(`${PAGE}: ${script.length} bytes of script, ${size} compressed; ${style.length} bytes of style.`);
}

function asset(path: string, contentType: string, text: string): string {
  return `  [${JSON.stringify(path)}, { contentType: ${JSON.stringify(contentType)}, text: ${JSON.stringify(text)} }],`;
}

async function bundle(file: string, args: readonly string[]): Promise<string> {
  const modules = await fromNpm(BUILDERS);
  const options = ["--bundle", "--minify", "--charset=utf8", "--target=es2022", "--legal-comments=none", "--log-level=warning"];
  const { success, stdout, stderr } = await new Deno.Command(join(modules, ".bin", "esbuild"), {
    args: [file, ...options, ...args],
    env: { NODE_PATH: modules },
  }).output();
  if (!success) fail(`Cannot bundle ${file}:\n${new TextDecoder().decode(stderr)}`);
  return new TextDecoder().decode(stdout);
}

function fail(why: string): never {
  console.error(why);
  Deno.exit(1);
}
