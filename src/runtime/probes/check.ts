/** One question to a child from outside: over HTTP, over TCP, or by a command. */
import { execFile } from "node:child_process";
import { get } from "node:http";
import { get as getSecure } from "node:https";
import { connect } from "node:net";
import { cleanText } from "../../base/mod.ts";
import type { ExecProbe, HttpProbe, TcpProbe } from "../../spec/mod.ts";

/** Which question to ask. */
export type Probe = ({ readonly mode: "http" } & HttpProbe) | ({ readonly mode: "tcp" } & TcpProbe) | ({ readonly mode: "exec" } & ExecProbe);

/** Asks once; resolves with `null` for yes and with the reason for no, and never rejects. Aborting ends it at once. */
export type Check = (signal: AbortSignal) => Promise<string | null>;

/** Returns what asks the question. */
export function checkOf(probe: Probe): Check {
  switch (probe.mode) {
    case "http":
      return (signal) => checkHttp(probe, signal);
    case "tcp":
      return (signal) => checkTcp(probe, signal);
    case "exec":
      return (signal) => checkExec(probe, signal);
  }
}

function checkHttp({ host = "127.0.0.1", port, path = "/", scheme = "http" }: HttpProbe, signal: AbortSignal): Promise<string | null> {
  return new Promise((resolve) => {
    const request = (scheme === "https" ? getSecure : get)({ host, port, path, agent: false, signal }, (response) => {
      const status = response.statusCode ?? 0;
      resolve(status >= 200 && status < 400 ? null : `answered with status ${status}`);
      // The body is of no interest, and an unread one would keep the connection.
      request.destroy();
    });
    request.on("error", (error) => resolve(reasonOf(error)));
  });
}

function checkTcp({ host = "127.0.0.1", port }: TcpProbe, signal: AbortSignal): Promise<string | null> {
  return new Promise((resolve) => {
    const socket = connect({ host, port });
    const onAbort = (): void => {
      socket.destroy();
      resolve("did not answer in time");
    };
    signal.addEventListener("abort", onAbort);
    socket.on("close", () => signal.removeEventListener("abort", onAbort));
    socket.on("connect", () => {
      resolve(null);
      socket.destroy();
    });
    socket.on("error", (error) => resolve(reasonOf(error)));
  });
}

function checkExec({ command, args = [] }: ExecProbe, signal: AbortSignal): Promise<string | null> {
  return new Promise((resolve) => {
    execFile(command, [...args], { signal, killSignal: "SIGKILL", maxBuffer: 1024 * 1024 }, (error) => resolve(error === null ? null : reasonOf(error)));
  });
}

function reasonOf(error: Error): string {
  if (error.name === "AbortError") return "did not answer in time";
  return cleanText(error.message.split("\n", 1)[0] ?? "", 256);
}
