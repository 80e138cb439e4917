/** Where the run of a file listens; apart from the rest, since it takes all that reads files. */
import { ConfigError, loadFile } from "../config/mod.ts";
import { DEFAULTS } from "../spec/mod.ts";
import { exitCodeOf, printRefusal } from "./file_problems.ts";
import { type CommandIo, EXIT, refuse, talking } from "./io.ts";
import { ownSocketsOf } from "./own_socket.ts";

/** Where it listens, `null` where nobody runs it; or says why that is not known, and returns the exit code. */
export async function socketOfFile(file: string, io: CommandIo): Promise<string | number | null> {
  try {
    const { dashboard, spec: { name = DEFAULTS.treeName } } = await loadFile(file);
    if (dashboard !== null) return dashboard.path;
    const [path, ...others] = await ownSocketsOf(name);
    if (path === undefined) return null;
    return others.length === 0
      ? path
      : refuse(io, `more than one run of "${name}": choose with --socket ${[path, ...others].join(" or ")}`, EXIT.unusable);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    printRefusal(error, file, talking(io));
    return exitCodeOf(error);
  }
}
