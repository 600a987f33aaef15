/**
 * Resolves with the first answer of `probe` that is not undefined or false, asked once a turn of the event loop;
 * rejects after `deadlineMs` of real time with `what` and the last error.
 */
export async function eventually<T>(
  what: string,
  probe: () => T | undefined | false | Promise<T | undefined | false>,
  deadlineMs = 5000,
): Promise<T> {
  const end = performance.now() + deadlineMs
  let last: unknown
  for (let turn = 0; ; turn++) {
    try {
      const answer = await probe()
      if (answer !== undefined && answer !== false) return answer
      last = undefined
    } catch (error) {
      last = error
    }
    if (performance.now() > end) throw new Error(`expected ${what} within ${deadlineMs} ms`, { cause: last })
    await new Promise((resolve) => (turn < 200 ? setImmediate(resolve) : setTimeout(resolve, 5)))
  }
}
