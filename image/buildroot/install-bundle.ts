/** `install-bundle.ts BUNDLE TARGET_DIR`: installs what `npm run build` has made. */
import { installBundle } from '../runtime.ts';

const [bundle = '', target = ''] = process.argv.slice(2);
await installBundle(target, bundle);
