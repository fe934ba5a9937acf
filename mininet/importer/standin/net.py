# The network itself, with the methods of mininet.net.


def netParse(ipstr):
    address, _, bits = ipstr.partition('/')
    bytes_ = [int(b) for b in address.split('.')]
    bytes_ += [0] * (4 - len(bytes_))
    bits = int(bits) if bits else 8 * len(address.split('.'))
    return ipNum(*bytes_), bits


def ipNum(w, x, y, z):
    return (w << 24) | (x << 16) | (y << 8) | z


def ipStr(ip):
    return '%d.%d.%d.%d' % (ip >> 24 & 255, ip >> 16 & 255, ip >> 8 & 255, ip & 255)


def ipParse(ip):
    return netParse(ip + '/32')[0]


def ipAdd(i, prefixLen=8, ipBaseNum=0x0a000000):
    mask = 0xffffffff >> prefixLen
    return ipStr(i + (ipBaseNum & ~mask & 0xffffffff) + 0) if i <= mask else ipStr(ipBaseNum)


def macColonHex(mac):
    return ':'.join('%02x' % (mac >> 8 * i & 255) for i in range(5, -1, -1))


class Mininet(object):
    def __init__(self, topo=None, switch=OVSSwitch, host=Host, controller=DefaultController, link=Link, intf=Intf, build=True,
                 xterms=False, cleanup=False, ipBase='10.0.0.0/8', inNamespace=False, autoSetMacs=False, autoStaticArp=False,
                 autoPinCpus=False, listenPort=None, waitConnected=False, **params):
        self.topo, self.switch, self.host, self.controller, self.link, self.intf = topo, switch, host, controller, link, intf
        self.ipBase = ipBase
        self.ipBaseNum, self.prefixLen = netParse(ipBase)
        self.nextIP = ((0xffffffff >> self.prefixLen) & self.ipBaseNum) or 1
        self.autoSetMacs = autoSetMacs
        self.hosts, self.switches, self.controllers, self.terms = [], [], [], []
        self.nameToNode = {}
        self.built = self.started = False
        self.place = where()
        nets.append(self)
        for key, value in params.items():
            note('%s=%r of Mininet is not represented' % (key, value))
        if topo and build:
            self.build()

    def nodes(self):
        return self.hosts + self.switches

    @property
    def links(self):
        mine = self.nodes()
        return [l for l in links if l.intf1.node in mine and l.intf2.node in mine]

    # Making it.

    def addHost(self, name, cls=None, **params):
        defaults = {'ip': '%s/%d' % (ipAdd(self.nextIP, self.prefixLen, self.ipBaseNum), self.prefixLen)}
        if self.autoSetMacs:
            defaults['mac'] = macColonHex(self.nextIP)
        self.nextIP += 1
        defaults.update(params)
        h = (cls or self.host)(name, **defaults)
        if h.address is None and defaults.get('ip'):
            h.address = defaults['ip'] if '/' in str(defaults['ip']) else '%s/8' % defaults['ip']
        h.hardware = h.hardware or defaults.get('mac')
        self.hosts.append(h)
        self.nameToNode[name] = h
        return h

    def addSwitch(self, name, cls=None, **params):
        s = (cls or self.switch)(name, **params)
        self.switches.append(s)
        self.nameToNode[name] = s
        return s

    def addController(self, name='c0', controller=None, **params):
        c = name if isinstance(name, Controller) else (controller or self.controller)(name, **params)
        if isinstance(c, list):
            c = c[0] if c else None
        if c is None:
            c = Controller(name, **params)
        self.controllers.append(c)
        self.nameToNode[c.name] = c
        return c

    def addNAT(self, name='nat0', connect=True, inNamespace=False, **params):
        nat = NAT(name, subnet=self.ipBase, inNamespace=inNamespace, **params)
        self.nameToNode[name] = nat
        return nat

    def addLink(self, node1, node2, port1=None, port2=None, cls=None, **params):
        node1 = self[node1] if isinstance(node1, str) else node1
        node2 = self[node2] if isinstance(node2, str) else node2
        if port1 is not None:
            params['port1'] = port1
        if port2 is not None:
            params['port2'] = port2
        if self.intf is not None:
            params.setdefault('intf', self.intf)
        return (cls or self.link or Link)(node1, node2, **params)

    def delNode(self, node, nodes=None):
        for all_ in (self.hosts, self.switches, self.controllers):
            if node in all_:
                all_.remove(node)
        for l in [l for l in links if node in (l.intf1.node, l.intf2.node)]:
            l.delete()
        self.nameToNode.pop(node.name, None)

    delHost = delSwitch = delController = delNode

    def delLink(self, link):
        link.delete()

    def linksBetween(self, node1, node2):
        return [l for l in self.links if {l.intf1.node, l.intf2.node} == {node1, node2}]

    def delLinkBetween(self, node1, node2, index=0, allLinks=False):
        found = self.linksBetween(node1, node2)
        for l in found if allLinks else [found[index]]:
            l.delete()

    def build(self):
        if self.built:
            return
        self.built = True
        if callable(self.topo) and not isinstance(self.topo, Topo):
            self.topo = self.topo()
        if self.topo:
            self.buildFromTopo(self.topo)

    def buildFromTopo(self, topo=None):
        for name in topo.hosts():
            with at(topo._places.get(name)):
                self.addHost(name, **topo.nodeInfo(name))
        if not self.controllers and self.controller is not DefaultController and self.controller is not None:
            for controller in self.controller if isinstance(self.controller, (list, tuple)) else [self.controller]:
                with at(self.place):
                    self.addController('c%d' % len(self.controllers), controller=controller)
        for name in topo.switches():
            with at(topo._places.get(name)):
                params = dict(topo.nodeInfo(name))
                params.pop('isSwitch', None)
                self.addSwitch(name, **params)
        # In the order in which they were added, which numbers the interfaces.
        for _, _, _, opts, place in topo._edges:
            with at(place):
                self.addLink(**opts)

    # Finding in it.

    def getNodeByName(self, *names):
        return self.nameToNode[names[0]] if len(names) == 1 else [self.nameToNode[n] for n in names]

    get = getNodeByName

    def __getitem__(self, name):
        return self.nameToNode[name]

    def __delitem__(self, name):
        self.delNode(self.nameToNode[name])

    def __iter__(self):
        return iter([n.name for n in self.hosts + self.switches + self.controllers])

    def __len__(self):
        return len(list(iter(self)))

    def __contains__(self, name):
        return name in self.nameToNode

    def keys(self):
        return list(self)

    def values(self):
        return [self[name] for name in self]

    def items(self):
        return list(zip(self.keys(), self.values()))

    @staticmethod
    def randMac():
        return '02:00:00:00:00:01'

    # Running it.

    @classmethod
    def init(cls):
        pass

    def start(self):
        self.build()
        self.started = True

    def stop(self):
        pass

    def configLinkStatus(self, src, dst, status):
        note('configLinkStatus(%r, %r, %r) is not represented: use --schedule' % (str(src), str(dst), status))

    def _measured(self, what, args, result):
        note('%s(%s) is not run' % (what, short(args)))
        return result

    def pingAll(self, *args, **kwargs):
        return self._measured('pingAll', args, 0.0)

    def pingPair(self, *args, **kwargs):
        return self._measured('pingPair', args, 0.0)

    def ping(self, *args, **kwargs):
        return self._measured('ping', args, 0.0)

    def pingFull(self, *args, **kwargs):
        return self._measured('pingFull', args, [])

    def pingAllFull(self, *args, **kwargs):
        return self._measured('pingAllFull', args, [])

    def pingPairFull(self, *args, **kwargs):
        return self._measured('pingPairFull', args, [])

    def iperf(self, *args, **kwargs):
        return self._measured('iperf', args, ['0 bits/sec', '0 bits/sec'])

    def run(self, test, *args, **kwargs):
        self.start()
        return test(*args, **kwargs)

    def interact(self):
        self.start()

    def waitConnected(self, *args, **kwargs):
        return True

    def monitor(self, *args, **kwargs):
        return iter(())

    def staticArp(self):
        pass

    startTerms = stopXterms = configHosts = configureControlNetwork = staticArp

    def __getattr__(self, name):
        if name.startswith('__'):
            raise AttributeError(name)

        def unknown(*args, **kwargs):
            note('Mininet.%s(%s) is not represented' % (name, short(args, kwargs)))
        return unknown


MininetWithControlNet = Mininet


def TreeNet(depth=1, fanout=2, **kwargs):
    return Mininet(TreeTopo(depth, fanout), **kwargs)


class CLI(object):
    "At the prompt the person takes over; here it is as if they had left at once."

    def __init__(self, mininet=None, *args, **kwargs):
        if mininet is not None and isinstance(mininet, Mininet):
            mininet.built = True

    def __getattr__(self, name):
        return lambda *args, **kwargs: None


def buildTopo(topos, text):
    "The topology of NAME,ARGUMENT,KEY=VALUE,…, as mn --topo takes it."
    name, *rest = text.split(',')
    if name not in topos:
        raise Choice('there is no topology %r: there are %s' % (name, ', '.join(sorted(topos))))
    number = lambda s: int(s, 0) if re.fullmatch(r'-?(0x)?[0-9a-fA-F]+', s) and not s.isalpha() else float(s)

    def value(s):
        try:
            return number(s)
        except ValueError:
            return s
    args = [value(r) for r in rest if '=' not in r]
    kwargs = {k: value(v) for k, _, v in (r.partition('=') for r in rest if '=' in r)}
    return topos[name](*args, **kwargs)
