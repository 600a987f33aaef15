/** For the tests of other folders. */
export { type ArbitraryOptions, arbitraryOf } from './arbitrary.test-support.ts'
export { interpret } from './decode.ts'
