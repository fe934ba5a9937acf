#!/usr/bin/python3
"""Part i: two hosts on one switch: the loss is the variable.

    h1 10.0.0.1 ── 1Gbit loss 5% ── [s1] ── 1Gbit loss 5% ── h2 10.0.0.2

    sudo python3 mininet/part_i.py --loss 1

Written by go generate ./mininet/scripts, from the values in scenarios/: change those.
"""

from mininet.topo import Topo

from transfer import arguments, changes, get, run

# Steps come one after the other, the clients of a step at once, each from its own second on.
STEPS = [
    [get('h2', 'h1', 3)],
]


class PartI(Topo):
    "Two hosts on one switch: the loss is the variable."

    def build(self, **changed):
        for host in 'h1', 'h2':
            self.addHost(host)
        self.addSwitch('s1')
        for pair in 'h1-s1 s1-h2'.split():
            self.addLink(*pair.split('-'), **{'bw': 1000, 'loss': 5, **changed})


def main():
    args = arguments(__doc__.splitlines()[0])
    topo = PartI(**changes(args))
    run(topo, servers=['h1'], steps=STEPS, dialect=args.dialect)


if __name__ == '__main__':
    main()
