import { readFile } from 'node:fs/promises'
import { type ClusterOptions, type Context, existingCluster } from './context.ts'

export async function kubeconfigCommand(options: ClusterOptions, { terminal }: Context): Promise<void> {
  const { layout } = await existingCluster(options)
  let text: string
  try {
    text = await readFile(layout.kubeconfig, 'utf8')
  } catch (cause) {
    throw new Error(
      `cannot print the kubeconfig of cluster "${options.name}": it was never brought up (or needs root to read)`,
      { cause },
    )
  }
  terminal.out.write(text)
}
