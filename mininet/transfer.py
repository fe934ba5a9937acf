"""What the parts' scripts share: switches, servers, clients, and the figures that the clients print.

The servers and clients are wireproof's own (wireproof serve, wireproof get). It is taken from WIREPROOF where that is set,
else from PATH, else from bin/ of this repository, else built from it.
"""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from functools import partial

from mininet.link import TCIntf, TCLink
from mininet.log import setLogLevel
from mininet.net import Mininet
from mininet.node import OVSBridge, Switch

PORT = 12345
HERE = os.path.dirname(os.path.abspath(__file__))


class LinuxBridge(Switch):
    "A Linux bridge, made with ip(8). Mininet has one too, made with brctl, which few machines still have."

    def __init__(self, name, stp=False, **params):
        self.stp = stp
        super().__init__(name, **params)

    def start(self, _controllers):
        # The shortest delay of a spanning tree that the kernel takes is 2 s, twice over; without a tree none is needed.
        tree = 'forward_delay 200 stp_state 1' if self.stp else 'forward_delay 0'
        self.cmd('ip link add', self, 'type bridge mcast_snooping 0', tree)
        for intf in self.intfList():
            if intf.name != 'lo':
                self.cmd('ip link set', intf, 'up master', self)
        self.cmd('ip link set', self, 'up')

    def stop(self, deleteIntfs=True):
        self.cmd('ip link del', self)
        super().stop(deleteIntfs)


class Interface(TCIntf):
    "An interface that ends the script where tc(8) fails: Mininet would go on with a link that is not what was asked for."

    def tc(self, cmd, tc='tc'):
        said = super().tc(cmd, tc)
        if ' show ' in cmd:
            return said
        wrong = [line for line in said.splitlines() if line.strip() and not line.startswith('Warning')]  # of htb's quantum
        if wrong:
            remedy = ': the kernel lacks sch_netem: modprobe sch_netem, or run it in a kernel that has it' if 'netem' in cmd else ''
            raise SystemExit('%s: %s%s' % (cmd % (tc, self), ' '.join(wrong), remedy))
        return ''


class Link(TCLink):
    "A link of such interfaces."

    def __init__(self, *args, **params):
        super().__init__(*args, cls1=Interface, cls2=Interface, **params)


def switches_and_links():
    "The classes for both: Open vSwitch where it runs, else Linux bridges."
    runs = shutil.which('ovs-vsctl') and subprocess.run(
        ['ovs-vsctl', '--timeout=2', 'show'], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False).returncode == 0
    if not runs:
        return LinuxBridge, Link
    if os.path.isdir('/sys/module/openvswitch'):
        return OVSBridge, Link
    # Without the kernel's module it switches in user space, where no checksum is done that a host has left undone.
    return partial(OVSBridge, datapath='user'), partial(Link, txo=False)


def find_wireproof(folder):
    "The wireproof program; where there is none it is built, into folder."
    for found in os.environ.get('WIREPROOF'), shutil.which('wireproof'), os.path.join(HERE, '..', 'bin', 'wireproof'):
        if found and os.access(found, os.X_OK):
            return os.path.abspath(found)
    go = shutil.which('go') or '/usr/local/go/bin/go'  # sudo resets PATH, and with it Go is often gone
    built = os.path.join(folder, 'wireproof')
    try:
        subprocess.run([go, 'build', '-buildvcs=false', '-o', built, './cmd/wireproof'], cwd=os.path.join(HERE, '..'), check=True,
                       env=dict(os.environ, CGO_ENABLED='0', HOME=os.environ.get('HOME', '/root')))
    except (OSError, subprocess.CalledProcessError) as e:
        sys.exit('no wireproof: %s: make build, or set WIREPROOF to the program' % e)
    return built


def arguments(title, variants=(), hops=None):
    "The command line's arguments. A link's own parameters hold where none is given."
    parser = argparse.ArgumentParser(description=title)
    parser.add_argument('--bw', type=float, metavar='MBIT', help='rate of every link')
    parser.add_argument('--delay', metavar='TIME', help='one-way delay of every link, such as 5ms')
    parser.add_argument('--loss', type=float, metavar='PERCENT', help='loss of every link')
    if hops:
        parser.add_argument('--hops', type=int, default=hops, help='switches in the chain (default %(default)s)')
    if variants:
        parser.add_argument('--variant', choices=variants, default=variants[0], help='(default %(default)s)')
    parser.add_argument('--dialect', choices=['stream', 'lockstep'], default='stream', help='of servers and clients (default %(default)s)')
    return parser.parse_args()


