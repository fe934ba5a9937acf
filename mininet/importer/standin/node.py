# Hosts, switches and controllers, with the methods of mininet.node. What a script runs in them is noted, and not run.


class Process(object):
    "Stands for a program that was started: it has ended, and said nothing."
    returncode, pid, stdin = 0, 0, None

    def __init__(self, *args, **kwargs):
        self.stdout, self.stderr = io.StringIO(), io.StringIO()

    def __enter__(self):
        return self

    def __exit__(self, *args):
        pass

    def wait(self, *args, **kwargs):
        return 0

    def poll(self):
        return 0

    def communicate(self, *args, **kwargs):
        return '', ''

    def send_signal(self, *args):
        pass

    terminate = kill = send_signal


class Node(object):
    is_switch = False
    is_controller = False
    portBase = 0

    def __init__(self, name, inNamespace=True, **params):
        self.name, self.inNamespace = name, params.get('inNamespace', inNamespace)
        self.params = params
        self.privateDirs = params.get('privateDirs', [])
        self.intfs, self.ports, self.nameToIntf = {}, {}, {}
        self.waiting, self.execed, self.pid, self.lastPid, self.shell = False, False, 0, None, Process()
        self.stdout, self.stdin = self.shell.stdout, self.shell.stdin
        self.address = self.hardware = None
        self.place = where()
        nodes.append(self)
        for key in ('cpu', 'cores', 'privateDirs', 'defaultRoute'):
            if params.get(key):
                note('%s=%r of %s is not represented' % (key, params[key], name))

    # Interfaces.

    def newPort(self):
        return max(self.ports.values()) + 1 if self.ports else self.portBase

    def addIntf(self, intf, port=None, moveIntfFn=None):
        if port is None:
            port = self.newPort()
        self.intfs[port], self.ports[intf], self.nameToIntf[intf.name] = intf, port, intf

    def delIntf(self, intf):
        port = self.ports.pop(intf, None)
        self.intfs.pop(port, None)
        self.nameToIntf.pop(intf.name, None)

    def deleteIntfs(self, checkName=True):
        pass

    def defaultIntf(self):
        return self.intfs[min(self.intfs)] if self.intfs else None

    def intf(self, intf=None):
        if not intf:
            return self.defaultIntf()
        if isinstance(intf, str):
            return self.nameToIntf[intf]
        return intf

    def intfList(self):
        return [self.intfs[p] for p in sorted(self.intfs)]

    def intfNames(self):
        return [str(i) for i in self.intfList()]

    def connectionsTo(self, node):
        found = []
        for i in self.intfList():
            if i.link and {i.link.intf1.node, i.link.intf2.node} == {self, node}:
                other = i.link.intf2 if i is i.link.intf1 else i.link.intf1
                found.append((i, other))
        return found

    def linkTo(self, node, link=Link):
        return link(self, node)

    # Addresses.

    def setIP(self, ip, prefixLen=8, intf=None, **kwargs):
        if self.intf(intf) is not None:
            return self.intf(intf).setIP(ip, prefixLen)
        self.address = ip if '/' in ip else '%s/%s' % (ip, prefixLen)
        return ''

    def setMAC(self, mac, intf=None):
        if self.intf(intf) is not None:
            return self.intf(intf).setMAC(mac)
        self.hardware = mac
        return ''

    def IP(self, intf=None):
        if intf is not None:
            return self.intf(intf).IP()
        return self.address.split('/')[0] if self.address else None

    def MAC(self, intf=None):
        if intf is not None:
            return self.intf(intf).MAC()
        return self.hardware or '00:00:00:00:00:00'

    def intfIsUp(self, intf=None):
        return True

    def config(self, mac=None, ip=None, defaultRoute=None, lo='up', **params):
        if mac:
            self.setMAC(mac)
        if ip:
            self.setIP(ip)
        return {}

    def configDefault(self, **params):
        self.params.update(params)
        return self.config(**self.params)

    def setParam(self, results, method, **param):
        name, value = list(param.items())[0]
        if value is not None:
            getattr(self, method)(*value if isinstance(value, list) else (value,))

    # What is not done.

    def _not_run(self, method, args, result):
        note('%s.%s(%s) is not run' % (self.name, method, short(args)))
        return result

    def cmd(self, *args, **kwargs):
        return self._not_run('cmd', args, '')

    def cmdPrint(self, *args, **kwargs):
        return self._not_run('cmdPrint', args, '')

    def sendCmd(self, *args, **kwargs):
        return self._not_run('sendCmd', args, None)

    def popen(self, *args, **kwargs):
        return self._not_run('popen', args, Process())

    def pexec(self, *args, **kwargs):
        return self._not_run('pexec', args, ('', '', 0))

    def waitOutput(self, *args, **kwargs):
        return ''

    def monitor(self, *args, **kwargs):
        return ''

    def waitReadable(self, *args, **kwargs):
        return []

    def setDefaultRoute(self, intf=None):
        note('%s.setDefaultRoute(%s) is not represented: all hosts are in one network' % (self.name, short([intf] if intf else [])))

    def setHostRoute(self, ip, intf):
        note('%s.setHostRoute(%r) is not represented: all hosts are in one network' % (self.name, ip))

    def setARP(self, ip, mac):
        return ''

    def start(self, *args, **kwargs):
        pass

    def stop(self, *args, **kwargs):
        pass

    def terminate(self, *args, **kwargs):
        pass

    cleanup = mountPrivateDirs = unmountPrivateDirs = terminate

    @classmethod
    def setup(cls):
        pass

    checkSetup = setup

    def connected(self):
        return True

    def __getattr__(self, name):
        if name.startswith('__'):
            raise AttributeError(name)

        def unknown(*args, **kwargs):
            note('%s.%s(%s) is not represented' % (self.name, name, short(args, kwargs)))
            return ''
        return unknown

    def __str__(self):
        return self.name

    def __repr__(self):
        return '<%s %s>' % (self.__class__.__name__, self.name)


