"""Nodes and links without a Mininet()."""
from mininet.link import Link
from mininet.node import Controller, Node, OVSSwitch

controller, switch = Controller('c0', inNamespace=False), OVSSwitch('s0', inNamespace=False)
h0, h1 = Node('h0'), Node('h1')
Link(h0, switch)
Link(h1, switch)
h0.setIP('192.168.123.1/24')
h1.setIP('192.168.123.2/24')
switch.cmd('ovs-vsctl add-br dp0')
