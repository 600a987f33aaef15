/**
 * autoscaling/v1 and v2 HorizontalPodAutoscalers. What v1 has no field for travels in four annotations, so that an
 * object read as v1 and written back loses nothing. Source: Kubernetes' conversion of these kinds.
 */

type Loose = Readonly<Record<string, unknown>>
/** As it comes from JSON that a client wrote: anything may be missing. */
// biome-ignore lint/suspicious/noExplicitAny: metrics are unions of five shapes, told apart by `type`
type Metric = any

const PREFIX = 'autoscaling.alpha.kubernetes.io/'
const METRICS = `${PREFIX}metrics`
const CURRENT = `${PREFIX}current-metrics`
const CONDITIONS = `${PREFIX}conditions`
const BEHAVIOR = `${PREFIX}behavior`

interface Autoscaler {
  readonly metadata: { readonly annotations?: Readonly<Record<string, string>> }
  readonly spec?: Loose
  readonly status?: Loose
}

export function autoscalerV2ToV1(object: Loose): Loose {
  const { metadata, spec = {}, status = {} } = object as unknown as Autoscaler
  const { metrics = [], behavior, ...simple } = spec as { metrics?: readonly Metric[]; behavior?: Loose }
  const {
    currentMetrics = [],
    conditions = [],
    ...simpleStatus
  } = status as { currentMetrics?: readonly Metric[]; conditions?: readonly Loose[] }
  const cpu = metrics.find(isCpuPercent)
  const others = metrics.filter((m) => m !== cpu)
  const currentCpu = currentMetrics.findLast(
    (m) =>
      m.type === 'Resource' &&
      m.resource?.name === 'cpu' &&
      m.resource.current?.averageUtilization !== undefined,
  )
  const annotations = {
    ...withoutOurs(metadata.annotations),
    ...(others.length > 0 ? { [METRICS]: JSON.stringify(others.map(specToV1)) } : {}),
    ...(currentMetrics.length > 0 ? { [CURRENT]: JSON.stringify(currentMetrics.map(statusToV1)) } : {}),
    ...(conditions.length > 0 ? { [CONDITIONS]: JSON.stringify(conditions) } : {}),
    ...(behavior ? { [BEHAVIOR]: JSON.stringify(capitalised(behavior)) } : {}),
  }
  return {
    ...object,
    metadata: withAnnotations(metadata, annotations),
    spec: {
      ...simple,
      ...(cpu ? { targetCPUUtilizationPercentage: cpu.resource.target.averageUtilization } : {}),
    },
    status: {
      ...simpleStatus,
      ...(currentCpu
        ? { currentCPUUtilizationPercentage: currentCpu.resource.current.averageUtilization }
        : {}),
    },
  }
}

export function autoscalerV1ToV2(object: Loose): Loose {
  const { metadata, spec = {}, status = {} } = object as unknown as Autoscaler
  const { targetCPUUtilizationPercentage: percent, ...simple } = spec as {
    targetCPUUtilizationPercentage?: number
  }
  const { currentCPUUtilizationPercentage: current, ...simpleStatus } = status as {
    currentCPUUtilizationPercentage?: number
  }
  const annotations = metadata.annotations ?? {}
  const listed = (parsed(annotations[METRICS]) as readonly Metric[] | undefined)?.map(specToV2) ?? []
  const metrics = percent === undefined ? listed : [...listed, cpuPercent(percent)]
  const currentMetrics =
    (parsed(annotations[CURRENT]) as readonly Metric[] | undefined)?.map(statusToV2) ??
    (current === undefined ? undefined : [currentCpuPercent(current)])
  const conditions = parsed(annotations[CONDITIONS])
  const behavior = parsedBehavior(annotations[BEHAVIOR])
  return {
    ...object,
    metadata: withAnnotations(metadata, withoutOurs(annotations)),
    spec: {
      ...simple,
      metrics,
      ...(behavior ? { behavior } : {}),
    },
    status: {
      ...simpleStatus,
      ...(currentMetrics ? { currentMetrics } : {}),
      ...(conditions ? { conditions } : {}),
    },
  }
}

const isCpuPercent = (m: Metric) =>
  m.type === 'Resource' && m.resource?.name === 'cpu' && m.resource.target?.averageUtilization !== undefined
const cpuPercent = (averageUtilization: number) => ({
  type: 'Resource',
  resource: { name: 'cpu', target: { type: 'Utilization', averageUtilization } },
})
const currentCpuPercent = (averageUtilization: number) => ({
  type: 'Resource',
  resource: { name: 'cpu', current: { averageUtilization } },
})

function specToV1(m: Metric): Loose {
  const { type, object, pods, resource, containerResource, external } = m
  if (object)
    return {
      type,
      object: {
        target: object.describedObject,
        metricName: object.metric?.name,
        selector: object.metric?.selector,
        targetValue: object.target?.value,
        averageValue: object.target?.averageValue,
      },
    }
  if (pods)
    return {
      type,
      pods: {
        metricName: pods.metric?.name,
        selector: pods.metric?.selector,
        targetAverageValue: pods.target?.averageValue,
      },
    }
  if (resource) return { type, resource: resourceSpecToV1(resource) }
  if (containerResource)
    return {
      type,
      containerResource: { ...resourceSpecToV1(containerResource), container: containerResource.container },
    }
  return {
    type,
    external: {
      metricName: external?.metric?.name,
      metricSelector: external?.metric?.selector,
      targetValue: external?.target?.value,
      targetAverageValue: external?.target?.averageValue,
    },
  }
}

