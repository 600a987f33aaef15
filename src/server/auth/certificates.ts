import {
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  type KeyObject,
  X509Certificate,
} from 'node:crypto'

/** A certificate and its private key, both PEM. `cert` may hold a chain, leaf first. */
export interface CertifiedKey {
  readonly cert: string
  readonly key: string
}

export interface CertificateRequest {
  readonly commonName: string
  /** Organizations: Kubernetes reads them as the user's groups. */
  readonly organizations?: readonly string[]
  readonly dnsNames?: readonly string[]
  readonly ips?: readonly string[]
  readonly usages: readonly ('client' | 'server')[]
  readonly notBeforeMs: number
  readonly notAfterMs: number
  /** 128 random bits in hexadecimal. */
  readonly serial: string
}

export interface AuthorityRequest {
  readonly commonName: string
  readonly notBeforeMs: number
  readonly notAfterMs: number
  readonly serial: string
  /** Sign again with this key instead of a new one: certificates it issued before stay valid. */
  readonly key?: string
}

/** A new P-256 private key as PKCS #8 PEM. */
export function newPrivateKey(): string {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  return privateKey.export({ type: 'pkcs8', format: 'pem' }).toString()
}

/** The public half of a private key, as SPKI PEM. */
export function publicKeyOf(privateKeyPem: string): string {
  return createPublicKey(createPrivateKey(privateKeyPem)).export({ type: 'spki', format: 'pem' }).toString()
}

/** A self-signed certificate authority. */
export async function makeAuthority(request: AuthorityRequest): Promise<CertifiedKey> {
  const x509 = await library()
  const key = request.key ?? newPrivateKey()
  const keys = await webKeys(key)
  const cert = await x509.X509CertificateGenerator.createSelfSigned({
    serialNumber: positiveSerial(request.serial),
    name: [{ CN: [request.commonName] }],
    notBefore: new Date(request.notBeforeMs),
    notAfter: new Date(request.notAfterMs),
    keys,
    signingAlgorithm: SIGNING,
    extensions: [
      new x509.BasicConstraintsExtension(true, undefined, true),
      new x509.KeyUsagesExtension(
        x509.KeyUsageFlags.digitalSignature | x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign,
        true,
      ),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  })
  return { cert: `${cert.toString('pem')}\n`, key }
}

/** A certificate for `request`, signed by `authority`, with a key of its own. */
export async function issueCertificate(
  authority: CertifiedKey,
  request: CertificateRequest,
): Promise<CertifiedKey> {
  const x509 = await library()
  const issuer = new x509.X509Certificate(authority.cert)
  const signingKey = (await webKeys(authority.key)).privateKey
  const key = newPrivateKey()
  const { publicKey } = await webKeys(key)
  const names = [
    ...(request.dnsNames ?? []).map((value) => ({ type: 'dns' as const, value })),
    ...(request.ips ?? []).map((value) => ({ type: 'ip' as const, value })),
  ]
  const usages = request.usages.map(
    (usage) => x509.ExtendedKeyUsage[usage === 'client' ? 'clientAuth' : 'serverAuth'],
  )
  const subject = (request.organizations ?? []).map((organization) => ({ O: [organization] }))
  const cert = await x509.X509CertificateGenerator.create({
    serialNumber: positiveSerial(request.serial),
    issuer: issuer.subjectName,
    subject: new x509.Name([...subject, { CN: [request.commonName] }]),
    notBefore: new Date(request.notBeforeMs),
    notAfter: new Date(request.notAfterMs),
    signingKey,
    publicKey,
    signingAlgorithm: SIGNING,
    extensions: [
      new x509.BasicConstraintsExtension(false, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
      new x509.ExtendedKeyUsageExtension(usages),
      await x509.AuthorityKeyIdentifierExtension.create(issuer),
      ...(names.length > 0 ? [new x509.SubjectAlternativeNameExtension(names)] : []),
    ],
  })
  return { cert: `${cert.toString('pem')}\n`, key }
}

/** Everything about a certificate that decides whether it may stay in use. */
export interface CertificateFacts {
  readonly notBeforeMs: number
  readonly notAfterMs: number
  readonly commonName: string
  readonly organizations: readonly string[]
  readonly dnsNames: readonly string[]
  readonly ips: readonly string[]
}

/** Reads the first certificate of a PEM text. Throws when there is none. */
export function certificateFacts(pem: string): CertificateFacts {
  return factsOf(new X509Certificate(pem))
}

export function factsOf(certificate: X509Certificate): CertificateFacts {
  const subject = certificate.toLegacyObject().subject as unknown as Record<
    string,
    string | string[] | undefined
  >
  const names = (certificate.subjectAltName ?? '').split(', ')
  const of = (prefix: string) => names.filter((n) => n.startsWith(prefix)).map((n) => n.slice(prefix.length))
  return {
    notBeforeMs: Date.parse(certificate.validFrom),
    notAfterMs: Date.parse(certificate.validTo),
    commonName: many(subject?.CN).at(-1) ?? '',
    organizations: many(subject?.O),
    dnsNames: of('DNS:'),
    ips: of('IP Address:'),
  }
}

/** True when `pair.cert` was signed by `authority` and belongs to `pair.key`. Never throws. */
export function isIssuedBy(pair: CertifiedKey, authority: CertifiedKey): boolean {
  try {
    const issuer = new X509Certificate(authority.cert)
    const certificate = new X509Certificate(pair.cert)
    const key: KeyObject = createPrivateKey(pair.key)
    return (
      certificate.checkIssued(issuer) &&
      certificate.verify(issuer.publicKey) &&
      certificate.checkPrivateKey(key)
    )
  } catch {
    return false
  }
}

const SIGNING = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' }

const many = (value: string | string[] | undefined): string[] =>
  value === undefined ? [] : Array.isArray(value) ? value : [value]

/** DER integers are signed: a leading 0 nibble keeps the number positive and within RFC 5280's 20 octets. */
const positiveSerial = (hex: string) => `0${hex.replaceAll('-', '').slice(1)}`

/** Loading the X.509 writer costs about 100 ms, so it waits until a certificate has to be made. */
async function library() {
  await import('reflect-metadata')
  const x509 = await import('@peculiar/x509')
  x509.cryptoProvider.set(globalThis.crypto)
  return x509
}

async function webKeys(privateKeyPem: string): Promise<{ privateKey: CryptoKey; publicKey: CryptoKey }> {
  const algorithm = { name: 'ECDSA', namedCurve: 'P-256' }
  const { subtle } = globalThis.crypto
  const privateDer = createPrivateKey(privateKeyPem).export({ type: 'pkcs8', format: 'der' })
  const publicDer = createPublicKey(privateKeyPem).export({ type: 'spki', format: 'der' })
  const [privateKey, publicKey] = await Promise.all([
    subtle.importKey('pkcs8', privateDer, algorithm, true, ['sign']),
    subtle.importKey('spki', publicDer, algorithm, true, ['verify']),
  ])
  return { privateKey, publicKey }
}
