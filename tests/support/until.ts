/** Waits until something holds, looking again and again; rejects with the complaint when it takes too long. */
export async function until(holds: () => boolean | Promise<boolean>, complaint: () => string, patienceMs = 15_000): Promise<void> {
  for (const giveUpAtMs = Date.now() + patienceMs; !await holds();) {
    if (Date.now() > giveUpAtMs) throw new Error(complaint());
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
