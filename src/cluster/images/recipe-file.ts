import { readFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import { load } from 'js-yaml'
import { parseRecipe, type Recipe } from './recipe.ts'

/** A recipe file and the folder that its relative paths start from. */
export async function readRecipe(path: string): Promise<{ recipe: Recipe; folder: string }> {
  const text = await readFile(path, 'utf8').catch((cause) => {
    throw new Error(`cannot read image recipe "${path}"`, { cause })
  })
  let value: unknown
  try {
    value = load(text)
  } catch (cause) {
    throw new Error(`cannot read image recipe "${path}": expected YAML`, { cause })
  }
  return { recipe: parseRecipe(value, path), folder: dirname(path) }
}
