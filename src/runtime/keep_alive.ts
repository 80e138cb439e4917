/** One handle that keeps the program alive while a tree runs. */
import { clearInterval, setInterval } from "node:timers";

/** Keeps the program alive until the returned function is called. */
export function holdProgram(): () => void {
  const handle = setInterval(() => {}, 2 ** 30);
  return () => clearInterval(handle);
}
