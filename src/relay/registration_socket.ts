/** The socket where targets register: one line and one answer a connection; whoever is bad, silent or gone costs only that connection. */
import { type Clock, ReeveError, thrownMessage } from "../base/mod.ts";
import { bindInPlace, type ByteConnection, FrameSplitter, type PlacedListener, platform } from "../platform/mod.ts";
import type { RelayLog } from "./log.ts";
import { type Acknowledgement, acknowledgementLine, refusal } from "./registration_message.ts";

/** What the socket works with. */
export interface RegistrationSocketOptions {
  readonly path: string;
  readonly mode: number;
  readonly maxConnections: number;
  readonly maxLineBytes: number;
  readonly timeoutMs: number;
  readonly clock: Clock;
  readonly log: RelayLog;
  /** Takes a line of somebody whose user the kernel told, or `null`. */
  readonly take: (line: string, ownerUid: number | null) => Promise<Acknowledgement>;
  /** Told of every answer. */
  readonly answered: (answer: Acknowledgement) => void;
}

/** Delays in milliseconds after an error of accepting, the last one again and again. */
const ACCEPT_DELAYS_MS = [10, 100, 1_000];

/** Connections beyond the most are told so, as long as there are not more than this. */
const MOST_REFUSALS = 64;

/** Opens the socket; rejects with `relay_not_started` when another relay lives there, or what is there is no socket. */
export async function openRegistrationSocket(options: RegistrationSocketOptions): Promise<RegistrationSocket> {
  const { path, mode } = options;
  const placed = await bindInPlace({ path, mode, bindMode: "replace_stale", code: "relay_not_started" });
  if (!placed.listener.tellsPeers && (mode & 0o077) !== 0) {
    await placed.close();
    const why = `Cannot listen on "${path}": others than the owner may register, and the kernel cannot be asked who they are`;
    throw new ReeveError("relay_not_started", why, { path, hint: platform.peerCredentialsHint });
  }
  const socket = new RegistrationSocket(placed, options);
  void socket.acceptAll();
  return socket;
}

/** The open socket. */
export class RegistrationSocket {
  readonly #placed: PlacedListener;
  readonly #options: RegistrationSocketOptions;
  readonly #open = new Set<ByteConnection>();
  #isOver = false;
  /** Errors of accepting since the last connection. */
  #failures = 0;

  constructor(placed: PlacedListener, options: RegistrationSocketOptions) {
    this.#placed = placed;
    this.#options = options;
  }

  /** How many are connected. */
  get connections(): number {
    return this.#open.size;
  }

  /** Whether targets can register. */
  async isReachable(): Promise<boolean> {
    return !this.#isOver && this.#failures === 0 && await this.#placed.isInPlace();
  }

  /** Goes on until the socket is closed. */
  async acceptAll(): Promise<void> {
    while (true) {
      try {
        const bytes = await this.#placed.listener.accept();
        if (bytes === null) return void (this.#isOver = true);
        void this.#serve(bytes);
        this.#failures = 0;
      } catch (error) {
        // The system is short of something: it may have it again later.
        this.#options.log.warn("registration_accept_failed", { reason: thrownMessage(error, 256) });
        const delayMs = ACCEPT_DELAYS_MS[Math.min(this.#failures++, ACCEPT_DELAYS_MS.length - 1)]!;
        await new Promise<void>((resolve) => this.#options.clock.setTimer(resolve, delayMs));
      }
    }
  }

  /** Takes the socket away and ends all connections. */
  async close(): Promise<void> {
    this.#isOver = true;
    for (const bytes of this.#open) bytes.close();
    await this.#placed.close();
  }

  async #serve(bytes: ByteConnection): Promise<void> {
    const { maxConnections, timeoutMs, clock } = this.#options;
    if (this.#isOver || this.#open.size >= maxConnections + MOST_REFUSALS) return bytes.close();
    const isTooMany = this.#open.size >= maxConnections;
    this.#open.add(bytes);
    let late: Promise<void> | undefined;
    const cancel = clock.setTimer(() => {
      late = this.#answer(bytes, refusal("registration_timeout", "the line did not come in time", true)).finally(() => bytes.close());
      // Whoever does not take even that is cut off.
      clock.setTimer(() => bytes.close(), 1_000);
    }, timeoutMs);
    try {
      const answer = isTooMany
        ? refusal("too_many_connections", `there are ${maxConnections} connections already`, true)
        : await this.#answerOf(bytes);
      if (answer !== null && late === undefined) await this.#answer(bytes, answer);
    } catch {
      // It is gone: that is its own affair.
    } finally {
      cancel();
      await late?.catch(() => {});
      bytes.close();
      this.#open.delete(bytes);
    }
  }

  /** The answer to the first line; `null` where there was none. */
  async #answerOf(bytes: ByteConnection): Promise<Acknowledgement | null> {
    if (this.#placed.listener.tellsPeers && bytes.peer === null) {
      return refusal("peer_unknown", "the kernel did not tell who connects", true);
    }
    const frames = new FrameSplitter(this.#options.maxLineBytes);
    let line: string | undefined;
    await bytes.receive((block) => {
      line = frames.push(block)[0]?.text;
      return line === undefined && frames.fault === null;
    });
    if (line !== undefined) return await this.#options.take(line, bytes.peer?.uid ?? null);
    if (frames.fault === null) {
      frames.end();
      return frames.fault === null ? null : refusal("incomplete_registration", "the connection ended before the line did");
    }
    return refusal(
      frames.fault === "frame_too_large" ? "registration_too_large" : "invalid_registration_json",
      frames.fault === "frame_too_large" ? `a registration has at most ${this.#options.maxLineBytes} bytes` : "the line is not UTF-8",
    );
  }

  async #answer(bytes: ByteConnection, answer: Acknowledgement): Promise<void> {
    this.#options.answered(answer);
    await bytes.write(acknowledgementLine(answer));
  }
}
