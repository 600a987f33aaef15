import {
  CORE_SCHEMA,
  defineScalarTag,
  floatCoreTag,
  intCoreTag,
  mergeTag,
  NOT_RESOLVED,
  type Schema,
} from 'js-yaml'

const BOOLEANS: ReadonlyMap<string, boolean> = new Map(
  (['y yes true on', 'n no false off'] as const).flatMap((line, i) =>
    line
      .split(' ')
      .flatMap((word) => [word, word[0]!.toUpperCase() + word.slice(1), word.toUpperCase()])
      .map((word): [string, boolean] => [word, i === 0]),
  ),
)

const bool = defineScalarTag('tag:yaml.org,2002:bool', {
  implicit: true,
  implicitFirstChars: [...'yYnNtTfFoO'],
  resolve: (source) => BOOLEANS.get(source) ?? NOT_RESOLVED,
  identify: (value) => typeof value === 'boolean',
})

const RADIX: Readonly<Record<string, number>> = { '0x': 16, '0o': 8, '0b': 2 }
const INTEGER = /^([-+]?)(0[xX][0-9a-fA-F]+|0[oO]?[0-7]+|0[bB][01]+|0|[1-9][0-9]*)$/

function readInteger(source: string): number | typeof NOT_RESOLVED {
  const match = INTEGER.exec(source.replaceAll('_', ''))
  if (!match) return NOT_RESOLVED
  const [, sign, digits = ''] = match
  const radix = RADIX[digits.slice(0, 2).toLowerCase()]
  const octal = digits.length > 1 && digits[0] === '0' ? 8 : 10
  const value = radix === undefined ? Number.parseInt(digits, octal) : Number.parseInt(digits.slice(2), radix)
  return sign === '-' ? -value : value
}

const int = defineScalarTag('tag:yaml.org,2002:int', {
  implicit: true,
  implicitFirstChars: [...'-+0123456789'],
  resolve: readInteger,
  identify: intCoreTag.identify,
})

const FLOAT = /^[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?$/

const float = defineScalarTag('tag:yaml.org,2002:float', {
  implicit: true,
  implicitFirstChars: [...'-+.0123456789'],
  resolve(source, isExplicit, tagName) {
    const plain = source.replaceAll('_', '')
    return FLOAT.test(plain) ? Number(plain) : floatCoreTag.resolve(source, isExplicit, tagName)
  },
  identify: floatCoreTag.identify,
})

/**
 * YAML as Kubernetes' clients and servers read it, for js-yaml: `0644` is octal, `yes` and `on` are booleans and `<<`
 * merges, as in YAML 1.1; `0o644` is octal too; `12:30` and `2026-01-01` stay strings. Source: sigs.k8s.io/yaml.
 */
export const kubernetesYaml: Schema = CORE_SCHEMA.withTags(bool, int, float, mergeTag)
