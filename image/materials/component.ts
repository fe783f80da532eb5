/** One thing that an image is made of. */
export interface Component {
  /** Of a distribution or an operating system, of a program, or of what runs below it. */
  type: 'library' | 'operating-system' | 'firmware';
  name: string;
  version: string;
  /** Where it comes from: https://github.com/package-url/purl-spec. */
  purl: string;
  /** Names of licences as its makers write them; empty where they name none. */
  licences: string[];
  /** Of the file in which it came, in hexadecimal. */
  hash?: { algorithm: 'SHA-256' | 'SHA-512'; content: string };
}

/** What is published beside an image about what it is made of. */
export interface Materials {
  /** Text that names the packages exactly. */
  manifest: string;
  /** CycloneDX, JSON. */
  sbom: string;
  /** A line a component: name, version, licences, separated by tabs. */
  licences: string;
}
