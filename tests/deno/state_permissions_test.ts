/** A tree with a state needs to read and write its folder, and no other permission as long as it has no processes. */
import { assertEquals } from "@std/assert";
import { join } from "node:path";
import { outcomeOf } from "../support/command.ts";
import { inFolder } from "../support/folder.ts";
import { moduleUrl } from "../support/runtime.ts";

Deno.test("a state of tasks is kept with permission to read and write, and without it the error says what is missing", () =>
  inFolder(async (folder) => {
    const path = join(folder, "state.json");
    const text = `
import { child, supervise } from ${JSON.stringify(moduleUrl("mod"))};
const task = ({ signal }) => new Promise((resolve) => signal.addEventListener("abort", resolve));
try {
  const tree = await supervise({ children: [child.task("a", task)], state: { path: ${JSON.stringify(path)} } });
  console.log(tree.child("/a").attempt);
  await tree.close();
} catch (error) {
  console.log(error.code, /--allow-(read|write)/.test(error.message));
}
`;
    for (const attempt of [1, 2]) {
      assertEquals(await outcomeOf(text, `--allow-read=${folder}`, `--allow-write=${folder}`), { code: 0, output: `${attempt}\n` });
    }
    assertEquals(await outcomeOf(text), { code: 0, output: "state_not_opened true\n" });
  }));
