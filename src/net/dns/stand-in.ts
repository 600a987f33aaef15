import { type Clock, pause, type Random } from '../../base/index.ts'
import { exchangeUdp, type Upstream } from './transport.ts'

const ANSWER_MS = 200
const AGAIN_MS = 100

/**
 * Resolves when the names are known (`known`), or when no stand-in answers meanwhile; after `patienceMs` at the latest.
 * Who takes questions before it can answer them takes them to its grave if it is killed: a resolver then waits 5 s.
 */
export async function leaveToStandIn(
  standIn: Upstream,
  known: Promise<unknown>,
  options: {
    readonly clock: Clock
    readonly random: Random
    readonly patienceMs: number
    readonly signal: AbortSignal
  },
): Promise<void> {
  const { clock, random, patienceMs, signal } = options
  const ask = () => answers(standIn, chaosQuestion(Math.floor(random.next() * 65_536)), clock, over.signal)
  const over = new AbortController()
  const stop = () => over.abort()
  known.then(stop, stop)
  signal.addEventListener('abort', stop, { once: true })
  const cancel = clock.after(patienceMs, stop)
  while (!over.signal.aborted && (await ask())) await pause(clock, AGAIN_MS, over.signal)
  cancel()
  signal.removeEventListener('abort', stop)
}

/** Whether a server of names is there. Also true when nobody wants to know any more. */
async function answers(
  server: Upstream,
  question: Buffer,
  clock: Clock,
  signal: AbortSignal,
): Promise<boolean> {
  const late = new AbortController()
  const cancel = clock.after(ANSWER_MS, () => late.abort())
  try {
    await exchangeUdp(server, question, AbortSignal.any([late.signal, signal]))
    return true
  } catch {
    return signal.aborted
  } finally {
    cancel()
  }
}

/** The root's servers in class CHAOS: what everybody refuses at once, whatever they know. */
function chaosQuestion(id: number): Buffer {
  const question = Buffer.alloc(17)
  question.writeUInt16BE(id, 0)
  question.writeUInt16BE(1, 4)
  question.writeUInt16BE(2, 13)
  question.writeUInt16BE(3, 15)
  return question
}
