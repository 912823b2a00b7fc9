import type { FaultyNode, TcpProxy } from 'nestjs-replicated/testing';

/** Something that happens to a node, or to the network before it. */
export interface Fault {
  readonly name: string;
  readonly strike: (node: FaultyNode, proxy: TcpProxy) => unknown;
  readonly mend: (node: FaultyNode, proxy: TcpProxy) => unknown;
  /** Whether connections die at once, so that nobody waits. */
  readonly isLoud: boolean;
}

export const FAULTS: readonly Fault[] = [
  { name: 'killed', strike: (node) => node.kill(), mend: (node) => node.start(), isLoud: true },
  { name: 'stopped (fast)', strike: (node) => node.stop(), mend: (node) => node.start(), isLoud: true },
  {
    name: 'stopped (immediate)',
    strike: (node) => node.stop('immediate'),
    mend: (node) => node.start(),
    isLoud: true,
  },
  {
    name: 'partitioned with RST',
    strike: (_, proxy) => proxy.reset(),
    mend: (_, proxy) => proxy.resume(),
    isLoud: true,
  },
  {
    name: 'frozen',
    strike: (node) => node.freeze(),
    mend: (node) => node.thaw(),
    isLoud: false,
  },
  {
    name: 'partitioned silently',
    strike: (_, proxy) => proxy.stall(),
    mend: (_, proxy) => proxy.resume(),
    isLoud: false,
  },
  {
    name: 'blackholed',
    strike: (_, proxy) => proxy.blackhole(),
    mend: (_, proxy) => proxy.resume(),
    isLoud: false,
  },
];
