/** The unit of the guide is one that systemd takes. */
import { assertEquals, assertStringIncludes } from "@std/assert";
import { spawnSync } from "node:child_process";
import { withFolder } from "../support/folder.ts";

async function unitOfGuide(): Promise<string> {
  const page = await Deno.readTextFile(new URL("../../docs/guide/systemd.md", import.meta.url));
  const [, unit] = /```ini\n([^]*?)```/.exec(page) ?? [];
  if (unit === undefined) throw new Error("the guide has no unit");
  return unit;
}

/** What systemd says of the unit; whether its program is there is no part of the question. */
async function verify(unit: string): Promise<string> {
  let said = "";
  await withFolder({ "shop.service": unit.replace(/^ExecStart=\S+/m, "ExecStart=/bin/sh") }, (folder) => {
    const { status, stdout, stderr } = spawnSync("systemd-analyze", ["verify", "--man=no", `${folder}/shop.service`], { encoding: "utf8" });
    const lines = `${stdout}${stderr}`.split("\n").filter((line) => line.includes("shop.service"));
    said = [...lines, ...status === 0 ? [] : [`status ${status}`]].join("\n");
    return Promise.resolve();
  });
  return said;
}

const isThere = Deno.build.os === "linux" && spawnSync("systemd-analyze", ["--version"]).status === 0;

Deno.test({
  name: `systemd takes the unit of the guide, and complains about one that is wrong${isThere ? "" : " (there is no systemd-analyze)"}`,
  ignore: !isThere,
  async fn(): Promise<void> {
    const unit = await unitOfGuide();
    assertEquals(await verify(unit), "");
    assertStringIncludes(await verify(unit.replace("KillMode=mixed", "KillMode=mixt")), "kill mode");
  },
});
