/** System calls that Node.js lacks. */
export interface Calls {
  /** flock(2). */
  flock(descriptor: number, operation: number): number;
  /** ioctl(2) for requests whose argument is a number. */
  ioctl(descriptor: number, request: number, argument: number): number;
  /** The same for requests that tell a number. @returns undefined where the device knows no such request */
  ask(descriptor: number, request: number): number | undefined;
}

let calls: Promise<Calls> | undefined;

export function loadCalls(): Promise<Calls> {
  calls ??= import('koffi').then(({ default: koffi }) => {
    const libc = koffi.load('libc.so.6');
    const ioctlInto = libc.func('int ioctl(int fd, unsigned long request, _Out_ int *answer)');
    return {
      flock: libc.func('int flock(int fd, int operation)'),
      ioctl: libc.func('int ioctl(int fd, unsigned long request, unsigned long argument)'),
      ask: (descriptor, request) => {
        const answer = [0];
        return ioctlInto(descriptor, request, answer) === 0 ? answer[0] : undefined;
      },
    };
  });
  return calls;
}
