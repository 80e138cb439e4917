/** Numbers of a relay, as Prometheus reads them. */
import type { CommandAnswer } from "./commander.ts";
import type { Hub } from "./hub.ts";

/** What is counted. */
export interface Counted {
  readonly sessions: number;
  readonly dropped: number;
  readonly auditLost: number;
}

/** Bounds of the buckets in seconds. */
const BUCKETS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

/** Counts what happens. */
export class RelayNumbers {
  readonly #counts = new Map<string, number>();
  readonly #buckets = BUCKETS.map(() => 0);
  #commands = 0;
  #seconds = 0;

  /** Counts one more of something, such as `refusals{status="401"}`. */
  count(name: string): void {
    this.#counts.set(name, (this.#counts.get(name) ?? 0) + 1);
  }

  /** A command took so many milliseconds. */
  command(answer: CommandAnswer, tookMs: number): void {
    this.count(`commands_total{result="${"code" in answer ? "error" : answer.isDone ? "completed" : "not_done"}"}`);
    this.#commands++;
    this.#seconds += tookMs / 1_000;
    BUCKETS.forEach((bound, index) => tookMs / 1_000 <= bound && this.#buckets[index]!++);
  }

  /** The text. */
  render(hub: Hub, { sessions, dropped, auditLost }: Counted): string {
    const states = new Map<string, number>();
    for (const { connectionState } of hub.rows) states.set(connectionState, (states.get(connectionState) ?? 0) + 1);
    const lines = [
      ...family(
        "targets",
        "gauge",
        "Targets, by how the connection to them is.",
        [...states].map(([state, count]) => [`targets{state="${state}"}`, count]),
      ),
      ...family("sessions", "gauge", "Sessions.", [["sessions", sessions]]),
      ...family("dropped_total", "counter", "Events and lines that clients missed because they did not read.", [[
        "dropped_total",
        dropped,
      ]]),
      ...family("audit_lost_total", "counter", "Records that could not be written.", [["audit_lost_total", auditLost]]),
    ];
    for (const [name, help] of Object.entries(HELP)) {
      lines.push(...family(name, "counter", help, [...this.#counts].filter(([key]) => key === name || key.startsWith(`${name}{`))));
    }
    const time = "command_duration_seconds";
    lines.push(...family(time, "histogram", "How long commands took.", [
      ...BUCKETS.map((bound, index): [string, number] => [`${time}_bucket{le="${bound}"}`, this.#buckets[index]!]),
      [`${time}_bucket{le="+Inf"}`, this.#commands],
      [`${time}_sum`, this.#seconds],
      [`${time}_count`, this.#commands],
    ]));
    return `${lines.join("\n")}\n`;
  }
}

const HELP: Readonly<Record<string, string>> = {
  sessions_total: "Sessions that were opened.",
  refusals_total: "Requests that were turned away, by status.",
  registrations_total: "Answers to registrations, by code.",
  commands_total: "Commands, by what became of them.",
};

function family(name: string, type: string, help: string, samples: readonly (readonly [string, number])[]): string[] {
  return [
    `# HELP reeve_relay_${name} ${help}`,
    `# TYPE reeve_relay_${name} ${type}`,
    ...samples.map(([key, value]) => `reeve_relay_${key} ${value}`),
  ];
}
