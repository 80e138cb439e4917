/**
 * Makes `docs/images/top.svg` out of a real run: the example shop, `reeve top` in tmux, and what is on its screen.
 *
 * Usage: `deno task picture`; tmux is needed.
 */
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const ROOT = fileURLToPath(new URL("..", import.meta.url));
const [COLUMNS, ROWS] = [116, 28];
/** Long enough for the mailer to have failed a few times. */
const RUN_MS = 40_000;

/** One piece of a line that looks the same. */
interface Piece {
  readonly text: string;
  readonly column: number;
  readonly look: Look;
}

interface Look {
  readonly color: string | null;
  readonly bold: boolean;
  readonly dim: boolean;
  readonly inverse: boolean;
}

const PLAIN: Look = { color: null, bold: false, dim: false, inverse: false };
const COLORS: Readonly<Record<number, string>> = { 31: "#f47067", 32: "#6bc46d", 33: "#daaa3f" };
const [FRONT, BACK, DIM] = ["#d6dde6", "#1c2128", "#8b949e"];
const [CELL, LINE, SIZE, EDGE] = [8.4, 18, 14, 12];

const folder = await Deno.makeTempDir({ prefix: "reeve-picture-" });
const env = { XDG_RUNTIME_DIR: folder, SHOP_PORT: "48377", TERM: "xterm-256color", LC_ALL: "C.UTF-8", USER: "ada" };
const reeve = [Deno.execPath(), "run", "-A", "--config", join(ROOT, "deno.json"), join(ROOT, "src/cli/bin.ts")];
const shop = new Deno.Command(reeve[0]!, {
  args: [...reeve.slice(1), "run", join(ROOT, "examples/shop/supervisor.yaml"), "--no-output"],
  env,
  stdin: "null",
  stdout: "null",
  stderr: "null",
}).spawn();
try {
  await pause(3_000);
  await tmux("-u", "-f", "/dev/null", "new-session", "-d", "-x", String(COLUMNS), "-y", String(ROWS), ...reeve, "top");
  await pause(RUN_MS);
  await tmux("send-keys", "Down", "Down", "Down");
  await pause(1_000);
  const screen = await tmux("capture-pane", "-e", "-N", "-p");
  await Deno.mkdir(join(ROOT, "docs/images"), { recursive: true });
  const file = join(ROOT, "docs/images/top.svg");
  await Deno.writeTextFile(file, svgOf(screen.split("\n").slice(0, ROWS)));
  await new Deno.Command(reeve[0]!, { args: ["fmt", "-q", file], cwd: ROOT }).output();
} finally {
  await tmux("kill-server").catch(() => {});
  shop.kill("SIGTERM");
  await shop.status;
  await Deno.remove(folder, { recursive: true });
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

async function tmux(...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await new Deno.Command("tmux", { args: ["-S", join(folder, "tmux.sock"), ...args], env }).output();
  if (code !== 0) throw new Error(new TextDecoder().decode(stderr));
  return new TextDecoder().decode(stdout);
}

function svgOf(lines: readonly string[]): string {
  const [width, height] = [Math.round(COLUMNS * CELL + 2 * EDGE), lines.length * LINE + 2 * EDGE];
  let look = PLAIN;
  const rows = lines.map((line, row) => {
    const { pieces, last } = piecesOf(line, look);
    look = last;
    return pieces.map((piece) => drawn(piece, EDGE + row * LINE)).join("");
  });
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img" aria-label="reeve top shows a tree of nine children, their states, and their events">
<rect width="100%" height="100%" rx="8" fill="${BACK}"/>
<g font-family="ui-monospace, Menlo, Consolas, 'DejaVu Sans Mono', monospace" font-size="${SIZE}">
${rows.filter((row) => row !== "").join("\n")}
</g>
</svg>
`;
}

/** The pieces of a line, and how what follows looks. */
function piecesOf(line: string, first: Look): { readonly pieces: Piece[]; readonly last: Look } {
  const pieces: Piece[] = [];
  let [look, column] = [first, 0];
  line.split(new RegExp(`${String.fromCharCode(27)}\\[([\\d;]*)m`)).forEach((part, index) => {
    if (index % 2 === 1) return void (look = part.split(";").map(Number).reduce(changed, look));
    if (part !== "") pieces.push({ text: part, column, look });
    column += [...part].length;
  });
  return { pieces, last: look };
}

function changed(look: Look, code: number): Look {
  if (code === 0) return PLAIN;
  if (code === 1) return { ...look, bold: true };
  if (code === 2) return { ...look, dim: true };
  if (code === 7) return { ...look, inverse: true };
  if (code === 22) return { ...look, bold: false, dim: false };
  if (code === 27) return { ...look, inverse: false };
  return code >= 30 && code <= 39 ? { ...look, color: COLORS[code] ?? null } : look;
}

function drawn({ text, column, look: { color, bold, dim, inverse } }: Piece, top: number): string {
  const front = color ?? (dim ? DIM : FRONT);
  const [x, width] = [(EDGE + column * CELL).toFixed(1), ([...text].length * CELL).toFixed(1)];
  const back = inverse ? `<rect x="${x}" y="${top}" width="${width}" height="${LINE}" fill="${front}"/>` : "";
  if (text.trim() === "") return back;
  const safe = text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;").replaceAll(" ", "\u00a0");
  const weight = bold ? ' font-weight="bold"' : "";
  return `${back}<text x="${x}" y="${top + LINE - 5}" textLength="${width}" fill="${inverse ? BACK : front}"${weight}>${safe}</text>`;
}
