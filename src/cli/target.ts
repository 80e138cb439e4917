/** Which run a command talks to: the one that is named, that of the file in the folder, or the only one of this user. */
import { existsSync } from "node:fs";
import process from "node:process";
import { ReeveError } from "../base/mod.ts";
import { type Client, connect, type ConnectOptions, DashboardError } from "../client/mod.ts";
import { type CommandIo, EXIT, refuse } from "./io.ts";
import { ownSocketsOfAll, successorOf } from "./own_socket.ts";

/** How the run is named; nothing of it need be given. */
export interface TargetArgs {
  /** The YAML file that runs. */
  readonly file?: string | undefined;
  /** The socket of the run, whatever a file says. */
  readonly socket?: string | undefined;
}

/** Names of files that are looked for in the folder. */
export const USUAL_FILES: readonly string[] = ["supervisor.yaml", "supervisor.yml", "reeve.yaml", "reeve.yml"];

/** The file that is looked for in the folder; `undefined` where none is there. */
export function usualFile(): string | undefined {
  return USUAL_FILES.find((name) => existsSync(name));
}

/** Talks to a run, where wanted also to the one that comes after it, and returns the exit code; where it refuses, says so and returns 1, where none answers, 2. */
export async function withTarget(
  args: TargetArgs,
  io: CommandIo,
  use: (client: Client, path: string) => Promise<number>,
  options: Omit<ConnectOptions, "relocate"> = {},
): Promise<number> {
  const path = await socketOf(args, io);
  if (typeof path === "number") return path;
  try {
    await using client = await connect(path, { ...options, relocate: successorOf });
    return await use(client, path);
  } catch (error) {
    if (error instanceof DashboardError) return refuse(io, error.message, EXIT.problems);
    if (error instanceof ReeveError) return refuse(io, error.message, EXIT.unusable);
    throw error;
  }
}

/** Where the run listens; or says why that is not known, and returns the exit code. */
export async function socketOf({ file, socket }: TargetArgs, io: CommandIo): Promise<string | number> {
  if (socket !== undefined) return socket;
  const { REEVE_SOCKET: fromEnvironment = "" } = process.env;
  if (fromEnvironment !== "" && file === undefined) return fromEnvironment;
  const usual = file ?? usualFile();
  if (usual !== undefined) {
    const { socketOfFile } = await import("./socket_of_file.ts");
    const path = await socketOfFile(usual, io);
    if (path !== null) return path;
    if (file !== undefined) return refuse(io, `nobody runs ${file}; start it with: reeve run ${file}`, EXIT.unusable);
  }
  return await onlySocket(usual, io);
}

async function onlySocket(file: string | undefined, io: CommandIo): Promise<string | number> {
  const [path, ...others] = await ownSocketsOfAll();
  const ran = file === undefined ? "" : `nobody runs ${file}, and `;
  if (path === undefined) {
    return refuse(
      io,
      `${ran}no run of this user listens; start one with: reeve run ${file ?? "FILE"}, or name its --socket`,
      EXIT.unusable,
    );
  }
  if (others.length > 0) {
    return refuse(io, `${ran}several trees run: choose with --socket ${[path, ...others].join(" or ")}`, EXIT.unusable);
  }
  if (file !== undefined) io.stderr(`reeve: nobody runs ${file}; this is the run at ${path}\n`);
  return path;
}

/** Who sits there, for the audit. */
export function userName(): string {
  const { USER = "", LOGNAME = "" } = process.env;
  return USER.trim() || LOGNAME.trim() || "reeve";
}
