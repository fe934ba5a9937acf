#!/usr/bin/python3
"""Part e: six hosts on one switch: five clients, a novel each, at once.

    [s1] ─┬─ h1 10.0.0.1
          ├─ h2 10.0.0.2
          ├─ h3 10.0.0.3
          ├─ h4 10.0.0.4
          ├─ h5 10.0.0.5
          └─ h6 10.0.0.6

    sudo python3 mininet/part_e.py

Written by go generate ./mininet/scripts, from the values in scenarios/: change those.
"""

from mininet.topo import Topo

from transfer import arguments, changes, get, run

# Steps come one after the other, the clients of a step at once, each from its own second on.
STEPS = [
    [get('h2', 'h1', 1),
     get('h3', 'h1', 2),
     get('h4', 'h1', 3),
     get('h5', 'h1', 4),
     get('h6', 'h1', 5)],
]


class PartE(Topo):
    "Six hosts on one switch: five clients, a novel each, at once."

    def build(self, **changed):
        for host in 'h1', 'h2', 'h3', 'h4', 'h5', 'h6':
            self.addHost(host)
        self.addSwitch('s1')
        for node in 'h1', 'h2', 'h3', 'h4', 'h5', 'h6':
            self.addLink(node, 's1', **changed)


def main():
    args = arguments(__doc__.splitlines()[0])
    topo = PartE(**changes(args))
    run(topo, servers=['h1'], steps=STEPS, dialect=args.dialect)


if __name__ == '__main__':
    main()
