declare module 'systemd-notify' {
  /** Runs the program of the same name; rejects with what it said, or with the error of starting it. */
  export default function notify(options: {
    ready?: boolean;
    status?: string;
    pid?: number;
  }): Promise<unknown>;
}
