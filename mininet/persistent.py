#!/usr/bin/python3
"""Part persistent: two clients in turn at a sequential server, all five novels over one connection.

    h1 10.0.0.1 ── [s1] ── h2 10.0.0.2

    sudo python3 mininet/persistent.py

Written by go generate ./mininet/scripts, from the values in scenarios/: change those.
"""

from mininet.topo import Topo

from transfer import arguments, changes, get, run

# Steps come one after the other, the clients of a step at once, each from its own second on.
STEPS = [
    [get('h2', 'h1', 1, 2, 3, 4, 5),
     get('h2', 'h1', 1)],
]


class Persistent(Topo):
    "Two clients in turn at a sequential server, all five novels over one connection."

    def build(self, **changed):
        for host in 'h1', 'h2':
            self.addHost(host)
        self.addSwitch('s1')
        for node in 'h1', 'h2':
            self.addLink(node, 's1', **changed)


def main():
    args = arguments(__doc__.splitlines()[0])
    topo = Persistent(**changes(args))
    run(topo, servers=['h1'], steps=STEPS, model='sequential', dialect=args.dialect)


if __name__ == '__main__':
    main()
