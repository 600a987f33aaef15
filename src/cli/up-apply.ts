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
import { type Context, nameFlag } from './context.ts'
import { importArchive } from './image.ts'
import { checkManifest, type Manifest, readManifests } from './manifests.ts'
import { selectorText } from './objects.ts'
import type { Progress } from './output.ts'
import { groupedTroubles, lookCommand, type TroubleGroup } from './pod-trouble.ts'
import { rolloutOf } from './rollout-status.ts'
import { servedOutside } from './urls.ts'

interface FollowContext extends Context {
  /** Of the cluster. */
  readonly name: string
  readonly progress: Progress
  readonly timeoutMs: number
}

export interface Application {
  readonly paths: readonly string[]
  readonly manifests: readonly Manifest[]
}

/** Throws for what cannot be read: before anything is started for it. */
export function readApplication(paths: readonly string[]): Application {
  const manifests = readManifests(paths, () => readFileSync(0, 'utf8'))
  for (const manifest of manifests) checkManifest(manifest)
  return { paths, manifests }
}

/** What `up -f` does once the cluster runs: images, manifests, rollouts, and the URLs that answer. */
export async function applyAndFollow(
  { paths, manifests }: Application,
  cluster: UpResult,
  context: FollowContext,
): Promise<void> {
  const { progress } = context
  const { api, layout } = cluster
  await provideImages(paths, manifests, layout, progress)
  const applied = await applyAll(api, manifests, 'default', (one) =>
    progress.note(`✓ ${describeApplied(one)}`),
  )
  const deadline = context.clock.monotonic() + context.timeoutMs
  for (const { object, manifest } of applied) {
    if (manifest.kind !== Deployment) continue
    await followRollout(api, object as Deployment, deadline, context)
  }
  await showServices(
    applied.filter((a) => a.manifest.kind === Service).map((a) => a.object as Service),
    layout,
    context,
  )
}

/** URLs that answer are the result: they alone go to stdout. */
async function showServices(
  services: readonly Service[],
  layout: Layout,
  { progress, clock, terminal }: FollowContext,
): Promise<void> {
  if (services.length === 0) return
  progress.begin('asking the Services')
  const served = await servedOutside(layout, services, clock)
  const answering = served.filter(({ url }) => url !== undefined)
  progress.end(
    answering.length > 0
      ? 'these answer:'
      : served.length > 0
        ? 'the Services were asked'
        : 'no Service is served outside of the cluster (kubectl port-forward reaches them)',
  )
  for (const { service, url, asked } of served) {
    const { name } = service.metadata
    if (url !== undefined) terminal.out.write(`${url}   (service "${name}")\n`)
    else progress.note(`! service "${name}" does not answer over HTTP at ${asked.join(' or ')}`)
  }
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

/** Why pods are not ready is told as soon as it has lasted for this long. */
const SETTLE_MS = 5_000
const TROUBLE_CHECK_MS = 1_000

async function followRollout(
  api: Api,
  deployment: Deployment,
  deadline: number,
  context: FollowContext,
): Promise<void> {
  const { progress, clock, timeoutMs, self } = context
  const { namespace, name } = deployment.metadata
  const label = `deployment ${namespace}/${name}`
  const told = new Set<string>()
  let checkAt = 0
  progress.begin(`${label}: starting`)
  for (;;) {
    const view = rolloutOf(await api.get(Deployment, { namespace, name }))
    if (view.done) break
    progress.update(`${label}: ${view.updated} of ${view.wanted} replicas are available`)
    if (clock.monotonic() >= checkAt) {
      for (const group of await troublesOf(api, deployment, clock.now())) {
        if (told.has(group.key)) continue
        told.add(group.key)
        progress.note(`! ${group.whose} ${group.what}`)
      }
      checkAt = clock.monotonic() + TROUBLE_CHECK_MS
    }
    if (view.failed || clock.monotonic() > deadline) {
      const why = view.failed ? view.text : `not done after ${timeoutMs / 1000} s`
      const groups = (await troublesOf(api, deployment, clock.now())).slice(0, 5)
      const cluster = nameFlag(context.name)
      const lines = groups.map((g) => `! ${g.whose} ${g.what}\n  → ${lookCommand(g, self, cluster)}`)
      const none = `its pods say no reason; try: ${self} describe pods -n ${namespace}${cluster}`
      throw new Error(`cannot finish the rollout of ${label}: ${why}\n${lines.join('\n') || none}`)
    }
    await sleep(clock, 200)
  }
  progress.end(`${label} is rolled out: ${deployment.spec.replicas ?? 1} replicas are available`)
}

/** What the pods of a Deployment that is not done wait for. */
async function troublesOf(api: Api, deployment: Deployment, nowMs: number): Promise<TroubleGroup[]> {
  const labelSelector = selectorText(deployment.spec.selector)
  const { items } = await api.list(Pod, { namespace: deployment.metadata.namespace, labelSelector })
  return groupedTroubles(items, nowMs, SETTLE_MS)
}
