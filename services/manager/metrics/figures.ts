import type { Metric } from '../../metrics/exposition.ts';
import type { LinkReport } from '../../net/control/messages.ts';
import type { Mesh } from '../show.ts';

/** The figures of a mesh, as they are now. */
export function figuresOf({ nodes, links, circuits, directory }: Mesh): Metric[] {
  const directions = Array.from(links.all(), ({ ends: [one, other], reports: [there, back] }) => {
    const [from, to] = [nodes.nameOf(one), nodes.nameOf(other)];
    return [
      { labels: { from, to }, report: there },
      { labels: { from: to, to: from }, report: back },
    ];
  }).flat();
  const ofLinks = (figureOf: (report: LinkReport) => number) =>
    directions.map(({ labels, report }) => ({ labels, value: figureOf(report) }));
  const gauge = (name: string, help: string, samples: Metric['samples']): Metric => ({
    ...{ name, type: 'gauge', help, samples },
  });
  const counter = (name: string, help: string, samples: Metric['samples']): Metric => ({
    ...{ name, type: 'counter', help, samples },
  });
  return [
    gauge('skywire_nodes', 'Nodes that are connected to the manager.', [{ value: nodes.size }]),
    gauge('skywire_links', 'Links that both ends report.', [{ value: directions.length / 2 }]),
    gauge('skywire_circuits', 'Circuits that are open.', [{ value: circuits.size }]),
    gauge('skywire_apps', 'Apps that have a name.', [{ value: directory.all.length }]),
    counter('skywire_circuit_moves_total', 'How often a circuit got other paths.', [
      { value: circuits.moves },
    ]),
    gauge(
      'skywire_link_rtt_seconds',
      'Round-trip time of a link.',
      ofLinks(({ rtt }) => rtt),
    ),
    gauge(
      'skywire_link_loss_ratio',
      'Part of what was sent over a link that did not arrive.',
      ofLinks(({ loss }) => loss),
    ),
    gauge(
      'skywire_link_load_ratio',
      'Part of the time in which something waited to be sent over a link.',
      ofLinks(({ load }) => load),
    ),
    counter(
      'skywire_sent_bytes_total',
      'Bytes of payload sent over a link.',
      ofLinks(({ sent }) => sent),
    ),
    counter(
      'skywire_forwarded_bytes_total',
      'Bytes of payload sent over a link for other nodes.',
      ofLinks(({ forwarded }) => forwarded),
    ),
  ];
}
