#!/usr/bin/python3
"""Part fork: five clients at once at a forking server, then one for all five.

    h1 10.0.0.1 ── [s1] ── h2 10.0.0.2

    sudo python3 mininet/fork.py

Written by go generate ./mininet/scripts, from the values in scenarios/: change those.
"""

from mininet.topo import Topo

from transfer import arguments, changes, get, run

# Steps come one after the other, the clients of a step at once, each from its own second on.
STEPS = [
    [get('h2', 'h1', 1, mode='nonpersistent'),
     get('h2', 'h1', 2, mode='nonpersistent'),
     get('h2', 'h1', 3, mode='nonpersistent'),
     get('h2', 'h1', 4, mode='nonpersistent'),
     get('h2', 'h1', 5, mode='nonpersistent')],
    [get('h2', 'h1', 1, 2, 3, 4, 5)],
]


class Fork(Topo):
    "Five clients at once at a forking server, then one for all five."

    def build(self, **changed):
        for host in 'h1', 'h2':
            self.addHost(host)
        self.addSwitch('s1')
        for node in 'h1', 'h2':
            self.addLink(node, 's1', **changed)


def main():
    args = arguments(__doc__.splitlines()[0])
    topo = Fork(**changes(args))
    run(topo, servers=['h1'], steps=STEPS, model='fork', dialect=args.dialect)


if __name__ == '__main__':
    main()
