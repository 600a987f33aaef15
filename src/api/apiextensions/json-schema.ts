import {
  bool,
  float64,
  int64,
  json,
  listOf,
  mapOf,
  oneOf,
  opt,
  ptr,
  req,
  type Shape,
  type StructType,
  schemaOrBool,
  schemaOrList,
  schemaOrStrings,
  str,
  struct,
  type TypeOf,
} from '../../schema/index.ts'

export const FieldValueErrorReason = oneOf(
  'FieldValueRequired',
  'FieldValueDuplicate',
  'FieldValueInvalid',
  'FieldValueForbidden',
)
export type FieldValueErrorReason = TypeOf<typeof FieldValueErrorReason>

const valueFields = {
  id: opt(1, str),
  $schema: opt(2, str),
  $ref: ptr(3, str),
  description: opt(4, str),
  type: opt(5, str),
  format: opt(6, str),
  title: opt(7, str),
  default: ptr(8, json),
  maximum: ptr(9, float64),
  exclusiveMaximum: opt(10, bool),
  minimum: ptr(11, float64),
  exclusiveMinimum: opt(12, bool),
  maxLength: ptr(13, int64),
  minLength: ptr(14, int64),
  pattern: opt(15, str),
  maxItems: ptr(16, int64),
  minItems: ptr(17, int64),
  uniqueItems: opt(18, bool),
  multipleOf: ptr(19, float64),
  enum: opt(20, listOf(json)),
  maxProperties: ptr(21, int64),
  minProperties: ptr(22, int64),
  required: opt(23, listOf(str)),
} as const

const extensionFields = {
  externalDocs: opt(35, () => ExternalDocumentation),
  example: ptr(36, json),
  nullable: opt(37, bool),
  'x-kubernetes-preserve-unknown-fields': ptr(38, bool),
  'x-kubernetes-embedded-resource': opt(39, bool),
  'x-kubernetes-int-or-string': opt(40, bool),
  'x-kubernetes-list-map-keys': opt(41, listOf(str)),
  'x-kubernetes-list-type': ptr(42, str),
  'x-kubernetes-map-type': ptr(43, str),
  'x-kubernetes-validations': opt(
    44,
    listOf(() => ValidationRule, { mapKeys: ['rule'], merge: 'rule' }),
  ),
} as const

/** A JSON schema as a custom resource definition holds it. The members that hold schemas again are spelled out. */
export interface JSONSchemaProps extends Shape<typeof valueFields>, Shape<typeof extensionFields> {
  readonly items?: JSONSchemaProps | readonly JSONSchemaProps[] | undefined
  readonly allOf?: readonly JSONSchemaProps[] | undefined
  readonly oneOf?: readonly JSONSchemaProps[] | undefined
  readonly anyOf?: readonly JSONSchemaProps[] | undefined
  readonly not?: JSONSchemaProps | undefined
  readonly properties?: Readonly<Record<string, JSONSchemaProps>> | undefined
  readonly additionalProperties?: JSONSchemaProps | boolean | undefined
  readonly patternProperties?: Readonly<Record<string, JSONSchemaProps>> | undefined
  readonly dependencies?: Readonly<Record<string, JSONSchemaProps | readonly string[]>> | undefined
  readonly additionalItems?: JSONSchemaProps | boolean | undefined
  readonly definitions?: Readonly<Record<string, JSONSchemaProps>> | undefined
}
export const JSONSchemaProps: StructType<JSONSchemaProps> = struct<JSONSchemaProps>(
  'apiextensions.v1.JSONSchemaProps',
  {
    ...valueFields,
    items: ptr(
      24,
      schemaOrList(() => JSONSchemaProps),
    ),
    allOf: opt(
      25,
      listOf(() => JSONSchemaProps),
    ),
    oneOf: opt(
      26,
      listOf(() => JSONSchemaProps),
    ),
    anyOf: opt(
      27,
      listOf(() => JSONSchemaProps),
    ),
    not: opt(28, () => JSONSchemaProps),
    properties: opt(
      29,
      mapOf(() => JSONSchemaProps),
    ),
    additionalProperties: ptr(
      30,
      schemaOrBool(() => JSONSchemaProps),
    ),
    patternProperties: opt(
      31,
      mapOf(() => JSONSchemaProps),
    ),
    dependencies: opt(32, mapOf(schemaOrStrings(() => JSONSchemaProps))),
    additionalItems: ptr(
      33,
      schemaOrBool(() => JSONSchemaProps),
    ),
    definitions: opt(
      34,
      mapOf(() => JSONSchemaProps),
    ),
    ...extensionFields,
  },
)

const validationRuleFields = {
  rule: req(1, str),
  message: opt(2, str),
  messageExpression: opt(3, str),
  reason: ptr(4, FieldValueErrorReason),
  fieldPath: opt(5, str),
  optionalOldSelf: ptr(6, bool, { gates: ['CRDValidationRatcheting'] }),
} as const

export interface ValidationRule extends Shape<typeof validationRuleFields> {}
export const ValidationRule = struct<ValidationRule>('apiextensions.v1.ValidationRule', validationRuleFields)

const externalDocumentationFields = {
  description: opt(1, str),
  url: opt(2, str),
} as const

export interface ExternalDocumentation extends Shape<typeof externalDocumentationFields> {}
export const ExternalDocumentation = struct<ExternalDocumentation>(
  'apiextensions.v1.ExternalDocumentation',
  externalDocumentationFields,
)
