/** Takes an order every few seconds. */
import type { TaskContext } from "@reeve/supervisor";
import { pause } from "./pause.ts";

export default async function orders({ signal, log, args }: TaskContext): Promise<void> {
  const { catalogUrl } = args as { catalogUrl: string };
  for (let order = 1; !signal.aborted; order++) {
    const { books } = await (await fetch(catalogUrl, { signal })).json() as { books: string[] };
    log(`order ${order}: ${books[order % books.length]}`);
    await pause(3000, signal);
  }
}
