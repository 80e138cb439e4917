/** Registers a target at a relay, and keeps it registered: one line there and one back, again and again as long as it is served. */
import { cleanText, type Clock, inTime, ReeveError, thrownMessage, toJson } from "../base/mod.ts";
import type { RegistrationState } from "../event/mod.ts";
import { connectInTime, FrameSplitter } from "../platform/mod.ts";
import { COMMAND_KINDS } from "../protocol/mod.ts";
import type { RegistrationOptions } from "../spec/mod.ts";
import { delayAfter, type Exchange, type Rhythm } from "./registration_rhythm.ts";

/** What registration is made of. */
export interface RegistrarOptions {
  readonly registration: RegistrationOptions;
  /** What a target says of itself. */
  readonly payload: object;
  readonly clock: Clock;
  readonly random: () => number;
  /** Told when the state changes. */
  readonly onChange: (from: RegistrationState, to: RegistrationState, reason: string) => void;
  /** Sends the line and resolves with the answer; for tests. @default {over the relay's socket} */
  readonly exchange?: (line: string) => Promise<string>;
}

/** Longest answer of a relay in bytes. */
const LONGEST_ANSWER = 64 * 1024;

/** Keeps a target registered. */
export class Registrar {
  readonly #options: RegistrarOptions;
  readonly #rhythm: Rhythm;
  readonly #line: string;
  readonly #exchange: (line: string) => Promise<string>;
  #state: RegistrationState = "connecting";
  #failures = 0;
  #leaseEndsAtMs = -Infinity;
  #cancel: () => void = () => {};
  readonly #over = new AbortController();

  constructor(options: RegistrarOptions) {
    const { registration, payload, clock } = options;
    this.#options = options;
    this.#rhythm = rhythmOf(registration);
    this.#line = `${toJson(payload)}\n`;
    this.#exchange = options.exchange ?? ((line) => exchange(registration, clock, line, this.#over.signal));
  }

  /** How the registration stands. */
  get state(): RegistrationState {
    return this.#state;
  }

