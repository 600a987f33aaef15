/** The end of a command as it goes over the error channel. */
export interface StreamStatus {
  readonly metadata: object
  readonly status: 'Success' | 'Failure'
  readonly message?: string
  readonly reason?: string
  readonly details?: { readonly causes: readonly { readonly reason: string; readonly message: string }[] }
  readonly code?: number
}

export function failure(message: string): StreamStatus {
  return { metadata: {}, status: 'Failure', reason: 'InternalError', message, code: 500 }
}

/** Clients take the exit code from the cause. */
export function outcomeOf(exitCode: number): StreamStatus {
  if (exitCode === 0) return { metadata: {}, status: 'Success' }
  return {
    metadata: {},
    status: 'Failure',
    message: `command terminated with non-zero exit code: exit code ${exitCode}`,
    reason: 'NonZeroExitCode',
    details: { causes: [{ reason: 'ExitCode', message: String(exitCode) }] },
  }
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
