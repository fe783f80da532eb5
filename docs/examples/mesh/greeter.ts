import { text } from 'node:stream/consumers';
import { MeshApp, type MeshStream, parseTarget } from '../../../services/mesh/index.ts';
import { connect } from '../../../services/signal/client.ts';

const [name = 'greeter', node = '/run/skywire/node.sock', target] = process.argv.slice(2);

const app = await connect();
const mesh = await MeshApp.start({
  node,
  name,
  type: 'greeter',
  async onStream(stream: MeshStream) {
    const who = await text(stream);
    stream.end(`Hello, ${who}! This is ${name}, and you are ${stream.remote.app}.`);
  },
  onProblem: (message) => console.error(message),
});
app.onShutdown(() => mesh.close());
app.ready();
console.log(`${name} is at ${mesh.node}`);

if (target !== undefined) {
  const stream = await mesh.connect(parseTarget(target));
  stream.end('world');
  console.log(await text(stream));
}