  /** Registers, and goes on doing so. */
  async begin(): Promise<void> {
    const outcome = await this.#register();
    if (this.#over.signal.aborted) return;
    this.#failures = outcome.result === "failed" ? this.#failures + 1 : 0;
    const { clock, random } = this.#options;
    const nowMs = clock.now();
    if (outcome.result === "registered") this.#leaseEndsAtMs = nowMs + this.#rhythm.leaseMs;
    this.#become(this.#stateAfter(outcome, nowMs), outcome.reason);
    const delayMs = delayAfter(outcome.result, this.#failures, this.#rhythm, random);
    this.#cancel = clock.setTimer(() => this.begin(), delayMs);
    this.#watchLease(nowMs, delayMs);
  }

  /** Registers no more; the relay forgets the target when its lease ends. */
  end(): void {
    this.#over.abort();
    this.#cancel();
  }

  /** The lease may end before the next try. */
  #watchLease(nowMs: number, delayMs: number): void {
    const leftMs = this.#leaseEndsAtMs - nowMs;
    if (this.#state !== "reconnecting" || leftMs > delayMs) return;
    const cancelNext = this.#cancel;
    const cancelEnd = this.#options.clock.setTimer(() => this.#become("expired", "the lease has ended"), leftMs);
    this.#cancel = () => {
      cancelNext();
      cancelEnd();
    };
  }

  #stateAfter({ result }: Exchange, nowMs: number): RegistrationState {
    if (result !== "failed") return result;
    if (nowMs < this.#leaseEndsAtMs) return "reconnecting";
    return this.#leaseEndsAtMs === -Infinity ? "unavailable" : "expired";
  }

  #become(to: RegistrationState, reason: string): void {
    const from = this.#state;
    if (from === to || this.#over.signal.aborted) return;
    this.#state = to;
    this.#options.onChange(from, to, reason);
  }

  async #register(): Promise<Exchange> {
    try {
      return readAnswer(await this.#exchange(this.#line));
    } catch (error) {
      return { result: "failed", reason: thrownMessage(error, 512) };
    }
  }
}

/** What a target says of itself, to a relay and in `hello`; the reference's relay refuses any member more. */
export function registrationPayload(
  { targetId, displayName, ipcPath, leaseSeconds }: {
    readonly targetId: string;
    readonly displayName: string;
    readonly ipcPath: string;
    readonly leaseSeconds: number;
  },
): object {
  return {
    target_id: targetId,
    display_name: displayName,
    ipc_path: ipcPath,
    lease_seconds: leaseSeconds,
    supported_commands: COMMAND_KINDS.map((name) => ({ name, idempotent: false, timeout_seconds: 30 })),
  };
}

/** What the state of a registration is called on the wire. */
export const WIRE_STATES: Readonly<Record<RegistrationState, { readonly registration_state: string; readonly connection_state: string }>> =
  {
    connecting: { registration_state: "active", connection_state: "connecting" },
    registered: { registration_state: "active", connection_state: "registered" },
    reconnecting: { registration_state: "active", connection_state: "reconnecting" },
    unavailable: { registration_state: "expired", connection_state: "unavailable" },
    rejected: { registration_state: "rejected", connection_state: "unavailable" },
    expired: { registration_state: "expired", connection_state: "expired" },
  };

/** Checks the options and brings their times into milliseconds; throws `dashboard_not_started`. */
export function rhythmOf(
  { relayRegistrationPath, leaseSeconds, registrationHeartbeatIntervalSeconds: intervalSeconds = 15 }: RegistrationOptions,
): Rhythm {
  const refuse = (why: string): ReeveError =>
    new ReeveError("dashboard_not_started", `Cannot register the target: ${why}`, { path: relayRegistrationPath });
  if (!relayRegistrationPath.startsWith("/")) throw refuse("registration.relayRegistrationPath must be absolute");
  if (!(leaseSeconds > 0)) throw refuse(`registration.leaseSeconds is ${leaseSeconds}, must be more than 0`);
  if (!(intervalSeconds > 0 && intervalSeconds < leaseSeconds)) {
    throw refuse(
      `registration.registrationHeartbeatIntervalSeconds is ${intervalSeconds}, must be more than 0 and less than the lease, ${leaseSeconds}`,
    );
  }
  return { intervalMs: intervalSeconds * 1_000, leaseMs: leaseSeconds * 1_000 };
}

/** What the relay says; `ok` and `retryable` must be there. */
function readAnswer(line: string): Exchange {
  const answer: unknown = JSON.parse(line);
  const { ok, retryable, error }: Record<string, unknown> = { ...Object(answer) };
  if (typeof ok !== "boolean" || typeof retryable !== "boolean") {
    return { result: "failed", reason: "the relay's answer lacks ok or retryable" };
  }
  if (ok) return { result: "registered", reason: "" };
  const { code, message }: Record<string, unknown> = { ...Object(error) };
  const reason = cleanText(`${code ?? "refused"}: ${message ?? "without a reason"}`, 512);
  return { result: retryable ? "failed" : "rejected", reason };
}

/** One line there, one line back, each in its time; given up at once when the signal aborts. */
async function exchange(
  { relayRegistrationPath, leaseSeconds, registrationConnectTimeoutSecs, registrationIoTimeoutSecs }: RegistrationOptions,
  clock: Clock,
  line: string,
  signal: AbortSignal,
): Promise<string> {
  const limitOf = (seconds = 5): number => Math.min(seconds * 1_000, leaseSeconds * 1_000 / 3);
  const [connectMs, ioMs] = [limitOf(registrationConnectTimeoutSecs), limitOf(registrationIoTimeoutSecs)];
  const tooLate = (why: string, limitMs: number) => (): Error => new Error(`${why} within ${limitMs} ms`);
  const bytes = await connectInTime(
    relayRegistrationPath,
    connectMs,
    tooLate("the relay takes no connection", connectMs),
    clock,
  );
  const giveUp = (): void => bytes.close();
  signal.addEventListener("abort", giveUp);
  try {
    const answer = async (): Promise<string> => {
      signal.throwIfAborted();
      await bytes.write(line);
      const frames = new FrameSplitter(LONGEST_ANSWER);
      let text: string | undefined;
      await bytes.receive((block) => {
        text = frames.push(block)[0]?.text;
        return text === undefined && frames.fault === null;
      });
      if (text !== undefined) return text;
      throw new Error(
        frames.fault === null ? "the relay closed without an answer" : `the relay's answer is in disorder (${frames.fault})`,
      );
    };
    return await inTime(answer(), ioMs, tooLate("the relay does not answer", ioMs), clock);
  } finally {
    signal.removeEventListener("abort", giveUp);
    bytes.close();
  }
}
