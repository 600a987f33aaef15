export { createStreams, type Streams } from './handler.ts'
