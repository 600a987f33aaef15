import { existsSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'

/**
 * A server whose connections can be followed: HTTP with connections that are kept, an echo, and an end of its choice.
 * It runs on this machine's Node, mounted into the container; the image brings only a file system.
 */
export interface AppOptions {
  readonly name: string
  readonly replicas: number
  /** Ends at once on SIGTERM (the default), or answers for some seconds more. */
  readonly onTerm?: 'exit' | 'drain'
  readonly preStopSeconds?: number
}

/** Its image: `dhow image build` of this recipe makes it. */
export const APP_IMAGES = join(import.meta.dirname, '../../examples/web/images/images.yaml')
const IMAGE = 'example/web:1.0'

const sourceOf = (file: string) => readFileSync(join(import.meta.dirname, 'app', file), 'utf8')

const hostPaths: Readonly<Record<string, string>> = {
  '/node': dirname(process.execPath),
  '/lib': '/lib',
  ...(existsSync('/lib64') ? { '/lib64': '/lib64' } : {}),
}

const volumes = [
  ...Object.values(hostPaths).map((path, i) => ({ name: `host${i}`, hostPath: { path, type: 'Directory' } })),
  { name: 'app', configMap: { name: 'app' } },
]

const container = (name: string, script: string, env: Readonly<Record<string, string>>) => ({
  name,
  image: IMAGE,
  command: ['/node/node', '--max-semi-space-size=1', `/app/${script}`],
  env: [
    { name: 'POD_NAME', valueFrom: { fieldRef: { fieldPath: 'metadata.name' } } },
    ...Object.entries(env).map(([key, value]) => ({ name: key, value })),
  ],
  volumeMounts: [
    ...Object.keys(hostPaths).map((mountPath, i) => ({ name: `host${i}`, mountPath, readOnly: true })),
    { name: 'app', mountPath: '/app' },
  ],
})

/** The scripts, which every app and client of a namespace share. */
export const appScripts = (namespace: string) => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name: 'app', namespace },
  data: { 'server.mjs': sourceOf('server.mjs'), 'client.mjs': sourceOf('client.mjs') },
})

/** A Deployment and a Service with a node port for HTTP (80) and for the echo (7000). */
export function app(namespace: string, options: AppOptions): object[] {
  const { name, replicas, onTerm = 'exit', preStopSeconds = 3 } = options
  const labels = { app: name }
  const preStop = { sleep: { seconds: preStopSeconds } }
  const deployment = {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name, namespace },
    spec: {
      replicas,
      strategy: { rollingUpdate: { maxSurge: 1, maxUnavailable: 0 } },
      selector: { matchLabels: labels },
      template: {
        metadata: { labels },
        spec: {
          terminationGracePeriodSeconds: 15,
          volumes,
          containers: [
            {
              ...container('server', 'server.mjs', { ON_TERM: onTerm }),
              readinessProbe: { httpGet: { path: '/', port: 8080 }, periodSeconds: 1, timeoutSeconds: 5 },
              ...(preStopSeconds > 0 ? { lifecycle: { preStop } } : {}),
            },
          ],
        },
      },
    },
  }
  const ports = [
    { name: 'http', port: 80, targetPort: 8080 },
    { name: 'echo', port: 7000 },
  ]
  return [
    deployment,
    {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name, namespace },
      spec: { type: 'NodePort', selector: labels, ports },
    },
  ]
}

/** A pod that asks `target` all the time, and logs what fails. */
export const appClient = (namespace: string, name: string, target: string) => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name, namespace },
  spec: {
    volumes,
    terminationGracePeriodSeconds: 1,
    containers: [container('client', 'client.mjs', { TARGET: target })],
  },
})
