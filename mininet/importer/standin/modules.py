# The modules under whose names a script finds all of this.


class Log(object):
    "mininet.log's logger: what a script says is kept with the rest of what it prints."

    def __getattr__(self, name):
        return _say

    def setLogLevel(self, *args, **kwargs):
        pass


def _say(*args, **kwargs):
    text = str(args[0]) if args else ''
    rest = args[1:]
    try:
        text = text % rest if rest and '%' in text else ' '.join([text] + [str(a) for a in rest])
    except (TypeError, ValueError):
        pass
    sys.stdout.write(text)


def custom(cls, **params):
    @functools.wraps(cls, updated=())
    def customized(*args, **kwargs):
        return cls(*args, **dict(params, **kwargs))
    return customized


def specialClass(cls, prepend=None, append=None, defaults=None, override=None):
    class Special(cls):
        def __init__(self, *args, **params):
            merged = dict(defaults or {}, **params)
            merged.update(override or {})
            cls.__init__(self, *(list(prepend or []) + list(args) + list(append or [])), **merged)
    Special.__name__ = cls.__name__
    return Special


def ready(*args, **kwargs):
    return True


def nothing(*args, **kwargs):
    return None


def dumpNodeConnections(nodes_):
    for node in nodes_:
        print(node.name, ' '.join('%s:%s' % (i, [o for o in (i.link.intf1, i.link.intf2) if o is not i][0])
                                  for i in node.intfList() if i.link))


def not_run(name, result):
    def call(*args, **kwargs):
        note('%s(%s) is not run' % (name, short(args)))
        return result() if callable(result) else result
    return call


MODULES = {
    'log': {'lg': Log(), 'setLogLevel': nothing, 'LEVELS': {'debug': 10, 'info': 20, 'output': 25, 'warning': 30, 'error': 40},
            'info': _say, 'output': _say, 'error': _say, 'warn': _say, 'warning': _say, 'debug': nothing},
    'topo': {c.__name__: c for c in (Topo, SingleSwitchTopo, SingleSwitchReversedTopo, MinimalTopo, LinearTopo)},
    'topolib': {'TreeTopo': TreeTopo, 'TorusTopo': TorusTopo, 'TreeNet': TreeNet},
    'link': {c.__name__: c for c in (Intf, TCIntf, OVSIntf, Link, TCLink, TCULink, OVSLink)},
    'node': dict({c.__name__: c for c in (
        Node, Host, CPULimitedHost, Switch, UserSwitch, OVSSwitch, OVSBridge, IVSSwitch, Controller, RemoteController,
        OVSController, NOX, Ryu, InbandController)}, OVSKernelSwitch=OVSSwitch, DefaultSwitch=OVSSwitch,
        DefaultController=DefaultController, NullController=NullController, findController=findController,
        DefaultControllers=(Controller, OVSController)),
    'nodelib': {'NAT': NAT, 'LinuxBridge': LinuxBridge},
    'net': {'Mininet': Mininet, 'MininetWithControlNet': Mininet, 'VERSION': '2.3.0'},
    'cli': {'CLI': CLI},
    'clean': {'cleanup': nothing, 'Cleanup': Log(), 'sh': not_run('sh', '')},
    'term': {'makeTerm': not_run('makeTerm', list), 'makeTerms': not_run('makeTerms', list), 'runX11': nothing,
             'cleanUpScreens': nothing, 'tunnelX11': nothing},
    'moduledeps': {},
    'util': {
        'irange': irange, 'natural': natural, 'naturalSeq': naturalSeq, 'custom': custom, 'specialClass': specialClass,
        'customClass': lambda classes, text: classes[text.split(',')[0]], 'buildTopo': buildTopo,
        'dumpNodeConnections': dumpNodeConnections, 'dumpNetConnections': lambda net: dumpNodeConnections(net.nodes()),
        'dumpPorts': nothing, 'quietRun': not_run('quietRun', ''), 'errRun': not_run('errRun', lambda: ('', '', 0)),
        'errFail': not_run('errFail', lambda: ('', '', 0)), 'run': not_run('run', 0), 'checkRun': not_run('checkRun', 0),
        'which': lambda *a, **k: '', 'waitListening': ready, 'ensureRoot': nothing, 'fixLimits': nothing, 'numCores': os.cpu_count,
        'pmonitor': lambda *a, **k: iter(()), 'ipAdd': ipAdd, 'ipStr': ipStr, 'ipNum': ipNum, 'ipParse': ipParse,
        'netParse': netParse, 'macColonHex': macColonHex, 'moveIntf': nothing, 'makeIntfPair': nothing, 'retry': nothing,
        'BaseString': str, 'decode': str, 'encode': str, 'Python3': True, 'makeNumeric': float, 'isShellBuiltin': lambda c: False,
    },
    'examples': {},
}


class Finder(object):
    "Finds every module below mininet here, and so none that is installed."

    @staticmethod
    def find_spec(name, path=None, target=None):
        if name == 'mininet' or name.startswith('mininet.'):
            return ModuleSpec(name, Finder, is_package=True)
        return None

    @staticmethod
    def create_module(spec):
        return None

    @staticmethod
    def exec_module(module):
        short_name = module.__name__.partition('.')[2]
        if short_name and short_name not in MODULES:
            note('module %s is not represented' % module.__name__)
        module.__dict__.update(MODULES.get(short_name, {}))
        module.__file__ = '<wireproof>'
        if not short_name:
            module.VERSION = '2.3.0'

        def unknown(name):
            if name.startswith('__') or module.__name__ + '.' + name in sys.modules or name in MODULES and not short_name:
                raise AttributeError(name)
            note('%s.%s is not represented' % (module.__name__, name))
            return not_run(name, None)
        module.__getattr__ = unknown


def neutralise():
    "Takes from the script what reaches the machine by way of other programs, and what waits."
    sys.meta_path.insert(0, Finder)
    os.system = not_run('os.system', 0)
    os.popen = not_run('os.popen', lambda: Process().stdout)
    for name in ('call', 'check_call'):
        setattr(subprocess, name, not_run('subprocess.' + name, 0))
    subprocess.run = not_run('subprocess.run', lambda: subprocess.CompletedProcess([], 0, '', ''))
    subprocess.check_output = subprocess.getoutput = not_run('subprocess.check_output', '')
    subprocess.getstatusoutput = not_run('subprocess.getstatusoutput', lambda: (0, ''))

    class Popen(Process):
        def __init__(self, *args, **kwargs):
            Process.__init__(self)
            note('subprocess.Popen(%s) is not run' % short(args))
    subprocess.Popen = Popen
    time.sleep = nothing
    # Many scripts end where they are not root.
    os.getuid = os.geteuid = lambda: 0

    def ask(prompt=''):
        note('input(%r) is not asked, and ends the script' % str(prompt))
        raise Stop()
    builtins.input = ask
