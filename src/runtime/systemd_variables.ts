/** The variables by which systemd speaks to the program that it started, and to nobody else. */

/** What systemd sets for a unit that it waits for. */
export const SYSTEMD_VARIABLES: readonly string[] = ["NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID"];

/** What it says of sockets; a process gets some only where it declares them. */
const SOCKET_VARIABLES: readonly string[] = ["LISTEN_FDS", "LISTEN_PID", "LISTEN_FDNAMES"];

/** An environment for a child, which does not speak for the unit. */
export function withoutSystemd(env: Readonly<Record<string, string | undefined>>): Record<string, string | undefined> {
  return Object.fromEntries(Object.entries(env).filter(([name]) => !SYSTEMD_VARIABLES.includes(name) && !SOCKET_VARIABLES.includes(name)));
}
