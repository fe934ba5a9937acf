"""bw on links that are no TCLink: Mininet does nothing about it."""
from mininet.net import Mininet
from mininet.topo import SingleSwitchTopo


class Slow(SingleSwitchTopo):
    def addLink(self, *args, **opts):
        return SingleSwitchTopo.addLink(self, *args, bw=1, **opts)


net = Mininet(Slow(k=2))
net.start()
net.stop()
