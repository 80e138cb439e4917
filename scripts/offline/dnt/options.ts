/** What the stand-in understands of the options of dnt; it refuses the rest, instead of building something else than the genuine one. */

/** A door of the package, or a command. */
export interface EntryPoint {
  /** @default {"export"} */
  readonly kind?: "bin" | "export";
  /** Its name in `exports` or `bin`. */
  readonly name: string;
  /** Its file. */
  readonly path: string;
}

/** What is written into package.json as it is. */
export interface PackageJson {
  readonly name: string;
  readonly version: string;
  readonly scripts?: Readonly<Record<string, string>>;
  readonly exports?: Readonly<Record<string, unknown>>;
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly peerDependencies?: Readonly<Record<string, string>>;
  readonly devDependencies?: Readonly<Record<string, string>>;
  readonly [key: string]: unknown;
}

/** The options of {@linkcode build}. */
export interface BuildOptions {
  readonly entryPoints: readonly (string | EntryPoint)[];
  readonly outDir: string;
  readonly shims: { readonly deno?: { readonly test: "dev" } };
  readonly typeCheck?: "both" | "single";
  readonly test?: boolean;
  readonly declaration?: "inline";
  readonly declarationMap?: false;
  readonly scriptModule: false;
  readonly rootTestDir?: string;
  readonly testPattern?: string;
  readonly mappings?: Readonly<Record<string, string>>;
  readonly importMap?: string;
  readonly package: PackageJson;
  readonly compilerOptions: CompilerOptions;
  readonly postBuild?: () => void | Promise<void>;
}

/** The options of the compiler. */
export interface CompilerOptions {
  readonly target: "ES2022";
  readonly lib: readonly ["ESNext"];
  readonly noUncheckedIndexedAccess?: boolean;
  readonly useUnknownInCatchVariables?: boolean;
}

type Check = (value: unknown) => boolean;

const oneOf = (...allowed: readonly unknown[]): Check => (value) => allowed.includes(value);
const text: Check = (value) => typeof value === "string";
const object: Check = (value) => typeof value === "object" && value !== null;
const flag = oneOf(true, false, undefined);
const maybe = (check: Check): Check => (value) => value === undefined || check(value);

const OPTIONS: Readonly<Record<keyof BuildOptions, Check>> = {
  entryPoints: Array.isArray,
  outDir: text,
  shims: (value) => allKnown("shims.", value, { deno: maybe((deno) => allKnown("shims.deno.", deno, { test: oneOf("dev") })) }),
  typeCheck: oneOf(undefined, "both", "single"),
  test: flag,
  declaration: oneOf(undefined, "inline"),
  declarationMap: oneOf(false),
  scriptModule: oneOf(false),
  rootTestDir: maybe(text),
  testPattern: maybe(text),
  mappings: maybe((value) => object(value) && Object.values(value ?? {}).every(text)),
  importMap: maybe(text),
  package: object,
  compilerOptions: (value) => allKnown("compilerOptions.", value, COMPILER_OPTIONS),
  postBuild: maybe((value) => typeof value === "function"),
};

const COMPILER_OPTIONS: Readonly<Record<keyof CompilerOptions, Check>> = {
  target: oneOf("ES2022"),
  lib: (value) => Array.isArray(value) && value.join() === "ESNext",
  noUncheckedIndexedAccess: flag,
  useUnknownInCatchVariables: flag,
};

/** Throws for every option that the stand-in does not implement. */
export function refuseUnknown(options: BuildOptions): void {
  allKnown("", options, OPTIONS);
  const runsTests = options.test !== false;
  if (runsTests && options.package.scripts?.["test"] === undefined) {
    throw new TypeError("The stand-in for dnt has no test runner: give package.scripts.test, or test: false");
  }
}

function allKnown(prefix: string, value: unknown, checks: Readonly<Record<string, Check>>): boolean {
  if (typeof value !== "object" || value === null) return false;
  const given = new Map(Object.entries(value));
  for (const key of given.keys()) {
    if (!Object.hasOwn(checks, key)) throw new TypeError(`The stand-in for dnt does not implement the option ${prefix}${key}`);
  }
  for (const [key, check] of Object.entries(checks)) {
    if (!check(given.get(key))) {
      throw new TypeError(`The stand-in for dnt does not implement ${prefix}${key} with the value ${JSON.stringify(given.get(key))}`);
    }
  }
  return true;
}
