import 'reflect-metadata'
import type { webcrypto } from 'node:crypto'
import {
  BasicConstraintsExtension,
  ExtendedKeyUsageExtension,
  PemConverter,
  SubjectAlternativeNameExtension,
  type X509Certificate,
  X509CertificateGenerator,
} from '@peculiar/x509'

const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const
const CLIENT_AND_SERVER = ['1.3.6.1.5.5.7.3.1', '1.3.6.1.5.5.7.3.2']

export interface TestCertificate {
  readonly cert: string
  readonly key: string
}

/** A certificate authority for one test, and what it signs: `await ca.issue('CN=x,O=system:masters')`. */
export async function testAuthority(): Promise<{
  readonly cert: string
  issue(subject: string): Promise<TestCertificate>
}> {
  const keys = await newKeys()
  const dates = { notBefore: new Date(Date.now() - 60_000), notAfter: new Date(Date.now() + 3_600_000) }
  const authority: X509Certificate = await X509CertificateGenerator.createSelfSigned({
    name: 'CN=test-ca',
    keys,
    signingAlgorithm: ALGORITHM,
    extensions: [new BasicConstraintsExtension(true, undefined, true)],
    ...dates,
  })
  let serial = 1
  return {
    cert: authority.toString('pem'),
    async issue(subject) {
      const own = await newKeys()
      const cert = await X509CertificateGenerator.create({
        serialNumber: (++serial).toString(16).padStart(2, '0'),
        subject,
        issuer: authority.subject,
        signingKey: keys.privateKey,
        publicKey: own.publicKey,
        signingAlgorithm: ALGORITHM,
        extensions: [
          new SubjectAlternativeNameExtension([{ type: 'ip', value: '127.0.0.1' }]),
          new ExtendedKeyUsageExtension(CLIENT_AND_SERVER),
        ],
        ...dates,
      })
      const key = await crypto.subtle.exportKey('pkcs8', own.privateKey)
      return { cert: cert.toString('pem'), key: PemConverter.encode(key, 'PRIVATE KEY') }
    },
  }
}

const newKeys = () =>
  crypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify']) as Promise<webcrypto.CryptoKeyPair>
