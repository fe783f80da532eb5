import { X509Certificate } from 'node:crypto';

/** More than a chain and its successor need. */
const MAX_CERTIFICATES = 16;
const MAX_TEXT = 64 * 1024;
const BLOCK = /-----BEGIN ([A-Z0-9 ]+)-----\n[A-Za-z0-9+/=\n]+-----END \1-----\n?/g;

/** What is wrong with a text that should hold PEM certificates and nothing secret; nothing when it does. */
export function problemOfCertificates(text: string): string | undefined {
  if (text.length > MAX_TEXT) return `must be at most ${MAX_TEXT} characters of PEM certificates`;
  const blocks = [...text.matchAll(BLOCK)];
  if (blocks.length === 0) return 'must be PEM certificates, with their BEGIN and END lines';
  if (blocks.length > MAX_CERTIFICATES) return `must be at most ${MAX_CERTIFICATES} certificates`;
  if (/[^\s]/.test(text.replace(BLOCK, ''))) return 'must be whole PEM certificates, and no other text';
  for (const [index, [block, kind]] of blocks.entries()) {
    if (kind !== 'CERTIFICATE')
      return `must be certificates alone, and number ${index + 1} is a ${kind?.toLowerCase()}: take it out`;
    if (!isCertificate(block)) return `must be certificates, and number ${index + 1} is damaged`;
  }
  return undefined;
}

function isCertificate(pem: string): boolean {
  try {
    return new X509Certificate(pem).publicKey.asymmetricKeyType !== undefined;
  } catch (error) {
    // OpenSSL's errors all mean that this is no certificate.
    if (error instanceof Error && 'code' in error) return false;
    throw error;
  }
}
