/**
 * Where the client's counts go. Names follow Kubernetes' own; a process binds this to its registry.
 * Label values come from a small fixed set (kinds, queue names), so series stay bounded.
 */
export interface Metrics {
  increment(name: string, labels: Readonly<Record<string, string>>, by?: number): void
  set(name: string, labels: Readonly<Record<string, string>>, value: number): void
  /** A duration or size, as a histogram. */
  observe(name: string, labels: Readonly<Record<string, string>>, value: number): void
}

export const noMetrics: Metrics = { increment() {}, set() {}, observe() {} }
