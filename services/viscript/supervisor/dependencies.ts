import type { AppConfig } from '../config/schema.ts';
import type { Supervisor } from './supervisor.ts';

/** Resolves when every app that `app` depends on is ready, or when `signal` is aborted. */
export function dependenciesReady(
  app: AppConfig,
  supervisor: Supervisor,
  signal: AbortSignal,
): Promise<void> {
  const ready = () =>
    app.dependsOn.every((name) =>
      supervisor.launches.some((launch) => launch.app.name === name && launch.state === 'ready'),
    );
  return new Promise((resolve) => {
    const check = () => {
      if (!signal.aborted && !ready()) return;
      supervisor.off('change', check);
      signal.removeEventListener('abort', check);
      resolve();
    };
    supervisor.on('change', check);
    signal.addEventListener('abort', check);
    check();
  });
}
