/** One question to a child from outside: over HTTP, over TCP, or by a command. */
import { type ChildProcess, spawn } from "node:child_process";
import { get } from "node:http";
import { get as getSecure } from "node:https";
import { connect } from "node:net";
import process from "node:process";
import { clearTimeout, setTimeout } from "node:timers";
import { cleanText } from "../../base/mod.ts";
import { platform } from "../../platform/mod.ts";
import type { ExecProbe, HttpProbe, TcpProbe } from "../../spec/mod.ts";
import { exists, HAS_GROUPS } from "../children/process_group.ts";
import type { Opened } from "../ledger.ts";

/** Which question to ask. */
export type Probe =
  | ({ readonly mode: "http" } & HttpProbe)
  | ({ readonly mode: "tcp" } & TcpProbe)
  | ({ readonly mode: "exec" } & ExecProbe);

/** Asks once; resolves with `null` for yes and with the reason for no, and never rejects. Aborting ends it at once. */
export type Check = (signal: AbortSignal) => Promise<string | null>;

/** Returns what asks the question. */
export function checkOf(probe: Probe, opened: Opened): Check {
  switch (probe.mode) {
    case "http":
      return (signal) => checkHttp(probe, signal, opened);
    case "tcp":
      return (signal) => checkTcp(probe, signal, opened);
    case "exec":
      return (signal) => checkExec(probe, signal, opened);
  }
}

const ABORTED = "did not answer in time";

/** How long to wait for a killed command to be gone, in milliseconds. */
const GONE_MS = 500;

/** Resolves when the connection is closed, so that nothing of a question is left when the next one is asked. */
function checkHttp(
  { host = "127.0.0.1", port, path = "/", scheme = "http" }: HttpProbe,
  signal: AbortSignal,
  opened: Opened,
): Promise<string | null> {
  return new Promise((resolve) => {
    let answer: string | null = "closed the connection without an answer";
    const ask = scheme === "https" ? getSecure : get;
    const request = ask({ host, port, path, agent: false, signal }, (response) => {
      const status = response.statusCode ?? 0;
      answer = status >= 200 && status < 400 ? null : `answered with status ${status}`;
      // The body is of no interest, and an unread one would keep the connection.
      request.destroy();
    });
    request.on("error", (error) => answer = answer === null ? null : signal.aborted ? ABORTED : reasonOf(error));
    const close = opened("socket", `a connection to ${host}:${port}`, () => !request.destroyed);
    request.on("close", () => {
      close();
      resolve(answer);
    });
  });
}

function checkTcp({ host = "127.0.0.1", port }: TcpProbe, signal: AbortSignal, opened: Opened): Promise<string | null> {
  return new Promise((resolve) => {
    let answer: string | null = ABORTED;
    const socket = connect({ host, port });
    const close = opened("socket", `a connection to ${host}:${port}`, () => !socket.destroyed);
    const onAbort = (): void => {
      socket.destroy();
    };
    signal.addEventListener("abort", onAbort);
    socket.on("connect", () => {
      answer = null;
      socket.destroy();
    });
    socket.on("error", (error) => answer = reasonOf(error));
    socket.on("close", () => {
      signal.removeEventListener("abort", onAbort);
      close();
      resolve(answer);
    });
  });
}

/** The command leads a process group of its own, so that what it started ends with it. */
function checkExec({ command, args = [] }: ExecProbe, signal: AbortSignal, opened: Opened): Promise<string | null> {
  return new Promise((resolve) => {
    const unguard = platform.guardUnknownSignals();
    let child: ChildProcess | undefined;
    let answer: string | null = ABORTED;
    let timer: ReturnType<typeof setTimeout> | undefined;
    let isOver = false;
    let close = (): void => {};
    const finish = (): void => {
      if (isOver) return;
      isOver = true;
      clearTimeout(timer);
      signal.removeEventListener("abort", onAbort);
      unguard();
      close();
      killGroup(child);
      resolve(answer);
    };
    const onAbort = (): void => {
      killGroup(child);
      close();
      // Not every end is told: the process may hang in the kernel, or have died by a signal that the runtime does not know.
      timer = setTimeout(() => {
        finish();
        const pid = child?.pid;
        if (pid !== undefined) opened("process", `process ${pid} of a check`, () => exists(pid));
      }, GONE_MS);
      timer.unref();
    };
    signal.addEventListener("abort", onAbort);
    try {
      child = spawn(command, [...args], { stdio: "ignore", detached: HAS_GROUPS });
    } catch (error) {
      answer = error instanceof Error ? reasonOf(error) : "cannot be started";
      return finish();
    }
    const { pid } = child;
    if (pid !== undefined) close = opened("process", `process ${pid} of a check`, () => exists(pid));
    child.on("error", (error) => {
      answer = reasonOf(error);
      finish();
    });
    child.on("exit", (code, endedBy) => {
      if (!signal.aborted) answer = code === 0 ? null : code === null ? `ended by signal ${endedBy}` : `exited with code ${code}`;
      finish();
    });
  });
}

function killGroup(child: ChildProcess | undefined): void {
  if (child?.pid === undefined) return;
  try {
    process.kill(HAS_GROUPS ? -child.pid : child.pid, "SIGKILL");
  } catch {
    // Nothing is left of it.
  }
}

function reasonOf(error: Error): string {
  const hint = platform.permissionHint(error);
  const reason = cleanText(error.message.split("\n", 1)[0] ?? "", 256);
  return hint === undefined ? reason : `${reason}. ${hint}`;
}
