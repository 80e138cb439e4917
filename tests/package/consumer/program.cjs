/** The same package from CommonJS. */
import("@reeve/supervisor").then(async ({ child, supervise }) => {
  const tree = await supervise({ children: [child.task("once", () => {}, { restartPolicy: "temporary" })] });
  const { exitCode } = await tree.shutdown({ reason: "done" });
  console.log("END", exitCode);
});
