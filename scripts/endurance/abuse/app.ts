/** An app of the campaign: app.ts [count], which says a number every 20 ms, or app.ts fail STATUS, which ends at once. */
import { connect } from '../../../services/signal/client.ts';

const [what = '', status = ''] = process.argv.slice(2);
const app = await connect();
app.ready();
if (what === 'fail') process.exit(Number(status));
let number = 0;
if (what === 'count') setInterval(() => process.stdout.write(`line ${number++}\n`), 20);
