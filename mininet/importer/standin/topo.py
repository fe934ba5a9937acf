# Topologies that are built before there is a network, with the methods of mininet.topo.


def natural(text):
    "The order of mininet.util: runs of digits compare as numbers."
    return [int(s) if s.isdigit() else s for s in re.split(r'(\d+)', str(text))]


def naturalSeq(t):
    return [natural(x) for x in t]


def irange(start, end):
    return list(range(start, end + 1))


class Graph(object):
    "What scripts read of a topology's graph."

    def __init__(self, topo):
        self._topo, self.node = topo, {}

    def nodes(self, data=False):
        return self.node.items() if data else self.node.keys()

    def edges(self, data=False, keys=False):
        return self._topo.links(withKeys=keys, withInfo=data)

    edges_iter = edges

    def __len__(self):
        return len(self.node)


class Topo(object):
    def __init_subclass__(cls, **kwargs):
        super().__init_subclass__(**kwargs)
        topo_classes.append(cls)

    def __init__(self, *args, **params):
        self._edges = []  # (node1, node2, key, options, place)
        self._places = {}
        self.g = Graph(self)
        self.ports = {}
        self.hopts, self.sopts, self.lopts = params.pop('hopts', {}), params.pop('sopts', {}), params.pop('lopts', {})
        self.build(*args, **params)

    def build(self, *args, **params):
        pass

    def addNode(self, name, **opts):
        self.g.node[name] = opts
        self._places[name] = where()
        return name

    def addHost(self, name, **opts):
        return self.addNode(name, **(opts or self.hopts))

    def addSwitch(self, name, **opts):
        return self.addNode(name, **dict(opts or self.sopts, isSwitch=True))

    def addLink(self, node1, node2, port1=None, port2=None, key=None, **opts):
        port1, port2 = self.addPort(node1, node2, port1, port2)
        opts = dict(opts or self.lopts, node1=node1, node2=node2, port1=port1, port2=port2)
        if key is None:
            key = 1 + max([0] + [k for a, b, k, _, _ in self._edges if {a, b} == {node1, node2} and isinstance(k, int)])
        self._edges.append((node1, node2, key, opts, where()))
        for name in (node1, node2):
            self.g.node.setdefault(name, {})
        return key

    def addPort(self, src, dst, sport=None, dport=None):
        for name in (src, dst):
            self.ports.setdefault(name, {})
        if sport is None:
            sport = len(self.ports[src]) + (1 if self.isSwitch(src) else 0)
        if dport is None:
            dport = len(self.ports[dst]) + (1 if self.isSwitch(dst) else 0)
        self.ports[src][sport], self.ports[dst][dport] = (dst, dport), (src, sport)
        return sport, dport

    def port(self, src, dst):
        found = [(sport, entry[1]) for sport, entry in self.ports[src].items() if entry[0] == dst]
        return found if len(found) != 1 else found[0]

    def isSwitch(self, n):
        return self.g.node.get(n, {}).get('isSwitch', False)

    def nodes(self, sort=True):
        names = list(self.g.node)
        return sorted(names, key=natural) if sort else names

    def switches(self, sort=True):
        return [n for n in self.nodes(sort) if self.isSwitch(n)]

    def hosts(self, sort=True):
        return [n for n in self.nodes(sort) if not self.isSwitch(n)]

    def links(self, sort=False, withKeys=False, withInfo=False):
        found = []
        for a, b, key, opts, _ in self._edges:
            found.append((a, b) + ((key,) if withKeys else ()) + ((opts,) if withInfo else ()))
        return sorted(found, key=lambda l: naturalSeq(l[:2])) if sort else found

    iterLinks = links

    def _edge(self, src, dst, key=None):
        return [e for e in self._edges if {e[0], e[1]} == {src, dst} and key in (None, e[2])][0]

    def linkInfo(self, src, dst, key=None):
        return self._edge(src, dst, key)[3]

    def setlinkInfo(self, src, dst, info, key=None):
        self._edge(src, dst, key)[3].update(info)

    def nodeInfo(self, name):
        return self.g.node[name]

    def setNodeInfo(self, name, info):
        self.g.node[name] = info

    @staticmethod
    def sorted(items):
        return sorted(items, key=natural)


class SingleSwitchTopo(Topo):
    def build(self, k=2, **_opts):
        self.k = k
        switch = self.addSwitch('s1')
        for i in irange(1, k):
            self.addLink(self.addHost('h%d' % i), switch)


class SingleSwitchReversedTopo(Topo):
    def build(self, k=2):
        self.k = k
        switch = self.addSwitch('s1')
        for i in irange(1, k):
            self.addLink(self.addHost('h%d' % i), switch, port1=0, port2=k - i + 1)


class MinimalTopo(SingleSwitchTopo):
    def build(self):
        SingleSwitchTopo.build(self, k=2)


class LinearTopo(Topo):
    def build(self, k=2, n=1, **_opts):
        self.k, self.n, last = k, n, None
        for i in irange(1, k):
            switch = self.addSwitch('s%d' % i)
            for j in irange(1, n):
                self.addLink(self.addHost('h%d' % i if n == 1 else 'h%ds%d' % (j, i)), switch)
            if last:
                self.addLink(switch, last)
            last = switch


class TreeTopo(Topo):
    def build(self, depth=1, fanout=2):
        self.hostNum = self.switchNum = 1
        self.addTree(depth, fanout)

    def addTree(self, depth, fanout):
        if depth <= 0:
            name, self.hostNum = 'h%d' % self.hostNum, self.hostNum + 1
            return self.addHost(name)
        name, self.switchNum = 's%d' % self.switchNum, self.switchNum + 1
        self.addSwitch(name)
        for _ in range(fanout):
            self.addLink(name, self.addTree(depth - 1, fanout))
        return name


class TorusTopo(Topo):
    def build(self, x, y, n=1):
        if x < 3 or y < 3:
            raise Exception('a torus is 3 by 3 at least')
        at = lambda i, j: '%dx%d' % (i % x + 1, j % y + 1)
        for i in range(x):
            for j in range(y):
                self.addSwitch('s' + at(i, j), dpid='%x' % ((i + 1) * 256 + j + 1))
                for k in range(n):
                    self.addLink(self.addHost('h' + at(i, j) + ('' if n == 1 else 'x%d' % (k + 1))), 's' + at(i, j))
        for i in range(x):
            for j in range(y):
                self.addLink('s' + at(i, j), 's' + at(i, j + 1))
                self.addLink('s' + at(i, j), 's' + at(i + 1, j))


BUILT_IN = {'minimal': MinimalTopo, 'single': SingleSwitchTopo, 'reversed': SingleSwitchReversedTopo, 'linear': LinearTopo,
            'tree': TreeTopo, 'torus': TorusTopo}
del topo_classes[:]  # from here on they are the script's
