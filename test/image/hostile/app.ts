/**
 * An app that means harm, as a program for a board: `app.mjs spy VICTIMS`, `app.mjs hoard` or `app.mjs gorge`. It is a
 * real signal app, so that nothing but what it does tells it from a good one. VICTIMS is JSON, see spy.ts. As `app.mjs
 * keep` it means no harm, and needs room on the disk all the same.
 */
import { connect } from '../../../services/signal/client.ts';
import { gorge } from './gorge.ts';
import { hoard } from './hoard.ts';
import { keep } from './keep.ts';
import { spy } from './spy.ts';

const [deed = '', victims = ''] = process.argv.slice(2);
/** `connect` takes them out of the environment. */
const credentials = { ...process.env };
const app = await connect();
app.ready();

switch (deed) {
  case 'spy':
    await spy(JSON.parse(victims), credentials);
    break;
  case 'hoard':
    await hoard(app);
    break;
  case 'gorge':
    gorge();
    break;
  case 'keep':
    keep();
    break;
  default:
    throw new RangeError(`‘${deed}’ is no deed of this app`);
}
