/** Run something once, after so many milliseconds. @returns cancels it */
export function runLater(ms: number, run: () => void): () => void {
  const timer = setTimeout(run, ms);
  return () => clearTimeout(timer);
}
