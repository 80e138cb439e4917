/** A clock in the hands of a test whose calendar can be set. */
import { VirtualClock } from "../../src/testing/mod.ts";

/** Time goes on as it does; the calendar is somewhere else. */
export class BentClock extends VirtualClock {
  /** How far the calendar is ahead of the clock, in milliseconds. */
  wallOffsetMs = 0;

  override wallNow(): number {
    return this.now() + this.wallOffsetMs;
  }
}
