/** Supervises a task, a worker and a process, and stops them when each has said that it is there. */
import { child, describe, supervise } from "@reeve/supervisor";
import task from "./task.js";

const tree = await supervise({
  name: "consumer",
  children: [
    child.task("task", task),
    child.worker("worker", new URL("./worker.js", import.meta.url)),
    child.process("process", { command: "sh", args: ["-c", "echo process is up; exec sleep 60"] }),
  ],
});
const heard = new Set();
for await (const record of tree.logs()) {
  console.log(record.path, record.line);
  heard.add(record.path);
  if (heard.size === 3) await tree.shutdown({ reason: "all are there" });
}
for await (const event of tree.events()) console.log(event.path, describe(event));
const { exitCode, children } = await tree.finished;
console.log("END", exitCode, children.map(({ path, status }) => `${path} ${status}`).sort().join(", "));
