import type { Finding } from '../finding.ts';
import type { Setting } from '../setting.ts';
import { batch, stepsOfBatch } from './batch.ts';
import { clients, stepsOfClients } from './clients.ts';
import { distance, stepsOfDistance } from './distance.ts';
import { extension, stepsOfExtension } from './extension.ts';
import { faults, stepsOfFaults } from './faults.ts';
import { heap, stepsOfHeap } from './heap.ts';
import { held, stepsOfHeld } from './held.ts';
import { nodes, stepsOfNodes } from './nodes.ts';
import { processes, stepsOfProcesses } from './processes.ts';
import { resources, stepsOfResources } from './resources.ts';
import { stepsOfThroughput, throughput } from './throughput.ts';
import { stepsOfVersusRaw, versusRaw } from './versus-raw.ts';

export interface Scenario {
  readonly title: string;
  readonly run: (setting: Setting) => Promise<Finding>;
  /** How many steps it takes, for the progress bar; each of about a second. */
  readonly steps: (setting: Pick<Setting, 'budget'>) => number;
}

export type ScenarioName =
  | 'versusRaw'
  | 'throughput'
  | 'clients'
  | 'nodes'
  | 'resources'
  | 'held'
  | 'processes'
  | 'heap'
  | 'extension'
  | 'distance'
  | 'batch'
  | 'faults';

/** In the order in which they run. */
export const SCENARIOS: Readonly<Record<ScenarioName, Scenario>> = {
  versusRaw: { title: 'Compared with raw Redis commands', run: versusRaw, steps: stepsOfVersusRaw },
  throughput: { title: 'Throughput, latency and CPU', run: throughput, steps: stepsOfThroughput },
  clients: { title: 'By client library', run: clients, steps: stepsOfClients },
  nodes: { title: 'By the number of nodes', run: nodes, steps: stepsOfNodes },
  resources: { title: 'By resources per lock', run: resources, steps: stepsOfResources },
  held: { title: 'By locks held', run: held, steps: stepsOfHeld },
  processes: { title: 'By client processes', run: processes, steps: stepsOfProcesses },
  heap: { title: 'Heap', run: heap, steps: stepsOfHeap },
  extension: { title: 'Automatic extension', run: extension, steps: stepsOfExtension },
  distance: { title: 'Distance', run: distance, steps: stepsOfDistance },
  batch: { title: 'Full batches', run: batch, steps: stepsOfBatch },
  faults: { title: 'Faults', run: faults, steps: stepsOfFaults },
};

export type Findings = Partial<Readonly<Record<ScenarioName, Finding>>>;
