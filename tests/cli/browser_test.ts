/** A browser is told an address that nobody else may know. */
import { assert, assertEquals, assertMatch } from "@std/assert";
import { chmod, readFile, stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { openBrowser } from "../../src/cli/browser.ts";
import { withFolder } from "../support/folder.ts";
import { until } from "../support/until.ts";

const URL_OF_PAGE = "http://127.0.0.1:7800/?token=a-secret";

Deno.test({
  name: "a browser is opened without telling other users the address, and nothing is left behind",
  ignore: process.platform === "win32",
  fn: () =>
    // It stands for the program that opens things, and says with what it was started.
    withFolder({ opener: '#!/bin/sh\necho "$*" > "$0.new" && mv "$0.new" "$0.args"\n' }, async (folder) => {
      const opener = join(folder, "opener");
      await chmod(opener, 0o755);
      const lines: string[] = [];
      const io = { stderr: (text: string): void => void lines.push(text) };
      const forget = await openBrowser(URL_OF_PAGE, io, opener);
      const args = (): Promise<string> => readFile(`${opener}.args`, "utf8").catch(() => "");
      await until(async () => await args() !== "", () => "no browser was opened");
      assertMatch(await args(), /^file:\/\/\S+\n$/);
      assert(!(await args()).includes("secret"), await args());
      const file = fileURLToPath((await args()).trim());
      assert((await readFile(file, "utf8")).includes(`url=${URL_OF_PAGE}"`));
      assertEquals([(await stat(file)).mode & 0o777, (await stat(dirname(file))).mode & 0o777], [0o600, 0o700]);
      await forget();
      assertEquals(await stat(dirname(file)).catch(() => null), null);
      assertEquals(lines.length, 1);
      await (await openBrowser(URL_OF_PAGE, io, join(folder, "none")))();
      await until(() => lines.some((line) => line.includes("no browser was opened")), () => lines.join(""));
      assert(!lines.join("").includes("secret"), lines.join(""));
    }),
});
