/** Writes the table of all keys into its page: `deno task reference`. */
import { keyReference } from "../src/config/mod.ts";

const PAGE = new URL("../docs/reference/configuration.md", import.meta.url);
const page = await Deno.readTextFile(PAGE);
const marks = /(<!-- deno-fmt-ignore-start -->\n)[^]*?(\n<!-- deno-fmt-ignore-end -->)/;
await Deno.writeTextFile(PAGE, page.replace(marks, (_, start: string, end: string) => `${start}\n${keyReference().trim()}\n${end}`));
