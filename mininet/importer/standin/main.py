# Runs the script, chooses the network that it came to, and writes it down as JSON on the descriptor that was named.


def host_record(h):
    return {'name': h.name, 'ip': h.address, 'mac': h.hardware, 'where': h.place}


def end_record(intf, port):
    return {'node': intf.node.name, 'name': intf.name, 'shape': intf.shape, 'where': intf.place}


def record(hosts, switches, all_links):
    known = hosts + switches
    found = {'hosts': [host_record(h) for h in hosts],
             'switches': [{'name': s.name, 'stp': bool(s.stp), 'where': s.place} for s in switches], 'links': []}
    for l in all_links:
        outside = [i.node for i in (l.intf1, l.intf2) if i.node not in known]
        if outside:
            if len(outside) == 1 and not isinstance(outside[0], NAT):
                note('link %s leads to %s, which is none of the network\'s hosts and switches' % (l, outside[0]), l.place)
            continue
        found['links'].append({'a': end_record(l.intf1, 0), 'b': end_record(l.intf2, 1), 'where': l.place})
    for h in hosts:
        kind = type(h)
        if kind not in (Host, Node, CPULimitedHost) and kind.config is not Node.config:
            note('%s is a %s, whose own config() is not run' % (h.name, kind.__name__), h.place)
        if not h.inNamespace:
            note('%s is outside of any namespace in the script, and has one of its own here' % h.name, h.place)
    return found


class Choice(Exception):
    "The person has to say which."


def from_topos(topos, name):
    if name is None:
        names = sorted(topos)
        if len(names) > 1:
            raise Choice('the script has several topologies: name one of them with --name: %s' % ', '.join(names))
        name = names[0]
    topo = buildTopo(dict(BUILT_IN, **topos), name)
    net = Mininet(topo, link=TCLink, build=False)
    net.build()
    return net


def choose(script, name):
    "The network that the script made, or could make."
    topos = script.get('topos') if isinstance(script.get('topos'), dict) else {}
    if name is not None:
        classes = {c.__name__: c for c in topo_classes}
        return from_topos(dict(classes, **topos), name)
    real = [n for n in nets if n.nodes() or n.topo]
    started = [n for n in real if n.started]
    for net in (started or real)[:1]:
        net.build()
        for other in real:
            if other is not net:
                note('this network is another one, and is left out: the one of %s is taken' % net.place, other.place)
        return net
    if topos:
        return from_topos(topos, None)
    leaves = [c for c in topo_classes if not any(issubclass(o, c) and o is not c for o in topo_classes)]
    if len(leaves) == 1 and not nodes:
        note('the script makes no network: its class %s is taken' % leaves[0].__name__, '')
        return from_topos({leaves[0].__name__: leaves[0]}, None)
    if len(leaves) > 1 and not nodes:
        raise Choice('the script makes no network, and has several classes: name one of them with --name: %s' %
                          ', '.join(sorted(c.__name__ for c in leaves)))
    return None


def failure(script):
    "What went wrong, at the script's innermost line."
    kind, value, trace = sys.exc_info()
    place = ''
    if isinstance(value, Choice):
        return {'where': '', 'what': str(value), 'kind': 'Choice'}
    if isinstance(value, SyntaxError):
        place = '%s:%s' % (value.filename or script, value.lineno)
        return {'where': place, 'what': 'SyntaxError: %s' % value.msg, 'kind': 'SyntaxError'}
    while trace:
        name = trace.tb_frame.f_code.co_filename
        if own(name):
            place = '%s:%d' % (name, trace.tb_lineno)
        trace = trace.tb_next
    return {'where': place, 'what': '%s: %s' % (kind.__name__, value), 'kind': kind.__name__}


def run_script(path, arguments):
    with open(path, 'rb') as f:
        source = f.read()
    module = types.ModuleType('__main__')
    module.__file__ = path
    sys.modules['__main__'] = module
    sys.argv = [path] + arguments
    sys.path[0] = os.path.dirname(os.path.abspath(path))
    code = compile(source, path, 'exec')
    exec(code, module.__dict__)
    return module.__dict__


def main():
    out, seconds, name, path = os.fdopen(int(sys.argv[1]), 'w'), float(sys.argv[2]), sys.argv[3] or None, sys.argv[4]
    os.set_inheritable(out.fileno(), False)
    neutralise()
    first = os.getpid()

    def late(*args):
        note('the script still ran after %g s, and was ended' % seconds)
        raise Stop()
    signal.signal(signal.SIGALRM, late)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    namespace, result = {}, {}
    try:
        namespace = run_script(path, sys.argv[5:])
    except (Stop, KeyboardInterrupt):
        namespace = vars(sys.modules['__main__'])
    except SystemExit as e:
        namespace = vars(sys.modules['__main__'])
        if e.code not in (None, 0):
            result['error'] = {'where': '', 'what': 'the script ended itself: %s' % (e.code,), 'kind': 'SystemExit'}
    except BaseException:
        result['error'] = failure(path)
        namespace = vars(sys.modules['__main__'])
    signal.setitimer(signal.ITIMER_REAL, seconds)  # for what is left to do
    try:
        if result.get('error') and not any(n.started for n in nets):
            pass
        else:
            if result.get('error'):
                note('%s: the script ended here, after the network had started' % result['error']['what'], result['error']['where'])
                del result['error']
            net = choose(namespace, name)
            if net is not None:
                result.update(record(net.hosts, net.switches, links))
            else:
                bare = [n for n in nodes if not n.is_controller]
                result.update(record([n for n in bare if not n.is_switch], [n for n in bare if n.is_switch], links))
    except Stop:
        result = {'error': {'where': '', 'what': 'it took too long to build the topology', 'kind': 'Stop'}}
    except BaseException:
        result['error'] = failure(path)
    result['notes'] = notes
    sys.stdout.flush()
    if os.getpid() != first:
        os._exit(0)  # a process that the script forked: the record is for the first to write
    json.dump(result, out)
    out.close()
    os._exit(0)  # whatever threads the script may have left


main()
