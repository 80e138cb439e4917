/** Functions that end in every way. */
const aborted = (signal) => new Promise((resolve) => signal.addEventListener("abort", resolve));

export function throws() {
  throw new TypeError("it broke");
}
export function rejectsText() {
  return Promise.reject("text");
}
export function rejectsNothing() {
  return Promise.reject(undefined);
}
export function abortsItself() {
  return Promise.reject(new DOMException("enough", "AbortError"));
}
export function fails() {
  return Promise.reject(Object.assign(new Error("with a cause", { cause: new Error("the cause") }), { code: "EFAIL" }));
}
export function once({ log }) {
  log("once\u001b[31m red\u0007\ntwo lines");
}
export function deaf() {
  return new Promise(() => {});
}
export async function tidy({ signal, log, ready }) {
  ready();
  await aborted(signal);
  log(`stopped: ${signal.reason.name}`);
}
export async function failsOnStop({ signal }) {
  await aborted(signal);
  throw new Error("no time to stop");
}
