import { existsSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { type Api, Deployment, Pod, Service } from '../api/index.ts'
import { sleep } from '../base/index.ts'
import {
  buildImage,
  canonicalName,
  type Layout,
  listImages,
  readRecipe,
  type UpResult,
} from '../cluster/index.ts'
import { applyAll, describeApplied } from './apply.ts'
import type { Context } from './context.ts'
import { importArchive } from './image.ts'
import { type Manifest, readManifests } from './manifests.ts'
import type { Progress } from './output.ts'
import { podTroubles } from './pod-trouble.ts'
import { rolloutOf } from './rollout-status.ts'
import { answeringUrls } from './urls.ts'

interface FollowContext extends Context {
  readonly progress: Progress
  readonly timeoutMs: number
}

export interface Application {
  readonly paths: readonly string[]
  readonly manifests: readonly Manifest[]
}

/** Throws for what cannot be read: before anything is started for it. */
export function readApplication(paths: readonly string[]): Application {
  return { paths, manifests: readManifests(paths, () => readFileSync(0, 'utf8')) }
}

/** What `up -f` does once the cluster runs: images, manifests, rollouts, and the URLs that answer. */
export async function applyAndFollow(
  { paths, manifests }: Application,
  cluster: UpResult,
  context: FollowContext,
): Promise<void> {
  const { progress, terminal } = context
  const { api, layout } = cluster
  await provideImages(paths, manifests, layout, progress)
  const applied = await applyAll(api, manifests, 'default', (one) =>
    progress.note(`✓ ${describeApplied(one)}`),
  )
  for (const { object, manifest } of applied) {
    if (manifest.kind !== Deployment) continue
    await followRollout(api, object as Deployment, context)
  }
  const services = applied.filter((a) => a.manifest.kind === Service).map((a) => a.object as Service)
  progress.begin('asking the Services')
  const urls = await answeringUrls(layout, services, context.clock)
  progress.end(urls.length > 0 ? 'these answer:' : 'no Service is served outside of the cluster')
  for (const { name, url } of urls) terminal.out.write(`${url}   (service "${name}")\n`)
}

/** Where a folder of manifests has `images/images.yaml`, its images that no node has yet are built and imported. */
async function provideImages(
  paths: readonly string[],
  manifests: readonly Manifest[],
  layout: Layout,
  progress: Progress,
): Promise<void> {
  const wanted = new Set(manifests.flatMap((m) => imagesIn(m.object)).map(canonicalName))
  for (const path of paths) {
    const file = join(path === '-' ? '.' : path, 'images', 'images.yaml')
    if (path === '-' || !existsSync(path) || !statSync(path).isDirectory() || !existsSync(file)) continue
    const { recipe, folder } = await readRecipe(file)
    for (const image of recipe.images.filter((i) => wanted.has(canonicalName(i.name)))) {
      const present = await Promise.all(layout.nodes.map((node) => listImages(node.containerd)))
      if (present.every((names) => names.includes(canonicalName(image.name)))) continue
      progress.begin(`building image ${image.name} from files of this machine`)
      await importArchive(layout, await buildImage(image, folder))
      progress.end(`image ${image.name} is built from files of this machine`)
    }
  }
}

/** Every string under a key `image`, wherever it is in the object. */
export function imagesIn(value: unknown): string[] {
  if (Array.isArray(value)) return value.flatMap(imagesIn)
  if (typeof value !== 'object' || value === null) return []
  return Object.entries(value).flatMap(([key, inner]) =>
    key === 'image' && typeof inner === 'string' ? [inner] : imagesIn(inner),
  )
}

async function followRollout(api: Api, deployment: Deployment, context: FollowContext): Promise<void> {
  const { progress, clock, timeoutMs } = context
  const { namespace, name } = deployment.metadata
  const deadline = clock.monotonic() + timeoutMs
  const label = `deployment ${namespace}/${name}`
  progress.begin(`${label}: starting`)
  for (;;) {
    const view = rolloutOf(await api.get(Deployment, { namespace, name }))
    if (view.done) break
    progress.update(`${label}: ${view.updated} of ${view.wanted} replicas are available`)
    if (view.failed || clock.monotonic() > deadline) {
      throw new Error(
        `cannot finish the rollout of ${label}: ${view.failed ? view.text : `not done after ${timeoutMs / 1000} s`}\n${await whyWaiting(api, deployment)}`,
      )
    }
    await sleep(clock, 200)
  }
  progress.end(`${label} is rolled out: ${deployment.spec.replicas ?? 1} replicas are available`)
}

/** What the pods of a Deployment that is not done wait for. */
async function whyWaiting(api: Api, deployment: Deployment): Promise<string> {
  const { namespace } = deployment.metadata
  const labelSelector = Object.entries(deployment.spec.selector.matchLabels ?? {})
    .map(([key, value]) => `${key}=${value}`)
    .join(',')
  const { items } = await api.list(Pod, { namespace, labelSelector })
  const reasons = items.flatMap(podTroubles)
  return (
    [...new Set(reasons)].slice(0, 5).join('\n') ||
    `its pods say no reason; try: kubectl describe pods -n ${namespace}`
  )
}
