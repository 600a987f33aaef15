import type { PersistentVolume, PersistentVolumeClaim } from '../../api/index.ts'

/** The claims and volumes of the cluster. */
export class Volumes {
  readonly #claims = new Map<string, PersistentVolumeClaim>()
  readonly #volumes = new Map<string, PersistentVolume>()

  claim(namespace: string, name: string): PersistentVolumeClaim | undefined {
    return this.#claims.get(`${namespace}/${name}`)
  }

  volume(name: string): PersistentVolume | undefined {
    return this.#volumes.get(name)
  }

  setClaim(claim: PersistentVolumeClaim, gone = false): void {
    const { namespace, name } = claim.metadata
    if (gone) this.#claims.delete(`${namespace}/${name}`)
    else this.#claims.set(`${namespace}/${name}`, claim)
  }

  setVolume(volume: PersistentVolume, gone = false): void {
    if (gone) this.#volumes.delete(volume.metadata.name)
    else this.#volumes.set(volume.metadata.name, volume)
  }
}