const resourceSpecToV1 = (r: Metric) => ({
  name: r.name,
  targetAverageUtilization: r.target?.averageUtilization,
  targetAverageValue: r.target?.averageValue,
})

function specToV2(m: Metric): Loose {
  const { type, object, pods, resource, containerResource, external } = m
  if (object) {
    const target = object.averageValue
      ? { type: 'AverageValue', averageValue: object.averageValue }
      : { type: 'Value', value: object.targetValue }
    return {
      type,
      object: {
        describedObject: object.target,
        metric: { name: object.metricName, selector: object.selector },
        target,
      },
    }
  }
  if (pods)
    return {
      type,
      pods: {
        metric: { name: pods.metricName, selector: pods.selector },
        target: { type: 'AverageValue', averageValue: pods.targetAverageValue },
      },
    }
  if (resource) return { type, resource: { name: resource.name, target: resourceTargetToV2(resource) } }
  if (containerResource)
    return {
      type,
      containerResource: {
        name: containerResource.name,
        container: containerResource.container,
        target: resourceTargetToV2(containerResource),
      },
    }
  const isAverage = external?.targetAverageValue !== undefined
  const target = isAverage
    ? { type: 'AverageValue', averageValue: external.targetAverageValue }
    : { type: 'Value', value: external?.targetValue }
  return {
    type,
    external: { metric: { name: external?.metricName, selector: external?.metricSelector }, target },
  }
}

const resourceTargetToV2 = (r: Metric) =>
  r.targetAverageUtilization === undefined
    ? { type: 'AverageValue', averageValue: r.targetAverageValue }
    : { type: 'Utilization', averageUtilization: r.targetAverageUtilization }

function statusToV1(m: Metric): Loose {
  const { type, object, pods, resource, containerResource, external } = m
  if (object)
    return {
      type,
      object: {
        target: object.describedObject,
        metricName: object.metric?.name,
        selector: object.metric?.selector,
        currentValue: object.current?.value,
        averageValue: object.current?.averageValue,
      },
    }
  if (pods)
    return {
      type,
      pods: {
        metricName: pods.metric?.name,
        selector: pods.metric?.selector,
        currentAverageValue: pods.current?.averageValue,
      },
    }
  if (resource) return { type, resource: resourceStatusToV1(resource) }
  if (containerResource)
    return {
      type,
      containerResource: { ...resourceStatusToV1(containerResource), container: containerResource.container },
    }
  return {
    type,
    external: {
      metricName: external?.metric?.name,
      metricSelector: external?.metric?.selector,
      currentValue: external?.current?.value,
      currentAverageValue: external?.current?.averageValue,
    },
  }
}

const resourceStatusToV1 = (r: Metric) => ({
  name: r.name,
  currentAverageUtilization: r.current?.averageUtilization,
  currentAverageValue: r.current?.averageValue,
})

function statusToV2(m: Metric): Loose {
  const { type, object, pods, resource, containerResource, external } = m
  if (object)
    return {
      type,
      object: {
        describedObject: object.target,
        metric: { name: object.metricName, selector: object.selector },
        current: { value: object.currentValue, averageValue: object.averageValue },
      },
    }
  if (pods)
    return {
      type,
      pods: {
        metric: { name: pods.metricName, selector: pods.selector },
        current: { averageValue: pods.currentAverageValue },
      },
    }
  if (resource) return { type, resource: { name: resource.name, current: resourceCurrentToV2(resource) } }
  if (containerResource)
    return {
      type,
      containerResource: {
        name: containerResource.name,
        container: containerResource.container,
        current: resourceCurrentToV2(containerResource),
      },
    }
  return {
    type,
    external: {
      metric: { name: external?.metricName, selector: external?.metricSelector },
      current: { value: external?.currentValue, averageValue: external?.currentAverageValue },
    },
  }
}

const resourceCurrentToV2 = (r: Metric) => ({
  averageUtilization: r.currentAverageUtilization,
  averageValue: r.currentAverageValue,
})

// --- the annotations ---

function withoutOurs(annotations: Readonly<Record<string, string>> | undefined): Record<string, string> {
  const { [METRICS]: _m, [CURRENT]: _c, [CONDITIONS]: _d, [BEHAVIOR]: _b, ...rest } = annotations ?? {}
  return rest
}

function withAnnotations(
  metadata: Autoscaler['metadata'],
  annotations: Readonly<Record<string, string>>,
): Loose {
  const { annotations: _, ...rest } = metadata
  return Object.keys(annotations).length === 0 ? rest : { ...rest, annotations }
}

/** A list from an annotation; undefined when it is none: what cannot be read is ignored. */
function parsed(text: string | undefined): readonly unknown[] | undefined {
  if (text === undefined) return undefined
  try {
    const value = JSON.parse(text)
    return Array.isArray(value) && value.every((v) => typeof v === 'object' && v !== null) ? value : undefined
  } catch {
    return undefined
  }
}

function parsedBehavior(text: string | undefined): unknown {
  if (!text) return undefined
  try {
    const value = JSON.parse(text)
    return typeof value === 'object' && value !== null && !Array.isArray(value)
      ? mapKeys(value, (key) => key.charAt(0).toLowerCase() + key.slice(1))
      : undefined
  } catch {
    return undefined
  }
}

const capitalised = (value: unknown) => mapKeys(value, (key) => key.charAt(0).toUpperCase() + key.slice(1))

function mapKeys(value: unknown, rename: (key: string) => string): unknown {
  if (Array.isArray(value)) return value.map((v) => mapKeys(v, rename))
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([key, v]) => [rename(key), mapKeys(v, rename)]))
}
