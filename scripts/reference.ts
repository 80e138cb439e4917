/** Writes the tables of all keys into their pages: `deno task reference`. */
import { keyReference, relayKeyReference } from "../src/config/mod.ts";

const MARKS = /(<!-- deno-fmt-ignore-start -->\n)[^]*?(\n<!-- deno-fmt-ignore-end -->)/;

for (const [name, table] of [["configuration", keyReference()], ["relay", relayKeyReference()]] as const) {
  const url = new URL(`../docs/reference/${name}.md`, import.meta.url);
  const page = await Deno.readTextFile(url);
  await Deno.writeTextFile(url, page.replace(MARKS, (_, start: string, end: string) => `${start}\n${table.trim()}\n${end}`));
}
