#!/usr/bin/python3
"""Part h: two hosts on one switch: the delay is the variable.

    h1 10.0.0.1 ── 1Gbit 1ms ── [s1] ── 1Gbit 1ms ── h2 10.0.0.2

    sudo python3 mininet/part_h.py --delay 5ms

Written by go generate ./mininet/scripts, from the values in scenarios/: change those.
"""

from mininet.topo import Topo

from transfer import arguments, changes, get, run

# Steps come one after the other, the clients of a step at once, each from its own second on.
STEPS = [
    [get('h2', 'h1', 3)],
]


class PartH(Topo):
    "Two hosts on one switch: the delay is the variable."

    def build(self, **changed):
        for host in 'h1', 'h2':
            self.addHost(host)
        self.addSwitch('s1')
        for pair in 'h1-s1 s1-h2'.split():
            self.addLink(*pair.split('-'), **{'bw': 1000, 'delay': '1ms', **changed})


def main():
    args = arguments(__doc__.splitlines()[0])
    topo = PartH(**changes(args))
    run(topo, servers=['h1'], steps=STEPS, dialect=args.dialect)


if __name__ == '__main__':
    main()
