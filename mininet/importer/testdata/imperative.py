"""net.addHost, net.addSwitch and net.addLink in main(); what cannot be represented; a programme that waits for ever."""
import os
import subprocess
import time

from mininet.link import Intf, TCIntf, TCLink
from mininet.net import Mininet
from mininet.node import CPULimitedHost, Controller, OVSKernelSwitch


def main():
    if os.geteuid() != 0:
        raise SystemExit('run this as root')
    os.system('mn -c')
    net = Mininet(controller=Controller, switch=OVSKernelSwitch, link=TCLink, ipBase='192.168.7.0/24')
    net.addController('c0')
    web = net.addHost('web', mac='0a:00:00:00:00:01')
    db = net.addHost('db', cls=CPULimitedHost, cpu=.5)
    out = net.addHost('out', ip='192.168.7.100/24')
    s1, s2 = net.addSwitch('s1'), net.addSwitch('s2', stp=True)
    net.addLink(web, s1, params1={'bw': 10, 'delay': '5ms'}, params2={'bw': 2})
    net.addLink(db, s1, cls=TCLink, bw=2000, delay=500)
    net.addLink(s1, s2, loss=0.5, use_tbf=True)
    late = net.addLink(out, s2, intfName1='out-wan', port2=7)
    late.intf1.config(bw=3, delay='1s')
    net.addNAT().configDefault()
    Intf('eth1', node=s1)
    net.build()
    net.start()
    late.intf1.config(bw=4)
    web.cmd('python3 -m http.server 80 &')
    subprocess.Popen(['wireshark'])
    print(net.iperf((web, db)))
    time.sleep(3600)
    while True:
        pass


main()
