/** Takes an order every few seconds. */
import { pause } from "./pause.js";

/** @param {import("@reeve/supervisor").TaskContext} context */
export default async function orders({ signal, log, args }) {
  for (let order = 1; !signal.aborted; order++) {
    const { books } = await (await fetch(args.catalogUrl, { signal })).json();
    log(`order ${order}: ${books[order % books.length]}`);
    await pause(3000, signal);
  }
}
