# Interfaces and links, with the constructors of mininet.link.

# What TCIntf.config takes, and Intf.config passes over.
SHAPING = ('bw', 'delay', 'jitter', 'loss', 'max_queue_size', 'speedup', 'use_hfsc', 'use_tbf', 'latency_ms', 'enable_ecn',
           'enable_red')
# What changes nothing that can be seen here.
HARMLESS = ('gro', 'txo', 'rxo', 'disable_gro', 'fast', 'moveIntfFn', 'up', 'ifconfig', 'port')


class Intf(object):
    "One end of a link."

    def __init__(self, name, node=None, port=None, link=None, mac=None, **params):
        self.name, self.node, self.link, self.mac = name, node, link, mac
        self.ip = self.prefixLen = None
        self.shape = {}  # as it was last configured
        self.place = where()
        if node is not None:
            node.addIntf(self, port=port)
            if link is None:
                note('interface %s of the machine, attached to %s, is not represented: a network here has no way out' % (name, node))
        self.params = params
        self.config(**params)

    def config(self, mac=None, ip=None, **params):
        if mac is not None:
            self.setMAC(mac)
        if ip is not None:
            self.setIP(ip)
        ignored = [key for key in params if key in SHAPING and params[key] is not None]
        if ignored:
            note('%s is asked of %s, which is no TCIntf, and Mininet does nothing about it: use TCLink' %
                 (', '.join('%s=%r' % (key, params[key]) for key in ignored), self.name))
        self.other(params)
        return {}

    def other(self, params):
        for key in params:
            if key not in SHAPING and key not in HARMLESS:
                note('%s=%r of %s is not represented' % (key, params[key], self.name))

    def setIP(self, ipstr, prefixLen=None):
        if '/' in ipstr:
            ipstr, _, prefixLen = ipstr.partition('/')
        self.ip, self.prefixLen = ipstr, prefixLen
        if self.node is not None and isinstance(self.node, Node) and not self.node.is_switch:
            if self is self.node.defaultIntf():
                self.node.address = '%s/%s' % (ipstr, prefixLen or 8)
            else:
                note('address %s of %s is not represented: a host has one address, at its first interface' % (ipstr, self.name))
        return ''

    def setMAC(self, mac):
        self.mac = mac
        if isinstance(self.node, Node) and not self.node.is_switch and self is self.node.defaultIntf():
            self.node.hardware = mac
        return ''

    def IP(self):
        return self.ip

    def MAC(self):
        return self.mac

    updateIP, updateMAC = IP, MAC

    def updateAddr(self):
        return self.ip, self.mac

    def isUp(self, setUp=False):
        return True

    def rename(self, newname):
        self.name = newname
        return ''

    def cmd(self, *args, **kwargs):
        return self.node.cmd(*args, **kwargs)

    def ifconfig(self, *args):
        note('%s.ifconfig(%s) is not run' % (self.name, short(args)))
        return ''

    def delete(self):
        pass

    def status(self):
        return 'OK'

    def setParam(self, *args, **kwargs):
        return None

    def __str__(self):
        return self.name

    def __repr__(self):
        return '<%s %s>' % (self.__class__.__name__, self.name)


class TCIntf(Intf):
    "An interface that shapes what it sends."

    bwParamMax = 1000

    def config(self, mac=None, ip=None, **params):
        shape = {key: plain(params[key]) for key in SHAPING if params.get(key) is not None}
        started = [n for n in nets if n.started and self.node in n.nodes()]
        if started and self.shape != shape:
            note('%s is configured anew (%s) while the network runs: only how it started is represented: use --schedule' %
                 (self.name, short([], params)))
        else:
            self.shape, self.place = shape, where()
        Intf.config(self, mac=mac, ip=ip, **{key: value for key, value in params.items() if key not in SHAPING})
        return {}

    def bwCmds(self, *args, **kwargs):
        return [], ' root '

    def delayCmds(self, *args, **kwargs):
        return [], ' root '

    def tc(self, cmd, tc='tc'):
        note('%s.tc(%r) is not run' % (self.name, cmd))
        return ''


class OVSIntf(Intf):
    pass


class Link(object):
    "A pair of interfaces."

    def __init__(self, node1, node2, port1=None, port2=None, intfName1=None, intfName2=None, addr1=None, addr2=None, intf=Intf,
                 cls1=None, cls2=None, params1=None, params2=None, fast=True, **params):
        self.place = where()
        params1, params2 = dict(params1 or {}), dict(params2 or {})
        for given, port, node in ((params1, port1, node1), (params2, port2, node2)):
            if port is not None:
                given['port'] = port
            if 'port' not in given:
                given['port'] = node.newPort()
        # For notes alone: a name that only says what it would be anyway is none.
        self.names = [intfName1 or self.intfName(node1, params1['port']), intfName2 or self.intfName(node2, params2['port'])]
        params1.update(params)
        params2.update(params)
        self.intf1 = (cls1 or intf or Intf)(name=self.names[0], node=node1, link=self, mac=addr1, **params1)
        self.intf2 = (cls2 or intf or Intf)(name=self.names[1], node=node2, link=self, mac=addr2, **params2)
        links.append(self)

    @classmethod
    def intfName(cls, node, n):
        return node.name + '-eth' + repr(n)

    def makeIntfPair(self, *args, **kwargs):
        pass

    def delete(self):
        if self in links:
            links.remove(self)

    stop = delete

    def status(self):
        return '(OK OK)'

    def __str__(self):
        return '%s<->%s' % (self.intf1, self.intf2)


class TCLink(Link):
    def __init__(self, *args, **kwargs):
        kwargs.setdefault('cls1', TCIntf)
        kwargs.setdefault('cls2', TCIntf)
        Link.__init__(self, *args, **kwargs)


class TCULink(TCLink):
    pass


class OVSLink(Link):
    pass
