#!/usr/bin/python3
"""Part l: the tree of k, three servers.

    [s1] ─┬─ 1Gbit ── [s2] ─┬─ 500Mbit ── [s4] ─┬─ 250Mbit ── H 10.0.0.1
          │                 │                   └─ 250Mbit ── I 10.0.0.2
          │                 └─ 500Mbit ── [s5] ─┬─ 250Mbit ── J 10.0.0.3
          │                                     └─ 250Mbit ── K 10.0.0.4
          ├─ 1Gbit ── [s3] ─┬─ 500Mbit ── [s6] ─┬─ 250Mbit ── L 10.0.0.5
          │                 │                   ├─ 250Mbit ── M 10.0.0.6
          │                 │                   └─ 1Gbit ──── S1 10.0.0.10
          │                 └─ 500Mbit ── [s7] ─┬─ 250Mbit ── N 10.0.0.7
          │                                     ├─ 250Mbit ── O 10.0.0.8
          │                                     └─ 1Gbit ──── S2 10.0.0.11
          └─ 1Gbit ── S 10.0.0.9

    sudo python3 mininet/part_l.py --variant A

Written by go generate ./mininet/scripts, from the values in scenarios/: change those.
"""

from mininet.topo import Topo

from transfer import arguments, changes, get, run

# Steps come one after the other, the clients of a step at once, each from its own second on.
STEPS = {
    'A': [
        [get('H', 'S', 1, at=0.25),
         get('I', 'S', 2, at=0.75),
         get('J', 'S1', 3, at=1),
         get('K', 'S2', 4, at=1.35)],
    ],
    'B': [
        [get('K', 'S', 2, at=0.35),
         get('M', 'S1', 3, at=0.5),
         get('N', 'S2', 4, at=0.95),
         get('H', 'S', 1, at=1.2)],
    ],
}


class PartL(Topo):
    "The tree of k, three servers."

    def build(self, **changed):
        for host in 'S H I J K L M N O S1 S2'.split():
            self.addHost(host)
        for switch in 's1 s2 s3 s4 s5 s6 s7'.split():
            self.addSwitch(switch)
        for pair in 's1-s2 s1-s3'.split():
            self.addLink(*pair.split('-'), **{'bw': 1000, **changed})
        for pair in 's2-s4 s2-s5 s3-s6 s3-s7'.split():
            self.addLink(*pair.split('-'), **{'bw': 500, **changed})
        self.addLink('S', 's1', **{'bw': 1000, **changed})
        for pair in 'H-s4 I-s4 J-s5 K-s5 L-s6 M-s6 N-s7 O-s7'.split():
            self.addLink(*pair.split('-'), **{'bw': 250, **changed})
        for pair in 'S1-s6 S2-s7'.split():
            self.addLink(*pair.split('-'), **{'bw': 1000, **changed})


def main():
    args = arguments(__doc__.splitlines()[0], variants=sorted(STEPS))
    topo = PartL(**changes(args))
    run(topo, servers=['S', 'S1', 'S2'], steps=STEPS[args.variant], dialect=args.dialect)


if __name__ == '__main__':
    main()
