"""Brings a topology up in Mininet, and takes it down when standard input ends.

wireproof runs this: the first line of standard input is the topology, as JSON, and standard output tells what happens, an
event on each line. It ends with its standard input, so also when whoever started it is killed. It never calls Mininet's
cleanup, which kills and deletes by name what others made; it removes what it made itself, and nothing else.
"""

import ctypes
import json
import logging
import os
import resource
import select
import signal
import socket
import subprocess
import sys
import time

from mininet.link import TCIntf, TCLink
from mininet.log import lg, setLogLevel
from mininet.net import Mininet
from mininet.node import OVSBridge, Switch
from mininet.topo import Topo

CLONE_NEWNET = 0x40000000  # sched.h; Python has os.unshare from 3.12 on
LOCK, TEXT = 3, 4  # the first is held open for as long as this lives: one run at a time; the second is this text


class Failed(Exception):
    "Something that the user is to be told."


class Stopped(Exception):
    "Nobody waits for this network any more."


def tell(event, **fields):
    "Writes an event."
    line = json.dumps(dict(fields, event=event)) + '\n'
    try:
        os.write(1, line.encode())
    except BrokenPipeError:
        pass  # standard input has ended too


def checkpoint():
    "Ends the work if standard input has."
    if select.select([0], [], [], 0)[0] and not os.read(0, 4096):
        raise Stopped()


def run(*command):
    "Runs a program; what it says is the error where it fails."
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    if done.returncode:
        raise Failed('%s: %s' % (' '.join(command), done.stdout.strip() or 'exit status %d' % done.returncode))
    return done.stdout


def index(interface):
    "The kernel's number of an interface of this namespace, or None."
    try:
        return socket.if_nametoindex(interface)
    except OSError:
        return None


class Things:
    """What this run made outside the hosts: interfaces, by name, with their numbers, and Open vSwitch bridges. Those in the
    machine's own namespace are told, for whoever started this to remove where this is killed."""

    def __init__(self):
        self.interfaces = {}
        self.bridges = []
        self.private = False

    def enter_own_namespace(self):
        "Has all that follows made in a network namespace that goes with the last process in it."
        if ctypes.CDLL(None, use_errno=True).unshare(CLONE_NEWNET):
            raise Failed('make a network namespace: ' + os.strerror(ctypes.get_errno()))
        self.private = True

    def tell(self, event, **fields):
        if not self.private:
            tell(event, **fields)

    def making(self, interface):
        self.interfaces[interface] = None
        self.tell('making', interface=interface)

    def made(self, interface):
        self.interfaces[interface] = index(interface)
        self.tell('made', interface=interface, index=self.interfaces[interface])

    def not_made(self, interface):
        self.interfaces.pop(interface, None)
        self.tell('removed', interface=interface)

    def remove(self):
        "Removes what is still there."
        for bridge in self.bridges:
            run('ovs-vsctl', '--timeout=10', '--if-exists', 'del-br', bridge)
            tell('removed', bridge=bridge)
        for interface, number in list(self.interfaces.items()):
            there = index(interface)
            if there is not None and number in (None, there):
                subprocess.run(['ip', 'link', 'del', 'dev', interface], stderr=subprocess.DEVNULL, check=False)
                if index(interface) == there:
                    raise Failed('interface %s could not be removed: ip link del dev %s' % (interface, interface))
            self.not_made(interface)


things = Things()


class Interface(TCIntf):
    "An interface that fails where tc(8) does."

    def config(self, **params):
        if not self.node.inNamespace and self.name != 'lo':
            # Otherwise the machine itself would take part in the network: it announces an address of its own.
            path = '/proc/sys/net/ipv6/conf/%s/disable_ipv6' % self.name
            if os.path.exists(path):
                with open(path, 'w', encoding='ascii') as setting:
                    setting.write('1')
        return super().config(**params)

    def tc(self, cmd, tc='tc'):
        said = super().tc(cmd, tc)
        if ' show ' in cmd:
            return said
        wrong = [line for line in said.splitlines() if line.strip() and not line.startswith('Warning')]
        if wrong:
            raise Failed('%s: %s' % (cmd % (tc, self), ' '.join(wrong)))
        return ''  # htb warns of its quantum at every gigabit


class Cable(TCLink):
    "A link whose ends are noted."

    def __init__(self, node1, node2, **params):
        checkpoint()
        super().__init__(node1, node2, cls1=Interface, cls2=Interface, **params)

    @classmethod
    def makeIntfPair(cls, intfname1, intfname2, addr1=None, addr2=None, node1=None, node2=None, deleteIntfs=True):
        ours = [name for name, node in ((intfname1, node1), (intfname2, node2)) if not node.inNamespace]
        for name in ours:
            things.making(name)
        try:
            made = super().makeIntfPair(intfname1, intfname2, addr1, addr2, node1, node2, deleteIntfs=deleteIntfs)
        except Exception as e:
            for name in ours:
                things.not_made(name)
            raise Failed('link %s-%s: %s' % (node1, node2, str(e).strip())) from e
        for name in ours:
            things.made(name)
        return made


