/** A task that says that it is there. */
export default function task({ signal, log }) {
  log("task is up");
  return new Promise((resolve) => signal.addEventListener("abort", resolve));
}
