import { assertEquals, assertStringIncludes } from "@std/assert";
import { fileURLToPath } from "node:url";
import { deno, withFolder } from "../support/command.ts";

const MOD = new URL("../../mod.ts", import.meta.url).href;
const CONFIG = fileURLToPath(new URL("../../deno.json", import.meta.url));

async function outcomeOf(program: string, ...flags: string[]): Promise<{ code: number; output: string }> {
  let outcome = { code: -1, output: "" };
  await withFolder({ "main.ts": `import { child, handleSignals, supervise } from "${MOD}";\n${program}` }, async (folder) => {
    const command = deno(["run", "--no-prompt", "--config", CONFIG, ...flags, `${folder}/main.ts`]);
    outcome = { code: await command.ended, output: command.output() };
  });
  return outcome;
}

Deno.test("a tree keeps the program alive until it has finished, with no permission at all", async () => {
  const { code, output } = await outcomeOf(`
const never = child.task("never", ({ signal }) => new Promise((resolve) => signal.addEventListener("abort", resolve)));
const tree = await supervise({ children: [never] });
setTimeout(() => tree.shutdown(), 300);
tree.finished.then(() => console.log("finished"));
`);
  assertEquals([code, output.trim()], [0, "finished"]);
});

Deno.test("keepAlive: false lets the program end", async () => {
  const { code, output } = await outcomeOf(`
await supervise({ children: [child.task("never", () => new Promise(() => {}))] }, { keepAlive: false });
console.log("end of program");
`);
  assertEquals([code, output.trim()], [0, "end of program"]);
});

Deno.test("handleSignals() lets the program end when the tree has finished", async () => {
  const { code, output } = await outcomeOf(`
const tree = await supervise({ children: [child.task("once", () => {}, { restartPolicy: "temporary" })] });
handleSignals(tree);
const { cause } = await tree.shutdown({ reason: "done" });
console.log(cause.reason);
`);
  assertEquals([code, output.trim()], [0, "done"]);
});

Deno.test("a missing permission is told with the flag to add", async () => {
  const program = `
try {
  await supervise({ children: [child.worker("w", "file:///tmp/worker.ts")] });
} catch (error) {
  console.log(error.message);
}
`;
  assertStringIncludes((await outcomeOf(program)).output, "--allow-read");
});
