#!/usr/bin/env python3
"""A class with build(), link classes with their parameters fixed, a remote controller, a prompt."""
from functools import partial

from mininet.cli import CLI
from mininet.link import TCLink
from mininet.log import info, setLogLevel
from mininet.net import Mininet
from mininet.node import RemoteController
from mininet.topo import Topo


class MyTopo(Topo):
    def build(self, n=3):
        s1 = self.addSwitch('s1')
        s2 = self.addSwitch('s2')
        self.addLink(s1, s2, bw=50, delay='2ms', jitter='1ms', loss=1, max_queue_size=100)
        for i in range(n):
            h = self.addHost('h%d' % (i + 1), ip='10.0.0.%d' % (i + 1), mac='00:00:00:00:00:0%d' % (i + 1))
            self.addLink(h, s1 if i % 2 else s2, cls=partial(TCLink, bw=100))


topos = {'my': MyTopo}


def main():
    net = Mininet(topo=MyTopo(4), link=TCLink, controller=partial(RemoteController, ip='127.0.0.1', port=6653))
    net.addController('c1', controller=RemoteController)
    net.start()
    info('*** testing\n')
    net.get('h1').cmd('ping -c1 10.0.0.2')
    net.pingAll()
    CLI(net)
    net.stop()


if __name__ == '__main__':
    setLogLevel('info')
    main()
