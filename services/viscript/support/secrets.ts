import type { AppConfig } from '../config/schema.ts';
import type { Launch } from '../supervisor/launch.ts';
import { isSecretName, type Redactor } from './redact.ts';

/** Tells the redactor the secrets that the config and the running launches hold. */
export function knowSecrets(redactor: Redactor, apps: Iterable<AppConfig>, launches: Iterable<Launch>): void {
  for (const { args, environment } of apps) {
    knowArguments(redactor, args);
    for (const [name, value] of Object.entries(environment)) {
      if (isSecretName(name) || looksSecret(value)) redactor.know(value);
      knowUserinfo(redactor, value);
    }
  }
  for (const { args, token } of launches) {
    knowArguments(redactor, args);
    if (token !== undefined) redactor.know(token);
  }
}

function knowArguments(redactor: Redactor, args: readonly string[]): void {
  args.forEach((word, at) => {
    const equals = word.indexOf('=');
    if (equals > 0 && isSecretName(word.slice(0, equals))) redactor.know(word.slice(equals + 1));
    const before = args[at - 1] ?? '';
    if (before.startsWith('-') && !before.includes('=') && isSecretName(before)) redactor.know(word);
    knowUserinfo(redactor, word);
  });
}

/** The password of `scheme://user:password@host`. */
function knowUserinfo(redactor: Redactor, text: string): void {
  for (const [, secret = ''] of text.matchAll(/:\/\/[^/\s@:]{0,256}:([^/\s@]{1,1024})@/g))
    redactor.know(secret);
}

/** Letters and digits in one word, and no path, address or number. */
function looksSecret(value: string): boolean {
  return /^(?=.*[a-z])(?=.*\d)[^\s/:.,]{8,}$/i.test(value);
}