def changes(args):
    "The parameters that replace every link's own."
    asked = {'bw': args.bw, 'delay': args.delay, 'loss': args.loss}
    return {name: value for name, value in asked.items() if value is not None}


def get(client, server, *novels, at=0, mode='persistent'):
    "One client, which fetches novels by number, from a second of its step on."
    return {'client': client, 'server': server, 'novels': novels, 'at': at, 'mode': mode}


def wait_for(what, seconds=30):
    "Asks for a fact until it is there."
    deadline = time.time() + seconds
    while not what():
        if time.time() > deadline:
            raise SystemExit('still not so after %d s: %s' % (seconds, what.__doc__))
        time.sleep(0.05)


class Clients:
    "The clients of a network, and the folder of what they fetch."

    def __init__(self, net, program, folder, dialect):
        self.net, self.program, self.folder, self.dialect = net, program, folder, dialect
        self.count, self.failed = 0, 0

    def start(self, client, server, novels, mode):
        self.count += 1
        into = os.path.join(self.folder, 'client-%d' % self.count)
        os.mkdir(into)
        return self.net[client].popen(
            [self.program, 'get', self.net[server].IP(), '--novel', ','.join(str(n) for n in novels), '--dir', into,
             '--mode', mode, '--dialect', self.dialect], stderr=subprocess.STDOUT, text=True)

    def run(self, step):
        "Runs the clients of a step, each from its second on, and prints their figures."
        began = time.time()
        running = []
        for fetch in sorted(step, key=lambda fetch: fetch['at']):
            time.sleep(max(0, began + fetch['at'] - time.time()))
            running.append((fetch, self.start(fetch['client'], fetch['server'], fetch['novels'], fetch['mode'])))
        for fetch, process in running:
            said, _ = process.communicate()
            print('%s from %s, novel %s, at %.2f s:' % (
                fetch['client'], fetch['server'], ', '.join(str(n) for n in fetch['novels']), fetch['at']))
            print(said)
            self.failed += process.returncode != 0


def run(topo, servers, steps, model='thread', dialect='stream', stp=False):
    "Brings the topology up, starts the servers, runs the steps one after the other, and takes all down."
    if os.geteuid() != 0:
        sys.exit('Mininet needs root: sudo python3 %s' % ' '.join(sys.argv))
    setLogLevel('warning')
    Mininet.inited = True  # otherwise it raises limits of the machine, for good
    switch, link = switches_and_links()
    with tempfile.TemporaryDirectory(prefix='wireproof-mininet-') as folder:
        program = find_wireproof(folder)
        net = Mininet(topo=topo, switch=partial(switch, stp=stp), link=link, controller=None, autoSetMacs=True, build=False)
        running = []
        try:
            net.start()
            clients = Clients(net, program, folder, dialect)
            for name in servers:
                host = net[name]
                log = open(os.path.join(folder, 'server-%s.log' % name), 'w', encoding='utf-8')
                server = host.popen([program, 'serve', '--novels', '--model', model, '--dialect', dialect], stdout=log, stderr=log)
                running.append((server, log))

                def listens():
                    "the server listens"
                    if server.poll() is not None:
                        with open(log.name, encoding='utf-8') as said:
                            raise SystemExit('the server on %s ended: %s' % (name, said.read().strip()))
                    return str(PORT) in host.cmd('ss -Hltn sport = :%d' % PORT)
                wait_for(listens)
            for client, server in {(fetch['client'], fetch['server']) for step in steps for fetch in step}:
                def reaches():
                    "the client reaches its server; a spanning tree takes its time"
                    return ' 0% packet loss' in net[client].cmd('ping -c1 -W1', net[server].IP()) or lossy(net)
                wait_for(reaches, 60)
            for step in steps:
                clients.run(step)
        finally:
            for process, log in running:
                process.terminate()
                process.wait()
                log.close()
            net.stop()
    if clients.failed:
        sys.exit('%d of %d clients failed' % (clients.failed, clients.count))


def lossy(net):
    "Whether some link loses packets, so that a lost ping says nothing."
    return any(intf.params.get('loss') for link in net.links for intf in (link.intf1, link.intf2))
