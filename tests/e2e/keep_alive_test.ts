import { assertEquals } from "@std/assert";
import { outcomeOf } from "../support/command.ts";
import { moduleUrl } from "../support/runtime.ts";

const IMPORTS = `import { child, handleSignals, supervise } from "${moduleUrl("mod")}";\n`;

Deno.test("a tree keeps the program alive until it has finished, with no permission at all", async () => {
  const { code, output } = await outcomeOf(
    `${IMPORTS}const never = child.task("never", ({ signal }) => new Promise((resolve) => signal.addEventListener("abort", resolve)));
const tree = await supervise({ children: [never] });
setTimeout(() => tree.shutdown(), 300);
tree.finished.then(() => console.log("finished"));
`,
  );
  assertEquals([code, output.trim()], [0, "finished"]);
});

Deno.test("keepAlive: false lets the program end", async () => {
  const { code, output } = await outcomeOf(
    `${IMPORTS}await supervise({ children: [child.task("never", () => new Promise(() => {}))] }, { keepAlive: false });
console.log("end of program");
`,
  );
  assertEquals([code, output.trim()], [0, "end of program"]);
});

Deno.test("handleSignals() lets the program end when the tree has finished", async () => {
  const { code, output } = await outcomeOf(
    `${IMPORTS}const tree = await supervise({ children: [child.task("once", () => {}, { restartPolicy: "temporary" })] });
handleSignals(tree);
const { cause } = await tree.shutdown({ reason: "done" });
console.log(cause.reason);
`,
  );
  assertEquals([code, output.trim()], [0, "done"]);
});