class Bridge(Switch):
    "A Linux bridge, made with ip(8): Mininet's own LinuxBridge wants brctl."

    def __init__(self, name, stp=False, prio=0, **params):
        checkpoint()
        super().__init__(name, **params)
        self.stp, self.prio = stp, prio

    def start(self, _controllers):
        checkpoint()
        options = ['mcast_snooping', '0', 'forward_delay', '0']
        if self.stp:  # the least that the kernel takes, in hundredths of a second
            options = options[:2] + ['forward_delay', '200', 'hello_time', '100', 'max_age', '600', 'stp_state', '1', 'priority', str(self.prio)]
        things.making(self.name)
        run('ip', 'link', 'add', 'name', self.name, 'type', 'bridge', *options)
        things.made(self.name)
        quiet = '/proc/sys/net/ipv6/conf/%s/disable_ipv6' % self.name
        if os.path.exists(quiet):
            with open(quiet, 'w', encoding='ascii') as setting:
                setting.write('1')
        for port in self.intfList():
            if port.name != 'lo':
                run('ip', 'link', 'set', 'dev', port.name, 'up', 'master', self.name)
        run('ip', 'link', 'set', 'dev', self.name, 'up')

    def stop(self, deleteIntfs=True):
        if index(self.name) is not None:
            run('ip', 'link', 'del', 'dev', self.name)
        super().stop(deleteIntfs)


class OVS(OVSBridge):
    "A bridge of Open vSwitch without controller."

    def __init__(self, name, prio=0, **params):
        checkpoint()
        super().__init__(name, **params)
        self.prio = prio

    def start(self, controllers):
        checkpoint()
        things.bridges.append(self.name)
        tell('making', bridge=self.name)
        super().start(controllers)
        if self.stp:
            run('ovs-vsctl', '--timeout=10', 'set', 'Bridge', self.name, 'other_config:stp-priority=%d' % self.prio,
                'other_config:stp-forward-delay=4', 'other_config:stp-hello-time=1', 'other_config:stp-max-age=6')


class Asked(Topo):
    "The topology that was asked for. Mininet numbers hosts and ports."

    def build(self, spec, **options):  # pylint: disable=arguments-differ
        for host in spec['hosts']:
            self.addHost(host['name'], **({'ip': host['ip']} if host.get('ip') else {}))
        for number, switch in enumerate(spec['switches']):
            self.addSwitch(switch, stp=spec['stp'], prio=100 + number, dpid='%016x' % (number + 1))
        for link in spec['links']:
            self.addLink(link['a'], link['b'], params1=dict(link['ab'], **options), params2=dict(link['ba'], **options))


def in_this_namespace(pid_file):
    "Whether the process in the file is in this network namespace, as far as that can be found out."
    try:
        with open(pid_file, encoding='ascii') as file:
            return os.readlink('/proc/%d/ns/net' % int(file.read())) == os.readlink('/proc/self/ns/net')
    except (OSError, ValueError):
        return True


def kind_of_switch(wanted):
    "Chooses the switches: Open vSwitch where it runs, else Linux bridges."
    if wanted == 'bridge':
        return 'bridge'
    try:
        run('ovs-vsctl', '--timeout=2', 'show')
    except (OSError, Failed) as e:
        if wanted:
            raise Failed('Open vSwitch does not run (%s): service openvswitch-switch start, or use Linux bridges' % str(e).splitlines()[0]) from e
        return 'bridge'
    if not in_this_namespace(os.path.join(os.environ.get('OVS_RUNDIR', '/run/openvswitch'), 'ovs-vswitchd.pid')):
        if wanted:
            raise Failed('Open vSwitch runs in another network namespace: run this there, or use Linux bridges')
        return 'bridge'
    kernel = os.path.isdir('/sys/module/openvswitch')
    if wanted == 'ovs' and not kernel:
        raise Failed('the kernel has no module openvswitch: modprobe openvswitch, or use ovs-user, or Linux bridges')
    return wanted or ('ovs' if kernel else 'ovs-user')


def check_free(spec):
    "Refuses to begin where a name is taken in the machine's namespace or in Open vSwitch. Nothing has been touched then."
    ports = {}
    names = list(spec['switches'])
    for link in spec['links']:
        for node in link['a'], link['b']:
            ports[node] = ports.get(node, 0) + 1
            if node in spec['switches']:
                names.append('%s-eth%d' % (node, ports[node]))
    for name in names:
        if index(name) is not None:
            raise Failed('interface %s exists already: if no other Mininet runs it was left behind: ip link del dev %s' % (name, name))
    there = run('ovs-vsctl', '--timeout=10', 'list-br').split()
    for name in spec['switches']:
        if name in there:
            raise Failed('Open vSwitch has a bridge %s already: if no other Mininet runs it was left behind: ovs-vsctl del-br %s' % (name, name))


class Errors(logging.Handler):
    "Keeps what Mininet reports as errors and goes on after."

    def __init__(self):
        super().__init__(logging.ERROR)
        self.texts = []

    def emit(self, record):
        self.texts.append(record.getMessage().strip())


