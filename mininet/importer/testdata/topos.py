"""Two topologies for mn --custom, and no network."""
from mininet.topo import LinearTopo, Topo
from mininet.topolib import TorusTopo


class Star(Topo):
    def __init__(self, arms=3, speed=10.0, **opts):
        Topo.__init__(self, **opts)
        hub = self.addSwitch('s1')
        for n in range(1, arms + 1):
            self.addLink(self.addHost('h%d' % n), hub, bw=speed)


topos = {'star': (lambda *args, **opts: Star(*args, **opts)), 'line': lambda: LinearTopo(k=3, n=2), 'torus': lambda: TorusTopo(3, 3)}
