/** A relay for one person on one machine: it listens on the loopback address alone, finds the targets by itself, and lets in whoever has its address. */
import type { IncomingMessage } from "node:http";
import { randomBytes, timingSafeEqual } from "node:crypto";
import { systemClock } from "../platform/mod.ts";
import { assemble, type Parts } from "./assemble.ts";
import { NO_LOG } from "./log.ts";
import { Search } from "./search.ts";
import type { Answer, Asset, Refusal } from "./server.ts";
import type { Identity } from "./session.ts";

/** Options of {@linkcode startLocalRelay}. */
export interface LocalRelayOptions {
  /** Says where targets listen now; asked again and again. */
  readonly findTargets: () => Promise<readonly string[]>;
  /** Port; 0 is any free one. @default {0} */
  readonly port?: number;
  /** Who sits there, for the audit. @default {"operator"} */
  readonly user?: string;
  /** Files of the page, by path. */
  readonly assets: ReadonlyMap<string, Asset>;
}

/** A relay that runs. */
export interface LocalRelay extends AsyncDisposable {
  /** The address that lets in, once. */
  readonly url: string;
  /** Where it listens. */
  readonly port: number;
  /** Ends it. */
  close(): Promise<void>;
}

/** Where sessions are opened. */
export const SESSION_PATH = "/session";

const HOST = "127.0.0.1";
const ENTERED = '<!doctype html><html lang="en"><meta http-equiv="refresh" content="0; url=/"><title>Reeve</title>';

/** Starts it; rejects with `relay_not_started`. */
export async function startLocalRelay({ findTargets, port = 0, user = "operator", assets }: LocalRelayOptions): Promise<LocalRelay> {
  const clock = systemClock();
  // Cookies do not tell one port from another: two of these in one browser would take each other's.
  const entry = new Entry(user, () => `reeve_session_${parts.door.port}`);
  const parts: Parts = await assemble({
    clock,
    log: NO_LOG,
    audit: { file: null, isRequired: false },
    door: {
      host: HOST,
      port,
      hosts: [HOST, "localhost"],
      origins: [],
      paths: [SESSION_PATH],
      identify: (request) => entry.identify(request),
      answer: (request, path) => path === "/" ? entry.letIn(request) : null,
      assets,
      maxSessions: 64,
    },
  });
  const { door } = parts;
  const searching = new Search(findTargets, parts.hub, clock);
  void searching.begin();
  const close = async (): Promise<void> => {
    searching.end();
    await parts.close();
  };
  return { url: `http://${HOST}:${door.port}/?token=${entry.token}`, port: door.port, close, [Symbol.asyncDispose]: close };
}

/** Lets in whoever has the token, once; who is in has a cookie. */
class Entry {
  readonly token = randomBytes(24).toString("base64url");
  readonly #cookie = randomBytes(24).toString("base64url");
  readonly #identity: Identity;
  readonly #cookieName: () => string;
  #isUsed = false;

  constructor(user: string, cookieName: () => string) {
    this.#cookieName = cookieName;
    this.#identity = { clientIdentity: `loopback:${user}`, principal: user, role: "dangerous", source: "loopback", expiresAtMs: null };
  }

  identify({ headers: { cookie = "" } }: IncomingMessage): Identity | Refusal {
    const begin = `${this.#cookieName()}=`;
    const given = cookie.split(";").map((part) => part.trim()).find((part) => part.startsWith(begin))?.slice(begin.length) ?? "";
    return isSame(given, this.#cookie) ? this.#identity : { status: 401, reason: "open the address that reeve dashboard printed" };
  }

  letIn({ url = "/", headers }: IncomingMessage): Answer | null {
    const token = new URL(url, `http://${HOST}`).searchParams.get("token");
    if (token === null) return null;
    if (this.#isUsed || !isSame(token, this.token)) return null;
    this.#isUsed = true;
    const cookie = { "set-cookie": `${this.#cookieName()}=${this.#cookie}; HttpOnly; SameSite=Strict; Path=/` };
    // To where a page of somewhere else, such as a file, is sent on, a browser does not take such a cookie along; from a page of ours it does.
    return headers["sec-fetch-site"] === "cross-site"
      ? { status: 200, headers: { ...cookie, "content-type": "text/html; charset=utf-8" }, text: ENTERED }
      : { status: 303, headers: { ...cookie, location: "/" }, text: "" };
  }
}

function isSame(one: string, other: string): boolean {
  const [a, b] = [Buffer.from(one), Buffer.from(other)];
  return a.length === b.length && timingSafeEqual(a, b);
}
