/** Cookies that are given for tokens. */
import { assert, assertEquals } from "@std/assert";
import { Login, type LoginRequest } from "../../src/relay/login.ts";
import type { TokenCheck } from "../../src/relay/tokens.ts";
import { VirtualClock } from "../../src/testing/mod.ts";

/** Lets in whoever says their own name. */
const TOKENS: TokenCheck = {
  isUsed: true,
  check: (authorization: string) => {
    const principal = authorization.slice("Bearer ".length);
    return Promise.resolve(
      principal === "wrong"
        ? { status: 401, reason: "wrong" }
        : { clientIdentity: `token:${principal}`, principal, source: "token", expiresAtMs: null },
    );
  },
};

function asked(method: string, token: string, { cookie = "", address = "10.0.0.1" } = {}): LoginRequest {
  return {
    method,
    headers: { cookie },
    socket: { remoteAddress: address },
    async *[Symbol.asyncIterator](): AsyncGenerator<string> {
      yield await Promise.resolve(`token=${token}`);
    },
  };
}

class Bench {
  readonly clock = new VirtualClock();
  readonly login = new Login(TOKENS, this.clock);
  #address = 0;

  /** Logs in from another address each time; resolves with the cookie. */
  async cookieOf(token: string): Promise<string> {
    const answer = await this.login.answer(asked("POST", token, { address: `10.0.0.${this.#address++}` }));
    return answer?.headers["set-cookie"]?.split(";")[0] ?? "";
  }
}

Deno.test("login: a cookie is for the relay alone, and is good for twelve hours", async () => {
  const bench = new Bench();
  const answer = await bench.login.answer(asked("POST", "ada"));
  const [cookie = "", ...how] = answer?.headers["set-cookie"]?.split("; ") ?? [];
  assertEquals(how, ["Secure", "HttpOnly", "SameSite=Strict", "Path=/", "Max-Age=43200"]);
  assertEquals(bench.login.find(`a=b; ${cookie}`)?.principal, "ada");
  assertEquals(bench.login.find(), null);
  assertEquals(bench.login.find("__Host-reeve_relay="), null);
  await bench.clock.advance(43_199_999);
  assertEquals(bench.login.find(cookie)?.principal, "ada");
  await bench.clock.advance(1);
  assertEquals(bench.login.find(cookie), null);
});

Deno.test("login: whoever logs in again and again logs nobody else out", async () => {
  const bench = new Bench();
  const other = await bench.cookieOf("ada");
  const first = await bench.cookieOf("eve");
  const second = await bench.cookieOf("eve");
  for (let count = 0; count < 99; count++) await bench.cookieOf("eve");
  assertEquals(bench.login.find(first), null);
  assertEquals([bench.login.find(second)?.principal, bench.login.find(other)?.principal], ["eve", "ada"]);
});

Deno.test("login: one address may try so often in a minute", async () => {
  const bench = new Bench();
  const status = async (token: string, address?: string): Promise<unknown> =>
    (await bench.login.answer(asked("POST", token, address === undefined ? {} : { address })))?.status;
  for (let count = 0; count < 30; count++) assertEquals(await status("wrong"), 401);
  assertEquals(await status("ada"), 429);
  assertEquals(await status("ada", "10.0.0.2"), 303);
  await bench.clock.advance(60_000);
  assertEquals(await status("ada"), 303);
});

Deno.test("login: a cookie that was given back is good no more", async () => {
  const bench = new Bench();
  const [cookie, other] = [await bench.cookieOf("ada"), await bench.cookieOf("ada")];
  assert((await bench.login.answer(asked("GET", "", { cookie })))?.text.includes('action="/logout"'));
  const left: string[] = [];
  bench.login.tellTo((loginId) => left.push(loginId));
  const { loginId } = bench.login.find(cookie) ?? {};
  assertEquals(bench.login.leave(asked("GET", "", { cookie })), null);
  assertEquals(left, []);
  const answer = bench.login.leave(asked("POST", "", { cookie }));
  assertEquals([answer?.status, answer?.headers["location"]], [303, "/login"]);
  assert(answer?.headers["set-cookie"]?.startsWith("__Host-reeve_relay=; ") && answer.headers["set-cookie"].endsWith("Max-Age=0"));
  assertEquals([bench.login.find(cookie), bench.login.find(other)?.principal], [null, "ada"]);
  bench.login.leave(asked("POST", "", { cookie }));
  assertEquals(left, [loginId]);
  assert(!(await bench.login.answer(asked("GET", "", { cookie })))?.text.includes('action="/logout"'));
});
