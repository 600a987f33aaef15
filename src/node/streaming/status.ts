/** The end of a command as it goes over the error channel. */
export interface StreamStatus {
  readonly metadata: object
  readonly status: 'Success' | 'Failure'
  readonly message?: string
  readonly reason?: string
  readonly code?: number
}

export function failure(message: string): StreamStatus {
  return { metadata: {}, status: 'Failure', reason: 'InternalError', message, code: 500 }
}

/** What the older protocols say of a Status: nothing of a success, else its message. */
export function statusMessage(status: string): string {
  try {
    const { status: outcome, message } = JSON.parse(status) as Partial<StreamStatus>
    return outcome === 'Success' ? '' : (message ?? status)
  } catch {
    return status
  }
}
