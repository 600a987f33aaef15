import { get } from 'node:http'

export interface LoadResult {
  readonly requests: number
  /** What went wrong, a line a failed request. */
  readonly failures: readonly string[]
}

/** Asks `url` over and over, each time on a new connection, until `stop` is called. Bounded: at most 200 a second. */
export function startLoad(url: string, workers = 4): { stop(): Promise<LoadResult> } {
  let running = true
  let requests = 0
  const failures: string[] = []
  const worker = async () => {
    while (running) {
      const answer = await ask(url)
      requests++
      if (answer.status !== 200) failures.push(`${new Date().toISOString()} ${answer.status ?? answer.error}`)
      await new Promise((resolve) => setTimeout(resolve, 20))
    }
  }
  const all = Promise.all(Array.from({ length: workers }, worker))
  return {
    async stop() {
      running = false
      await all
      return { requests, failures }
    },
  }
}

export interface Answer {
  readonly status?: number
  readonly body: string
  readonly error?: string
}

export function ask(url: string, timeoutMs = 5_000): Promise<Answer> {
  return new Promise((resolve) => {
    const request = get(url, { agent: false, timeout: timeoutMs }, (response) => {
      let body = ''
      response.on('data', (chunk: Buffer) => {
        body += chunk.toString()
      })
      response.on('error', (error) => resolve({ body, error: error.message }))
      response.on('end', () => resolve({ status: response.statusCode ?? 0, body }))
    })
    request.on('timeout', () => request.destroy(new Error(`no answer within ${timeoutMs} ms`)))
    request.on('error', (error) => resolve({ body: '', error: error.message }))
  })
}
