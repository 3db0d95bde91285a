import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';

/** A part of the bench's world that runs in a process of its own, so that it can be measured apart. */
export interface Child {
  readonly pid: number;
  /** Calls one of the functions that the child offers. */
  call<T>(name: string, argument?: unknown): Promise<T>;
  readonly stop: () => Promise<void>;
}

interface Request {
  readonly id: number;
  readonly name: string;
  readonly argument?: unknown;
}

type Reply =
  { readonly id: number; readonly result: unknown } | { readonly id: number; readonly problem: string };

/** Starts a module that calls `serve`, with these flags of Node. */
export function startChild(module: string, execArgv: readonly string[] = []): Child {
  const child = fork(new URL(module, import.meta.url), {
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    execArgv: [...execArgv],
  });
  const waiting = new Map<
    number,
    { readonly resolve: (value: never) => void; readonly reject: (e: Error) => void }
  >();
  let calls = 0;
  child.on('message', (reply: Reply) => {
    const caller = waiting.get(reply.id);
    waiting.delete(reply.id);
    if ('problem' in reply) caller?.reject(new Error(`${module}: ${reply.problem}`));
    else caller?.resolve(reply.result as never);
  });
  child.on('exit', (code) => {
    for (const { reject } of waiting.values()) reject(new Error(`${module} ended with ${code}`));
    waiting.clear();
  });
  return {
    pid: child.pid ?? 0,
    call(name, argument) {
      const id = (calls += 1);
      return new Promise((resolve, reject) => {
        waiting.set(id, { resolve, reject });
        child.send({ id, name, argument } satisfies Request);
      });
    },
    stop: () => end(child),
  };
}

/** Makes one call to a process of its own. */
export async function callOnce<T>(
  module: string,
  execArgv: readonly string[],
  name: string,
  argument: unknown,
): Promise<T> {
  const child = startChild(module, execArgv);
  try {
    return await child.call<T>(name, argument);
  } finally {
    await child.stop();
  }
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exited = once(child, 'exit');
  child.kill('SIGTERM');
  await exited;
}

/** In the child: answers the calls of the parent, and ends with it. */
export function serve(functions: Readonly<Record<string, (argument: never) => unknown>>): void {
  process.on('disconnect', () => process.exit(0));
  process.on('message', ({ id, name, argument }: Request) => {
    void (async () => {
      try {
        process.send?.({ id, result: await functions[name]?.(argument as never) } satisfies Reply);
      } catch (error) {
        process.send?.({ id, problem: String(error) } satisfies Reply);
      }
    })();
  });
}
