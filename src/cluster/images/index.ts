export { buildImage } from './archive.ts'
export { canonicalName, type ImageRecipe, parseRecipe, type Recipe } from './recipe.ts'
export { ensurePauseImage, importImage, listImages, readRecipe, removeImage } from './store.ts'
