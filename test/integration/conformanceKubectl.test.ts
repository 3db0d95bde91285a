import { afterAll, expect, it } from '@jest/globals';
import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { join } from 'node:path';
import { openBench } from '../support/conformance.js';
import { TOOLS_PATH } from '../../scripts/tools.mjs';
import { hasKubectl, runKubectl } from '../support/kubectl.js';
import { MERGE, type Json } from '../support/rawApi.js';
import { describeWhen, itWhen, realKubeconfig } from '../support/skips.js';
import { until } from '../support/until.js';

const bench = await openBench();
afterAll(() => bench.close());

/** What people type, typed: on the embedded API and on a real one. */
describeWhen(
  bench.isCurrent && hasKubectl,
  hasKubectl ? 'the API server is older than 1.25' : 'kubectl is not installed',
)(`kubectl on a Kubernetes API (${realKubeconfig === undefined ? 'embedded' : 'real'})`, () => {
  /** Runs a command that must succeed; its standard output. */
  async function kubectl(namespace: string, args: readonly string[], input?: object): Promise<string> {
    const result = await attempt(namespace, args, input);
    if (result.code !== 0) throw new Error(`kubectl ${args.join(' ')}: ${result.stderr}`);
    return result.stdout;
  }

  function attempt(namespace: string, args: readonly string[], input?: object) {
    const text = input === undefined ? '' : JSON.stringify(input);
    return runKubectl(bench.kubeconfigFile, bench.home, ['--namespace', namespace, ...args], text);
  }

  const apply = ['apply', '-f', '-'];

  it('applies, again, and changes', async () => {
    const { name } = await bench.namespace();

    expect(await kubectl(name, apply, bench.widget('one', { size: 1 }))).toMatch(/widget.* created/);
    expect(await kubectl(name, apply, bench.widget('one', { size: 1 }))).toMatch(/unchanged/);
    expect(await kubectl(name, apply, bench.widget('one', { size: 2 }))).toMatch(/configured/);
    expect(await kubectl(name, ['get', 'wdg', 'one', '-o', 'jsonpath={.spec.size}'])).toBe('2');
  });

  it('applies on the server side, after the client side too', async () => {
    const { name } = await bench.namespace();
    await kubectl(name, apply, bench.widget('one', { size: 1, color: 'red' }));

    await kubectl(
      name,
      ['apply', '--server-side', '-f', '-'],
      bench.widget('one', { size: 2, color: 'red' }),
    );

    expect(await kubectl(name, ['get', 'wdg', 'one', '-o', 'jsonpath={.spec.size}'])).toBe('2');
  });

  it('reports what is wrong', async () => {
    const { name } = await bench.namespace();

    const wrong = await attempt(name, [...apply, '--validate=false'], bench.widget('one', { size: 101 }));
    const unknown = await attempt(name, apply, bench.widget('one', { size: 1, sise: 2 }));

    expect(wrong).toMatchObject({ code: 1 });
    expect(wrong.stderr).toContain('The Widget "one" is invalid: spec.size: Invalid value: 101');
    expect(unknown).toMatchObject({ code: 1 });
    expect(unknown.stderr).toContain('unknown field "spec.sise"');
  });

  it('gets in every form', async () => {
    const { name } = await bench.namespace();
    await kubectl(name, apply, bench.widget('one', { size: 7, color: 'red' }));

    const plain = await kubectl(name, ['get', 'widgets']);
    const wide = await kubectl(name, ['get', 'wdg', '-o', 'wide']);
    const json = JSON.parse(await kubectl(name, ['get', 'wdg', 'one', '-o', 'json'])) as Json;
    const columns = await kubectl(name, ['get', 'wdg', '-o', 'custom-columns=N:.metadata.name,S:.spec.size']);

    expect(plain.split('\n')[0]!.split(/\s+/)).toEqual(['NAME', 'PHASE', 'READY', 'SIZE', 'AGE']);
    expect(plain.split('\n')[1]).toMatch(/^one\s+7\s+\d+s$/);
    expect(wide.split('\n')[0]!.trimEnd().split(/\s+/)).toEqual([
      'NAME',
      'PHASE',
      'READY',
      'SIZE',
      'AGE',
      'COLOR',
    ]);
    expect(json).toMatchObject({ kind: 'Widget', spec: { size: 7 }, status: { observedGeneration: -1 } });
    expect(columns.split('\n')[1]).toMatch(/^one\s+7$/);
    expect(await kubectl(name, ['get', 'wdg', '-o', 'yaml'])).toContain('kind: Widget');
  });

  it('follows changes with get -w', async () => {
    const { name, widgets } = await bench.namespace();
    const args = ['--kubeconfig', bench.kubeconfigFile, '--cache-dir', join(bench.home, 'kubectl')];
    const child = spawn('kubectl', [...args, '--namespace', name, 'get', 'wdg', '-w'], {
      env: { ...process.env, PATH: TOOLS_PATH },
    });
    try {
      const lines: string[] = [];
      createInterface({ input: child.stdout }).on('line', (line) => lines.push(line));
      const shows = (pattern: RegExp) =>
        until(
          `a line like ${String(pattern)}`,
          () => lines.some((line) => pattern.test(line)),
          20_000,
          () => lines.join('\n'),
        );

      await bench.api.post(widgets, bench.widget('one'));
      await shows(/^one\s+1\s/);
      await bench.api.patch(`${widgets}/one/status`, MERGE, { status: { phase: 'Running' } });
      await shows(/^one\s+Running\s+1\s/);

      expect(lines[0]).toMatch(/^NAME\s+PHASE/);
    } finally {
      child.kill('SIGKILL');
    }
  });

  it('waits for a condition, for a field, and for the end', async () => {
    const { name, widgets } = await bench.namespace();
    await bench.api.post(widgets, bench.widget('one'));
    const wait = (what: string) => kubectl(name, ['wait', 'wdg/one', `--for=${what}`, '--timeout=20s']);

    const waiting = Promise.all([wait('condition=Ready'), wait('jsonpath={.status.phase}=Done')]);
    await bench.api.patch(`${widgets}/one/status`, MERGE, {
      status: { observedGeneration: 1, phase: 'Done', conditions: [{ type: 'Ready', status: 'True' }] },
    });
    const met = await waiting;
    const gone = wait('delete');
    await kubectl(name, ['delete', 'wdg', 'one']);

    expect(met).toEqual([expect.stringContaining('condition met'), expect.stringContaining('condition met')]);
    await expect(gone).resolves.toEqual(expect.any(String));
  });

  it('describes an object with its events', async () => {
    const { name, widgets, core } = await bench.namespace();
    const { body } = await bench.api.post(widgets, bench.widget('one'));
    const { uid, resourceVersion } = body.metadata;
    const now = new Date().toISOString().replace(/\.\d+Z/, 'Z');
    await bench.api.post(`${core}/events`, {
      metadata: { name: 'one.1' },
      involvedObject: {
        apiVersion: `${bench.group}/v1`,
        kind: 'Widget',
        name: 'one',
        namespace: name,
        uid,
        resourceVersion,
      },
      reason: 'Tested',
      message: 'all is well',
      type: 'Normal',
      source: { component: 'suite' },
      firstTimestamp: now,
      lastTimestamp: now,
      count: 1,
    });

    const described = await kubectl(name, ['describe', 'wdg', 'one']);
    const events = await kubectl(name, ['get', 'events']);

    expect(described).toMatch(/Kind:\s+Widget/);
    expect(described).toMatch(/Normal\s+Tested\s+\S+\s+suite\s+all is well/);
    expect(
      events
        .split('\n')[0]!
        .trimEnd()
        .split(/\s{2,}/),
    ).toEqual(['LAST SEEN', 'TYPE', 'REASON', 'OBJECT', 'MESSAGE']);
    expect(events).toMatch(/Normal\s+Tested\s+widget\/one\s+all is well/);
  });

  it('patches, labels and annotates', async () => {
    const { name } = await bench.namespace();
    await kubectl(name, apply, bench.widget('one', { size: 1 }));

    await kubectl(name, ['patch', 'wdg', 'one', '--type=merge', '-p', '{"spec":{"size":2}}']);
    await kubectl(name, [
      'patch',
      'wdg',
      'one',
      '--type=json',
      '-p',
      '[{"op":"test","path":"/spec/size","value":2},{"op":"add","path":"/spec/color","value":"red"}]',
    ]);
    await kubectl(name, [
      'patch',
      'wdg',
      'one',
      '--subresource=status',
      '--type=merge',
      '-p',
      '{"status":{"phase":"A"}}',
    ]);
    await kubectl(name, ['label', 'wdg', 'one', 'team=a']);
    await kubectl(name, ['annotate', 'wdg', 'one', 'note=b']);

    expect(JSON.parse(await kubectl(name, ['get', 'wdg', '-l', 'team=a', '-o', 'json']))).toMatchObject({
      items: [
        {
          metadata: { labels: { team: 'a' }, annotations: { note: 'b' } },
          spec: { size: 2, color: 'red' },
          status: { phase: 'A' },
        },
      ],
    });
    expect((await attempt(name, ['patch', 'wdg', 'one', '-p', '{}'])).stderr).toContain(
      'strategic-merge-patch',
    );
  });

  it('explains', async () => {
    const { name } = await bench.namespace();
    // A real API server publishes the schema of a new kind some seconds after it serves it.
    const explained = await until(
      'the schema',
      async () => {
        const result = await attempt(name, ['explain', 'wdg.spec.size']);
        return result.code === 0 && result.stdout.includes('How big it is.') ? result.stdout : undefined;
      },
      60_000,
    );

    expect(explained).toMatch(/FIELD:\s+size <integer>/);
    expect(await kubectl(name, ['explain', 'secret'])).toContain(
      'Secret holds secret data of a certain type',
    );
  });

  it('creates and applies what comes with a CloudJob', async () => {
    const { name } = await bench.namespace();
    const secret = {
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: { name: 's2' },
      stringData: { token: 'a' },
    };

    await kubectl(name, ['create', 'secret', 'generic', 's1', '--from-literal=token=abc']);
    await kubectl(name, ['create', 'configmap', 'c1', '--from-literal=a=b']);
    await kubectl(name, apply, secret);
    await kubectl(name, apply, { ...secret, stringData: { token: 'b' } });

    expect(await kubectl(name, ['get', 'secret', 's1', '-o', 'jsonpath={.data.token}'])).toBe('YWJj');
    expect(await kubectl(name, ['get', 'secret', 's2', '-o', 'jsonpath={.data.token}'])).toBe('Yg==');
    expect(await kubectl(name, ['get', 'secret', 's1'])).toMatch(/s1\s+Opaque\s+1\s+\d+s/);
    expect(await kubectl(name, ['get', 'cm', 'c1', '-o', 'jsonpath={.data.a}'])).toBe('b');
  });

  itWhen(bench.emptiesNamespaces, 'no controller-manager runs')(
    'creates and deletes a namespace',
    async () => {
      const name = `${bench.group.split('.')[0]}-typed`;

      await kubectl('default', ['create', 'namespace', name]);
      await kubectl(name, ['create', 'configmap', 'c', '--from-literal=a=b']);
      const shown = await kubectl('default', ['get', 'ns', name]);
      await kubectl('default', ['delete', 'namespace', name, '--timeout=30s']);

      expect(shown).toMatch(new RegExp(`^${name}\\s+Active\\s`, 'm'));
      expect((await bench.api.get(`/api/v1/namespaces/${name}`)).code).toBe(404);
    },
  );

  it('edits and deletes', async () => {
    const { name } = await bench.namespace();
    await kubectl(name, apply, bench.widget('one', { size: 1 }));
    const read = JSON.parse(await kubectl(name, ['get', 'wdg', 'one', '-o', 'json'])) as Json;

    await kubectl(name, ['replace', '-f', '-'], { ...read, spec: { size: 3 } });
    const size = await kubectl(name, ['get', 'wdg', 'one', '-o', 'jsonpath={.spec.size}']);
    await kubectl(name, ['delete', 'wdg', '--all']);

    expect(size).toBe('3');
    expect((await attempt(name, ['get', 'wdg'])).stderr).toContain('No resources found');
  });

  it('lists kinds and versions', async () => {
    const resources = await kubectl('default', ['api-resources']);

    expect(resources).toMatch(new RegExp(`^widgets\\s+wdg\\s+${bench.group}/v1\\s+true\\s+Widget`, 'm'));
    expect(resources).toMatch(/^secrets\s+v1\s+true\s+Secret/m);
    expect(await kubectl('default', ['api-versions'])).toContain(`${bench.group}/v1`);
  });
});
