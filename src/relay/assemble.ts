/** The parts that every relay is made of, put together. */
import { type Clock, ReeveError, thrownMessage } from "../base/mod.ts";
import { AuditTrail } from "./audit.ts";
import { Commander } from "./commander.ts";
import { endAll } from "./end_all.ts";
import { Hub } from "./hub.ts";
import type { RelayLog } from "./log.ts";
import { RelayNumbers } from "./numbers.ts";
import { type Door, type DoorOptions, openDoor } from "./server.ts";
import { Session } from "./session.ts";
import type { SessionLimits } from "./session_limits.ts";

/** What a relay is made of. */
export interface AssembleOptions {
  readonly clock: Clock;
  readonly log: RelayLog;
  readonly audit: {
    /** `null` keeps no record. */
    readonly file: { readonly path: string; readonly maxBytes: number; readonly keep: number } | null;
    /** Whether a command that cannot be recorded is refused. */
    readonly isRequired: boolean;
  };
  readonly limits?: Partial<SessionLimits>;
  /** Commands of one identity in a second. @default {20} */
  readonly commandsPerSecond?: number | undefined;
  readonly door: Omit<DoorOptions, "open" | "closed" | "turnedAway" | "maxFrameBytes">;
}

/** The parts of a relay that is open. */
export interface Parts {
  readonly hub: Hub;
  readonly door: Door;
  readonly numbers: RelayNumbers;
  readonly trail: AuditTrail;
  /** The numbers as Prometheus reads them. */
  metrics(): string;
  /** Ends all of them. */
  close(): Promise<void>;
}

/** Puts the parts together and opens the door; rejects with `relay_not_started`. */
export async function assemble({ clock, log, audit, limits, commandsPerSecond, door: place }: AssembleOptions): Promise<Parts> {
  const hub = new Hub(clock);
  const numbers = new RelayNumbers();
  const sessions = new Set<Session>();
  let dropped = 0;
  const trail = new AuditTrail({
    clock,
    log,
    file: audit.file,
    told: (record) => {
      for (const session of sessions) session.audited(record);
    },
  });
  try {
    await trail.open();
  } catch (error) {
    const path = audit.file?.path ?? "";
    throw new ReeveError("relay_not_started", `The audit "${path}" cannot be written: ${thrownMessage(error)}`, { path, cause: error });
  }
  const commander = new Commander(clock, trail, {
    isRequired: audit.isRequired,
    commandsPerSecond,
    log,
    answered: (answer, tookMs) => numbers.command(answer, tookMs),
  });
  const door = await openDoor({
    ...place,
    maxFrameBytes: limits?.frameBytes,
    maxWaitingBytes: limits?.waitingBytes,
    open: (identity, transport) => {
      const session = new Session({
        identity,
        transport,
        hub,
        commander,
        trail,
        clock,
        limits,
        failed: (error) => log.warn("session_failed", { reason: thrownMessage(error, 512) }),
      });
      sessions.add(session);
      numbers.count("sessions_total");
      log.info("session_opened", {
        session: session.sessionId,
        identity: identity.clientIdentity,
        principal: identity.principal,
        role: identity.role,
      });
      return session;
    },
    closed: (session, code) => {
      sessions.delete(session);
      dropped += session.dropped;
      log.info("session_closed", { session: session.sessionId, code, dropped: session.dropped });
    },
    turnedAway: (status, reason, address) => {
      numbers.count(`refusals_total{status="${status}"}`);
      log.warn("turned_away", { status, reason, address });
    },
  }).catch(async (error) => {
    await trail.close();
    throw error;
  });
  return {
    hub,
    door,
    numbers,
    trail,
    metrics: () => {
      let now = dropped;
      for (const session of sessions) now += session.dropped;
      return numbers.render(hub, { sessions: sessions.size, dropped: now, auditLost: trail.lost });
    },
    close: () => endAll(() => hub.close(), () => door.close(), () => commander.close(), () => trail.close()),
  };
}
