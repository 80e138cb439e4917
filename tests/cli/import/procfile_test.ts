import { assertEquals, assertMatch } from "@std/assert";
import { join } from "node:path";
import { childOf, environmentOf, imported, processOf, refused } from "./helpers.ts";

Deno.test("import of a Procfile makes lines for a shell, with the folder, the port and the variables that they had", async () => {
  const files = {
    Procfile: "# all\nweb: node web.js -p $PORT ${X:-1}\n\nwork-er:  sh -c 'echo $$'\nlast: run --port ${PORT}\n",
    ".env": "A=1\n",
  };
  const made = await imported(files, "Procfile");
  assertEquals([made.code, made.spec.children.map(({ name }) => name)], [0, ["web", "work-er", "last"]]);
  const web = processOf(childOf(made, "web"));
  assertEquals(web, {
    kind: "process",
    command: "node web.js -p $PORT ${X:-1}",
    shell: true,
    cwd: made.folder,
    envFile: join(made.folder, ".env"),
  } as unknown);
  assertEquals(environmentOf(childOf(made, "web")), { PORT: "5000" });
  assertEquals(environmentOf(childOf(made, "work-er")), {});
  assertEquals(environmentOf(childOf(made, "last")), { PORT: "5200" });
});

Deno.test("import of a Procfile tells of lines that are none, and refuses where there is no other", async () => {
  const made = await imported({ "Procfile.dev": "web: a\nno line\nrelease: migrate\n" }, "Procfile.dev");
  assertEquals(made.gaps, ["2 no line", "3 release"]);
  assertMatch(await refused({ Procfile: "nothing\n" }, "Procfile"), /has no line NAME: command/);
});
