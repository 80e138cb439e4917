/** `reeve relay`: many targets for many operators. */
import process from "node:process";
import { thrownMessage } from "../../base/mod.ts";
import { ConfigError, describeFileProblem, loadRelayFile, type RelaySettings } from "../../config/mod.ts";
import { checkRelay, startRelay } from "../../relay/mod.ts";
import { type CommandIo, EXIT, refuse } from "../io.ts";

/** Arguments of {@linkcode relay}. */
export interface RelayArgs {
  /** The file. */
  readonly config: string;
  /** Whether it is only looked at. */
  readonly check: boolean;
}

/** Serves until it is interrupted; returns 0, or 1 where it could not start. */
export async function relay({ config, check }: RelayArgs, io: CommandIo): Promise<number> {
  if (check) return await look(config, io);
  const signals = new Signals();
  try {
    const settings = await settingsOf(config, io);
    if (settings === null) return EXIT.problems;
    await using running = await startRelay(settings, { log: (line) => io.stderr(line) });
    signals.onHangup(() => void running.reloadCertificates().catch(() => {}));
    io.stdout(`relay listening on ${settings.listen.publicUrl}\n`);
    await signals.interrupted;
  } finally {
    signals.forget();
  }
  return EXIT.clean;
}

async function look(config: string, io: CommandIo): Promise<number> {
  const settings = await settingsOf(config, io);
  if (settings === null) return EXIT.problems;
  const problems = await checkRelay(settings);
  for (const problem of problems) refuse(io, problem, EXIT.problems);
  if (problems.length === 0) io.stdout("relay config validated\n");
  return problems.length === 0 ? EXIT.clean : EXIT.problems;
}

async function settingsOf(config: string, io: CommandIo): Promise<RelaySettings | null> {
  try {
    const { settings, warnings } = await loadRelayFile(config);
    for (const warning of warnings) io.stderr(`${describeFileProblem(warning)}\n`);
    return settings;
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    for (const problem of error.problems) io.stderr(`${describeFileProblem(problem)} (${problem.rule})\n`);
    refuse(io, thrownMessage(error).split("\n", 1)[0] ?? "", EXIT.problems);
    return null;
  }
}

/** Signals from the first moment to the last: one that nobody hears ends the program, and leaves the socket behind. */
class Signals {
  /** Resolves when it is interrupted; the second time ends the program where it is. */
  readonly interrupted: Promise<void>;
  #isHungUp = false;
  #reload: (() => void) | null = null;
  #interrupt: () => void = () => {};
  readonly #hangup = (): void => {
    this.#isHungUp = true;
    this.#reload?.();
  };

  constructor() {
    this.interrupted = new Promise((resolve) => this.#interrupt = resolve);
    process.on("SIGHUP", this.#hangup);
    for (const signal of INTERRUPTIONS) process.once(signal, this.#interrupt);
  }

  /** Says what SIGHUP means; one that came before counts. */
  onHangup(reload: () => void): void {
    this.#reload = reload;
    if (this.#isHungUp) reload();
  }

  /** Hears nothing any more. */
  forget(): void {
    process.off("SIGHUP", this.#hangup);
    for (const signal of INTERRUPTIONS) process.off(signal, this.#interrupt);
  }
}

const INTERRUPTIONS = ["SIGINT", "SIGTERM"] as const;