def statuses(table):
    "The status of every port or bridge of Open vSwitch, by name."
    said = json.loads(run('ovs-vsctl', '--timeout=30', '--format=json', '--columns=name,status', 'list', table))
    return {name: dict(status[1]) for name, status in said['data']}


def settled(net):
    "Whether all ports forward or block for good, in one tree."
    ports, bridges = statuses('Port'), statuses('Bridge')
    for switch in net.switches:
        for port in switch.intfList():
            if port.name != 'lo' and ports.get(port.name, {}).get('stp_state') not in ('forwarding', 'blocking'):
                return False
    roots = {bridges[switch.name].get('stp_designated_root') for switch in net.switches}
    return len(roots) == 1 and None not in roots


def wait_for_tree(net):
    "Waits until the switches of Open vSwitch have their tree. For Linux bridges the harness does."
    deadline = time.time() + 120
    while not settled(net):
        if time.time() > deadline:
            raise Failed('the spanning tree of Open vSwitch has not settled after two minutes')
        if select.select([0], [], [], 0.1)[0]:
            checkpoint()


def watch(net):
    "Waits for the end of standard input, and tells of nodes that end before."
    poll = select.poll()
    poll.register(0, select.POLLIN | select.POLLHUP)
    nodes = {}
    for node in net.hosts + net.switches:
        descriptor = os.pidfd_open(node.pid)
        nodes[descriptor] = node
        poll.register(descriptor, select.POLLIN)
    while True:
        for descriptor, _ in poll.poll():
            if descriptor == 0:
                if not os.read(0, 4096):
                    return
                continue
            node = nodes.pop(descriptor)
            poll.unregister(descriptor)
            os.close(descriptor)
            status = node.shell.wait()
            node.shell = None  # else Mininet waits for the answers of a shell that is gone
            tell('died', node=node.name, pid=node.pid, status=status)


def take_down(net):
    "Has Mininet stop its nodes, and removes what is left."
    for kind in signal.SIGTERM, signal.SIGINT, signal.SIGHUP:
        signal.signal(kind, lambda *_: None)
    began = time.time()
    problem = None
    try:
        for node in net.hosts + net.switches if net else []:
            if node.shell and node.shell.poll() is not None:
                node.shell = None
        if net:
            net.stop()
    except Exception as e:  # pylint: disable=broad-except
        problem = e
    things.remove()
    if problem:
        raise Failed('Mininet did not stop in good order: %r' % problem)
    tell('down', seconds=time.time() - began)


def main():
    "Does what the first line of standard input says."
    for descriptor in LOCK, TEXT:
        os.set_inheritable(descriptor, False)
    setLogLevel('error')
    errors = Errors()
    lg.addHandler(errors)
    # Mininet.init would change the machine's settings (mininet.util.fixLimits), and nobody would change them back. What
    # it needs of limits it gets here.
    Mininet.inited = True
    for limit in resource.RLIMIT_NOFILE, resource.RLIMIT_NPROC:
        hard = resource.getrlimit(limit)[1]
        resource.setrlimit(limit, (hard, hard))

    def stop(*_):
        raise Stopped()
    for kind in signal.SIGTERM, signal.SIGINT, signal.SIGHUP:
        signal.signal(kind, stop)

    line = b''
    while not line.endswith(b'\n'):
        more = os.read(0, 1 << 16)
        if not more:
            return
        line += more
    spec = json.loads(line)

    net = None
    try:
        kind = kind_of_switch(spec['switch'])
        if kind == 'bridge':
            things.enter_own_namespace()
        else:  # its ports have to be where its daemon is
            check_free(spec)
        checkpoint()
        began = time.time()
        options = {'txo': False} if kind == 'ovs-user' else {}
        switch = Bridge
        if kind != 'bridge':
            OVS.setup()
            switch = lambda name, **params: OVS(name, datapath='user' if kind == 'ovs-user' else 'kernel', **params)  # noqa: E731
        net = Mininet(topo=Asked(spec=spec, **options), switch=switch, link=Cable, controller=None, autoSetMacs=True,
                      listenPort=None, build=False)
        net.build()
        net.start()
        if errors.texts:
            raise Failed(' '.join(errors.texts))
        seconds = time.time() - began
        if spec['stp'] and kind != 'bridge':
            wait_for_tree(net)
        tell('up', seconds=seconds, switch=kind, nodes={
            node.name: {'pid': node.pid, 'bridge': node.name if kind == 'bridge' and node in net.switches else '',
                        'interfaces': [i for i in node.intfNames() if i != 'lo']}
            for node in net.hosts + net.switches})
        watch(net)
    except Stopped:
        pass
    except Failed as e:
        tell('error', text=str(e))
    except Exception as e:  # pylint: disable=broad-except
        tell('error', text='Mininet: %s' % (str(e).strip() or repr(e)))
    try:
        take_down(net)
    except Failed as e:
        tell('error', text=str(e))
        sys.exit(1)


main()
