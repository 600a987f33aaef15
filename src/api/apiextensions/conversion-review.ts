import { body, listOf, opt, rawObject, req, type Shape, str, struct, typeMeta } from '../../schema/index.ts'
import { Status } from '../meta/status.ts'

const conversionReviewFields = {
  ...typeMeta,
  request: opt(1, () => ConversionRequest),
  response: opt(2, () => ConversionResponse),
} as const

export interface ConversionReview extends Shape<typeof conversionReviewFields> {}
export const ConversionReview = body<ConversionReview>(
  'apiextensions.v1.ConversionReview',
  conversionReviewFields,
  { group: 'apiextensions.k8s.io' },
)

const conversionRequestFields = {
  uid: req(1, str),
  desiredAPIVersion: req(2, str),
  objects: req(3, listOf(rawObject)),
} as const

export interface ConversionRequest extends Shape<typeof conversionRequestFields> {}
export const ConversionRequest = struct<ConversionRequest>(
  'apiextensions.v1.ConversionRequest',
  conversionRequestFields,
)

const conversionResponseFields = {
  uid: req(1, str),
  convertedObjects: req(2, listOf(rawObject)),
  result: req(3, () => Status),
} as const

export interface ConversionResponse extends Shape<typeof conversionResponseFields> {}
export const ConversionResponse = struct<ConversionResponse>(
  'apiextensions.v1.ConversionResponse',
  conversionResponseFields,
)