class Host(Node):
    pass


class CPULimitedHost(Host):
    def __init__(self, name, sched='cfs', **kwargs):
        Host.__init__(self, name, **kwargs)

    def setCPUFrac(self, f, sched=None):
        note('%s.setCPUFrac(%r) is not represented: hosts share the processors' % (self.name, f))

    @classmethod
    def init(cls):
        pass


class NAT(Node):
    def __init__(self, name, subnet='10.0/8', localIntf=None, flush=False, **params):
        note('NAT %s is not represented: a network here has no way out' % name)
        Node.__init__(self, name, **params)


class Switch(Node):
    is_switch = True
    portBase = 1
    dpidLen = 16
    stp = False  # also that of a class which sets it before it calls this one's constructor, as mininet.nodelib's does

    def __init__(self, name, dpid=None, opts='', listenPort=None, **params):
        Node.__init__(self, name, **params)
        number = re.findall(r'\d+', name)
        self.dpid = dpid or (number and '%016x' % int(number[0])) or '0' * 16
        if params.get('stp'):
            self.stp = True
        self.opts, self.listenPort = opts, listenPort

    def start(self, controllers):
        pass

    def defaultIntf(self):
        return self.intfs.get(1) or Node.defaultIntf(self)

    def _not_run(self, method, args, result):
        words = ' '.join(str(a) for a in args)
        if re.search(r'stp_enable\s*=\s*true|\bstp\b.*\b(on|yes|1)\b', words):
            self.stp = True  # ovs-vsctl set bridge s1 stp_enable=true, brctl stp s1 on
            return result
        return Node._not_run(self, method, args, result)

    def vsctl(self, *args, **kwargs):
        return self._not_run('vsctl', args, '')

    def dpctl(self, *args):
        return self._not_run('dpctl', args, '')

    def attach(self, intf):
        pass

    detach = controllerUUIDs = attach


class Controller(Node):
    is_controller = True

    def __init__(self, name, inNamespace=False, command='controller', cargs='', cdir=None, ip='127.0.0.1', port=None,
                 protocol='tcp', **params):
        Node.__init__(self, name, inNamespace=inNamespace, **params)
        self.ip, self.port, self.protocol = ip, port, protocol
        note('%s %s is not represented: a switch here learns by itself' % (self.__class__.__name__, name))

    def IP(self, intf=None):
        return self.ip

    def checkListening(self):
        pass

    def isListening(self, ip, port):
        return True


def make_class(name, base):
    return type(name, (base,), {})


UserSwitch, OVSSwitch, OVSBridge, IVSSwitch, LinuxBridge = (
    make_class(name, Switch) for name in ('UserSwitch', 'OVSSwitch', 'OVSBridge', 'IVSSwitch', 'LinuxBridge'))
OVSKernelSwitch = DefaultSwitch = OVSLegacyKernelSwitch = OVSSwitch
RemoteController, OVSController, NOX, Ryu, InbandController = (
    make_class(name, Controller) for name in ('RemoteController', 'OVSController', 'NOX', 'Ryu', 'InbandController'))


def DefaultController(name, **kwargs):
    return None  # nobody asked for it, so there is nothing to tell


def NullController(*args, **kwargs):
    return None


def findController(*args, **kwargs):
    return DefaultController
