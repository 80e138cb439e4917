// An HTTP server that needs a moment before it is ready.
import { createServer } from "node:http";
import process from "node:process";

const startedAt = Date.now();
const server = createServer((request, response) => {
  const warm = Date.now() - startedAt > 800;
  response.statusCode = request.url === "/health" && !warm ? 503 : 200;
  response.end(JSON.stringify({ books: ["On Clocks", "Trees That Stand"] }));
});
server.listen(Number(process.env.SHOP_PORT), "127.0.0.1", () => console.log("listening"));
process.on("SIGTERM", () => {
  console.log("closing");
  server.close(() => process.exit(0));
  server.closeAllConnections();
});
