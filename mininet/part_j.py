#!/usr/bin/python3
"""Part j: two hosts and a chain of eight switches: the number of hops is the variable.

    h1 10.0.0.1 ──[s1]──[s2]──[s3]──[s4]──[s5]──[s6]──[s7]──[s8]── h2 10.0.0.2

    sudo python3 mininet/part_j.py --hops 3

Written by go generate ./mininet/scripts, from the values in scenarios/: change those.
"""

from mininet.topo import Topo

from transfer import arguments, changes, get, run

# Steps come one after the other, the clients of a step at once, each from its own second on.
STEPS = [
    [get('h2', 'h1', 3)],
]


class PartJ(Topo):
    "Two hosts and a chain of eight switches: the number of hops is the variable."

    def build(self, hops=8, **changed):
        before = self.addHost('h1')
        for number in range(1, hops + 1):
            switch = self.addSwitch('s%d' % number)
            self.addLink(before, switch, **{'bw': 1000, **changed})
            before = switch
        self.addLink(before, self.addHost('h2'), **{'bw': 1000, **changed})


def main():
    args = arguments(__doc__.splitlines()[0], hops=8)
    topo = PartJ(hops=args.hops, **changes(args))
    run(topo, servers=['h1'], steps=STEPS, dialect=args.dialect)


if __name__ == '__main__':
    main()
