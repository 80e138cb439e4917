// Says what a page must not take for anything but text.
const lines = [
  '<img src=x onerror="document.title=`owned`"><script>document.title="owned"</script>',
  "red \u001b[31malert\u001b[0m and a \u202ereversed\u202c word",
  `long ${"x".repeat(1_200_000)}`,
  "javascript:alert(1) ${7*7} {{7*7}}",
];
process.stdout.write("importing\n");
setTimeout(() => {
  for (const line of lines) process.stdout.write(`${line}\n`);
}, 4_000);
setInterval(() => {}, 60_000);
