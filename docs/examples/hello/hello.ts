import { connect } from '../../../services/signal/client.ts';

const app = await connect();
const clock = setInterval(() => app.status(`up for ${Math.floor(process.uptime())} s`), 1_000);
app.onShutdown(() => {
  clearInterval(clock);
  console.log('Goodbye!');
});
app.ready();
console.log('Hello!');
